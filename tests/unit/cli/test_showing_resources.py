"""Tables, descriptions and the status."""

from textwrap import dedent

import pytest

from reconciler.api.views import instant
from reconciler.cli.show.description import description
from reconciler.cli.show.resources import (
    broken_sources,
    resource_table,
    revision_table,
    source_table,
    suspension_lines,
    target_table,
)
from reconciler.cli.show.rollouts import rollout_table
from reconciler.cli.show.status import SPOKEN, status_lines
from reconciler.cli.show.tables import columns, table
from reconciler.core.reasons import AS_DECLARED
from reconciler.model.conditions import Reason
from tests.unit.cli.screens import EVENT, MODE, NOW, pipe, resource, status, target

BROKEN = resource("web-2/Directory/srv", "False", "PermanentError", "no such user: bob", since=None)
PROBLEM = "a.yaml:3:1: there is no kind Fil"
SOURCE = {
    "name": "/srv/site",
    "revision": "abc",
    "digest": "sha256:1",
    "conditions": [{"type": "Ready", "status": "False", "message": "1 problem(s) in def"}],
    "problems": [PROBLEM],
    "degraded": "no inotify watches left",
    "rollback": None,
}
SUSPENSION = {
    "object": "web-1",
    "by": "alice",
    "reason": "maintenance",
    "since": "2026-01-31T11:00:00.000000Z",
    "until": "2026-02-01T11:00:00.000000Z",
}


def text(lines):
    return "\n".join(lines) + "\n"


def test_resources_are_a_line_each():
    assert text(resource_table(pipe(), [resource(), BROKEN], now=NOW, wide=False)) == dedent("""\
        RESOURCE              READY   REASON           AGE   MESSAGE
        web-1/File/motd       True    InSync           1h    as declared
        web-2/Directory/srv   False   PermanentError   -     no such user: bob
        """)


def test_a_wide_table_has_more_columns():
    view = resource(message="is so", declaredAt="a.yaml:4", subject="path:/etc/motd", suspended=[SUSPENSION])
    assert text(resource_table(pipe(), [view], now=NOW, wide=True)) == dedent("""\
        RESOURCE          READY   REASON   AGE   SUBJECT     GENERATION   OBSERVED   DECLARED AT   SUSPENDED   MESSAGE
        web-1/File/motd   True    InSync   1h    /etc/motd   2/2          10s        a.yaml:4      web-1       is so
        """)


def test_a_narrow_terminal_loses_the_message_first_and_breaks_no_line():
    for width in (20, 40, 50, 80):
        lines = resource_table(pipe(width=width), [resource(), BROKEN], now=NOW, wide=False)
        assert len(lines) == 3
        assert all(columns(line) <= width for line in lines)
    assert "MESSAGE" not in resource_table(pipe(width=50), [resource()], now=NOW, wide=False)[0]
    assert "MESSAGE" in resource_table(pipe(width=80), [resource()], now=NOW, wide=False)[0]


def test_an_address_is_never_cut():
    """Half an address can neither be copied nor told from another one."""
    long = resource("a-target-with-a-name/File/and-a-resource-with-a-long-one")
    for width in (None, 20, 40, 60, 100):
        for wide in (False, True):
            lines = resource_table(pipe(width=width), [long, BROKEN], now=NOW, wide=wide)
            assert lines[1].startswith(long["address"])
            assert lines[2].startswith(BROKEN["address"])
            assert width != 60 or all(columns(line) <= width for line in lines)
    view = status(notReady=[long], counts={"InSync": 1}, instances=1)
    assert long["address"] in text(status_lines(pipe(width=40), view, now=NOW, where="/s"))


def test_a_status_in_a_narrow_terminal_still_says_why():
    view = status(notReady=[BROKEN], counts={"PermanentError": 1}, instances=1)
    told = text(status_lines(pipe(width=40), view, now=NOW, where="/s"))
    assert "  web-2/Directory/srv\n    PermanentError: no such user: bob\n" in told
    assert "REASON" in text(status_lines(pipe(width=80, colour=True), view, now=NOW, where="/s"))


def test_a_wide_table_in_a_narrow_terminal_has_the_columns_that_there_is_room_for():
    view = resource(declaredAt="site.yaml:4", subject="path:/etc/motd")
    header = resource_table(pipe(width=60), [view], now=NOW, wide=True)[0]
    assert header == "RESOURCE          READY   REASON   AGE   SUBJECT"


def test_a_status_breaks_no_line_in_a_narrow_terminal():
    view = status(
        targets=[target("web-1"), target("web-2", "False", "web-2: no route to host")],
        notReady=[BROKEN],
        suspensions=[SUSPENSION],
    )
    for width in (50, 60, 80):
        lines = status_lines(pipe(width=width), view, now=NOW, where="/s")
        assert all(columns(line) <= width for line in lines)


def test_characters_that_take_two_columns_are_counted_as_two():
    assert columns("表e\u0301") == 3
    lines = table(pipe(), ["A", "B"], [[("", "表"), ("", "x")], [("", "ab"), ("", "y")]])
    assert [columns(line) for line in lines[1:]] == [6, 6]
    cut = table(pipe(width=20), ["A", "B"], [[("", "x"), ("", "表" * 20)]])
    assert columns(cut[1]) <= 20
    assert "…" in cut[1]


def test_targets_say_how_they_are_reached():
    lost = target("web-2", "False", "web-2: no route to host")
    lost["nextTry"] = instant(NOW + 4.5)
    due = {**target("web-4", "False", "web-4: no route to host"), "nextTry": instant(NOW - 4.5)}
    new = {**target("web-3"), "conditions": [], "connectedSince": None}
    assert text(target_table(pipe(), [target("web-1"), lost, new, due], now=NOW, live=True)) == dedent("""\
        TARGET   STATE         INSTANCES   MESSAGE
        web-1    connected     3           connected as root, by sudo from ops, for 10m
        web-2    unreachable   3           no route to host; next try in 4s
        web-3    connecting    3
        web-4    unreachable   3           no route to host; next try now
        """)
    assert text(target_table(pipe(), [target("web-1"), new], now=NOW, live=False)) == dedent("""\
        TARGET   STATE       INSTANCES   MESSAGE
        web-1    last seen   3           connected as root, by sudo from ops, 11:58:00
        web-3    unknown     3           only a daemon keeps track of it
        """)


def test_a_broken_source_shows_its_problems_at_once():
    assert source_table(pipe(), [SOURCE], now=NOW) == [
        "✘ /srv/site  1 problem(s) in def",
        f"    {PROBLEM}",
        "    no inotify watches left",
    ]
    fresh = {**SOURCE, "conditions": [], "problems": [], "degraded": ""}
    assert source_table(pipe(), [fresh], now=NOW) == ["✘ /srv/site  not read by a daemon yet"]


ROLLBACK = {
    "revision": "3f2a9c",
    "by": "alice",
    "reason": "too soon",
    "since": "2026-01-31T11:00:00.000000Z",
    "until": None,
}


@pytest.mark.parametrize(
    ("until", "says"),
    [
        (None, "by alice until that is ended: too soon"),
        ("2026-01-31T12:00:06.000000Z", "by alice until 12:00:06: too soon"),
        (
            "2026-01-31T12:00:05.000000Z",
            "by alice until 12:00:05, which is over: the next apply, or the daemon, goes on: too soon",
        ),
    ],
)
def test_a_source_that_was_rolled_back_says_to_what_by_whom_why_and_how_that_is_ended(until, says):
    ready = {"type": "Ready", "status": "True", "message": "revision 3f2a9c is in force"}
    back = {**SOURCE, "conditions": [ready], "problems": [], "degraded": ""}
    back["rollback"] = {**ROLLBACK, "until": until}
    lines = [
        "● /srv/site  revision 3f2a9c is in force",
        f"    rolled back to 3f2a9c {says}; to end it: froyo rollback --end --source /srv/site",
    ]
    assert source_table(pipe(), [back], now=NOW) == lines
    assert broken_sources(pipe(), [back, {**back, "rollback": None}], now=NOW) == lines
    unread = {**back, "conditions": []}
    assert source_table(pipe(), [unread], now=NOW)[0] == "● /srv/site  not read by a daemon yet"


def test_revisions_say_which_is_in_force():
    view = {
        "source": "/srv/site",
        "revision": "3f2a9c",
        "takenAt": "2026-01-31T11:00:00.000000Z",
        "files": 1200,
        "inForce": True,
        "newest": False,
    }
    every = [view, {**view, "inForce": False}, {**view, "newest": True}]
    assert text(revision_table(pipe(), every, now=NOW)) == dedent("""\
        REVISION   SINCE      FILES   STATE                 SOURCE
        3f2a9c     11:00:00   1,200   in force              /srv/site
        3f2a9c     11:00:00   1,200   -                     /srv/site
        3f2a9c     11:00:00   1,200   in force and newest   /srv/site
        """)


def test_suspensions_say_who_why_and_until_when():
    endless = {**SUSPENSION, "object": "*", "until": None}
    assert text(suspension_lines(pipe(), [SUSPENSION, endless], now=NOW)) == dedent("""\
        OBJECT   BY      SINCE      UNTIL                 REASON
        web-1    alice   11:00:00   2026-02-01 11:00:00   maintenance
        all      alice   11:00:00   resumed               maintenance
        """)


def test_a_status_fits_on_a_screen():
    view = status(
        sources=[SOURCE],
        targets=[target("web-1")],
        counts={"InSync": 2, "PermanentError": 1},
        ready=2,
        instances=3,
        notReady=[BROKEN],
        suspensions=[SUSPENSION],
    )
    assert text(status_lines(pipe(), view, now=NOW, where="/state")) == dedent("""\
        Sources
          ✘ /srv/site  1 problem(s) in def
              a.yaml:3:1: there is no kind Fil
              no inotify watches left

        Targets
          TARGET   STATE       INSTANCES   MESSAGE
          web-1    connected   3           connected as root, by sudo from ops, for 10m

        Suspensions
          OBJECT   BY      SINCE      UNTIL                 REASON
          web-1    alice   11:00:00   2026-02-01 11:00:00   maintenance

        Not as declared
          REASON           RESOURCE              MESSAGE
          PermanentError   web-2/Directory/srv   no such user: bob

        2 of 3 instances as declared (1 failed for good)
        """)


def test_what_is_the_same_on_a_target_is_one_line_and_what_is_left_out_is_said():
    lost = resource("web-2/File/motd", "Unknown", "Unreachable", "no route to host", more=11)
    view = status(notReady=[lost, BROKEN], counts={"Unreachable": 12, "PermanentError": 30}, instances=42)
    lines = status_lines(pipe(), view, now=NOW, where="")
    assert "  Unreachable      web-2: 12 resources   no route to host" in lines
    assert "  … and 29 more resources: froyo get" in lines


def test_a_status_without_a_daemon_says_so_and_one_without_anything_too():
    lines = status_lines(pipe(), status(live=False), now=NOW, where="/state")
    assert lines[0] == "no daemon runs; this is what the store in /state knows"
    assert lines[-1] == "nothing is known of any instance yet"


def test_very_many_targets_are_not_all_listed():
    many = status(targets=[target(f"t{n}") for n in range(40)], counts={"InSync": 1}, instances=1)
    assert "  … and 10 more targets: froyo get targets" in status_lines(pipe(), many, now=NOW, where="")


def test_a_description_has_everything_about_one_thing():
    view = resource(
        "web-1/File/motd",
        "False",
        "Suspended",
        "suspended by alice: maintenance",
        declaredAt="site.yaml:4",
        metadata={"labels": {"tier": "web"}},
        require=["Directory/etc"],
        notify=["Exec/reload", "Exec/tell"],
        policy="enforce",
        adopt="replace",
        deletion="orphan",
        spec={
            "path": "/etc/motd",
            "body": {"digest": "sha256:1", "size": 6},
            "force": False,
            "except": ["a", "b"],
            "more": {"deep": 1},
        },
        suspended=[SUSPENSION],
        conditions=[
            {
                "type": "Ready",
                "status": "False",
                "reason": "Suspended",
                "message": "suspended by alice",
                "lastTransitionTime": "2026-01-31T11:00:00.000000Z",
                "observedGeneration": 2,
            }
        ],
        history=[
            {
                "at": "2026-01-30T11:00:00.000000Z",
                "outcome": "Repaired",
                "message": "put back",
                "cause": "drift",
                "generation": 1,
                "duration": 0.1,
            }
        ],
    )
    events = [{**EVENT, "data": {"diffs": [MODE]}}]
    assert text(description(pipe(), view, events, now=NOW)) == dedent("""\
        Resource    web-1/File/motd
        Declared at site.yaml:4
        Ready       False, Suspended: suspended by alice: maintenance
        Generation  2, observed 2, seen so for 10s
        Suspended   web-1 by alice since 11:00:00 until 2026-02-01 11:00:00: maintenance
        Labels      tier=web
        Requires    Directory/etc
        Notifies    Exec/reload, Exec/tell

        Spec
          path      /etc/motd
          body      sha256:1 (6 B)
          force     false
          except    a, b
          more:
            deep  1
          policy    enforce
          adopt     replace
          deletion  orphan

        Conditions
          Ready=False  Suspended  since 11:00:00  suspended by alice

        What was done last
          2026-01-30 11:00:00  Repaired  put back  drift

        Last events
          12:00:00 ↻ web-1/File/motd  content changed by `vim /etc/motd` (pid 4711, alice as root), put back after 38 ms

        What differed last
          mode  0600 → 0644
        """)


def test_what_was_never_looked_at_is_described_as_that():
    lines = description(pipe(), resource(ready="Unknown", reason="Pending", observedAt=None), [], now=NOW)
    assert "Generation  2, not observed in sync yet" in lines
    assert "  none yet: it has not been looked at" in lines
    assert "  nothing" in lines


def test_what_keeps_the_daemon_from_working_comes_first():
    view = status(problems={"target web-1": "/state/froyo.db: disk is full"}, instances=1, ready=0)
    assert text(status_lines(pipe(), view, now=NOW, where="/state")).startswith(
        "Problems of the daemon\n  target web-1: /state/froyo.db: disk is full\n"
    )


def test_what_is_put_back_again_and_again_counts_as_declared_and_is_named():
    fought = {**BROKEN, "ready": "True", "reason": "Contested", "message": "someone keeps changing it back"}
    view = status(counts={"InSync": 1, "Contested": 1}, instances=2, ready=2, contested=[fought])
    shown = text(status_lines(pipe(), view, now=NOW, where="/state"))
    assert "Put back again and again\n" in shown
    assert fought["address"] in shown
    assert shown.endswith("2 of 2 instances as declared (1 fought about)\n")


def test_what_is_said_of_a_source_fits_a_narrow_terminal_and_stays_whole_in_a_pipe():
    message = "1 problem in 3f2a9c; the last good one stays in force"
    view = {
        "name": "/srv/site",
        "conditions": [{"type": "Ready", "status": "False", "message": message}],
        "problems": ["site.yaml:3:4: there is no field spec.pth in a File, did you mean 'path'?"],
        "degraded": "only looked at now and then: the limit of watches is reached",
        "rollback": None,
    }
    lines = source_table(pipe(width=40), [view], now=NOW)
    assert max(map(len, lines)) <= 40
    assert " ".join(" ".join(lines).split()).startswith(f"✘ /srv/site {message} site.yaml:3:4: ")
    assert len(source_table(pipe(), [view], now=NOW)) == 3


def test_every_reason_for_which_something_is_not_as_declared_has_words():
    of_other_things = {Reason.WATCH_DEGRADED}
    assert set(Reason) - AS_DECLARED - of_other_things <= SPOKEN.keys()


def test_who_works_on_which_targets_is_said_where_several_share_them_out():
    one = {
        "host": "web-1",
        "pid": 812,
        "since": "2026-01-01T00:00:00Z",
        "leads": True,
        "targets": ["db", "web"],
    }
    other = {**one, "host": "web-2", "pid": 7, "leads": False, "targets": []}
    shown = text(status_lines(pipe(), status(controllers=[one, other]), now=NOW, where=""))
    assert "Controllers\n" in shown
    [first, second] = [line.split() for line in shown.splitlines() if "(pid" in line]
    assert (first[:4], first[-3:]) == (["web-1", "(pid", "812)", "leads"], ["2", "db", "web"])
    assert (second[:4], second[-1]) == (["web-2", "(pid", "7)", "follows"], "0")


def test_of_a_rollout_it_is_said_of_which_source_it_is_where_there_are_several():
    # One of a source that is not served any more stood beside those that are, as if it went on.
    view = {
        "name": "web",
        "source": "/srv/old",
        "phase": "Progressing",
        "wave": 1,
        "waves": 2,
        "reached": 1,
        "total": 2,
        "failed": 0,
        "revision": "abc",
        "since": instant(NOW - 5),
        "message": "waits for h2",
    }
    screen = pipe()
    assert "SOURCE" not in rollout_table(screen, [view], now=NOW)[0]
    assert "SOURCE" not in rollout_table(screen, [view], now=NOW, served=["/srv/old"])[0]
    assert "/srv/old" in rollout_table(screen, [view], now=NOW, served=["/srv/site"])[1]
    assert "/srv/new" in rollout_table(screen, [view, {**view, "source": "/srv/new"}], now=NOW)[2]
