"""The documents that questions are answered with: their shape is a promise (docs/cli.md)."""

import asyncio
import re
from pathlib import Path

import pytest

from reconciler.api.answers import ANSWERS, NotFound, answer
from reconciler.api.queries import event_filter, limit, seconds
from reconciler.api.views import instant
from reconciler.errors import UsageError
from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.event import REASONS, EventType
from reconciler.model.evidence import Evidence
from reconciler.model.facts import Facts
from reconciler.model.plan import Action, Cause, FieldDiff
from reconciler.model.scope import Scope
from reconciler.model.source import Revision
from reconciler.model.state import TargetState
from reconciler.store.records import QueuedKey, Run, RunUnit
from tests.unit.api.known import (
    Known,
    condition,
    event,
    instance,
    rollback,
    source_state,
    state,
    suspension,
    target_state,
)

MOTD = "web-1/File/motd"


@pytest.mark.parametrize("path", sorted(ANSWERS))
async def test_every_answer_has_a_version_and_a_kind(path):
    document = await answer(Known(), path, {})
    assert document["apiVersion"] == "froyo.dev/v1alpha1"
    assert document["kind"]


async def test_what_is_not_there_is_said_with_what_is():
    with pytest.raises(NotFound, match="/v1/status"):
        await answer(Known(), "/v1/nothing", {})
    with pytest.raises(NotFound, match="froyo get"):
        await answer(Known.of(state(MOTD)), "/v1/resources/web-1/File/other", {})


async def test_a_resource_says_how_it_is():
    known = Known.of(state(MOTD), known_instances={MOTD: instance(MOTD, tier="web")})
    found = await answer(known, f"/v1/resources/{MOTD}", {})
    assert (found["kind"], found["live"]) == ("Resource", True)
    document = found["item"]
    assert {key: document[key] for key in ("kind", "address", "target", "name", "ready", "reason")} == {
        "kind": "File",
        "address": MOTD,
        "target": "web-1",
        "name": "motd",
        "ready": "True",
        "reason": "InSync",
    }
    assert document["declaredAt"] == "site.yaml:4"
    assert document["observedAt"] == "1970-01-01T00:16:40.000000Z"
    assert document["spec"] == {"path": "/etc/motd"}


async def test_what_a_lost_target_was_last_is_not_what_it_is():
    known = Known.of(
        state(MOTD), known_targets={"web-1": target_state("web-1", ready=False, message="no route")}
    )
    [view] = (await answer(known, "/v1/resources", {}))["items"]
    assert (view["ready"], view["reason"]) == ("Unknown", "Unreachable")
    assert view["message"] == "last known: InSync; no route"


async def test_ready_at_an_older_generation_is_not_ready():
    [view] = (await answer(Known.of(state(MOTD, generation=2)), "/v1/resources", {}))["items"]
    assert (view["ready"], view["reason"]) == ("Unknown", "Pending")


async def test_a_failure_at_an_older_generation_says_nothing_of_this_one():
    failed = state(
        MOTD, condition(status=False, reason=Reason.PERMANENT_ERROR, message="refused"), generation=2
    )
    [view] = (await answer(Known.of(failed), "/v1/resources", {}))["items"]
    assert (view["ready"], view["reason"]) == ("Unknown", "Pending")
    assert "refused" not in view["message"]


async def test_resources_are_selected_by_word_target_and_label():
    known = Known.of(
        state(MOTD),
        state("web-2/File/motd"),
        known_instances={MOTD: instance(MOTD, tier="web"), "web-2/File/motd": instance("web-2/File/motd")},
    )

    async def addresses(**query):
        return [view["address"] for view in (await answer(known, "/v1/resources", query))["items"]]

    assert await addresses() == [MOTD, "web-2/File/motd"]
    assert await addresses(what="File/motd", target="web-2") == ["web-2/File/motd"]
    assert await addresses(selector="tier=web") == [MOTD]
    assert await addresses(what="Nothing") == []


async def test_what_is_the_same_on_all_of_a_target_is_one_entry_of_a_status():
    lost = condition(status=False, reason=Reason.UNREACHABLE, message="no route")
    known = Known.of(*(state(f"a/File/{n}", lost) for n in range(30)), state("b/File/x", lost))
    status = await answer(known, "/v1/status", {})
    assert [(view["target"], view["more"]) for view in status["notReady"]] == [("a", 29), ("b", 0)]


async def test_status_counts_and_names_the_worst_first():
    broken = state(
        "a/File/x",
        condition(status=False, reason=Reason.TRANSIENT_ERROR),
        condition(ConditionType.RECONCILING, reason=Reason.TRANSIENT_ERROR),
    )
    stalled = state(
        "b/File/y",
        condition(status=False, reason=Reason.PERMANENT_ERROR),
        condition(ConditionType.STALLED, reason=Reason.PERMANENT_ERROR, message="no such user"),
    )
    differs = state("c/File/z", condition(status=False, reason=Reason.DIFFERS))
    known = Known.of(
        broken, stalled, differs, state(MOTD), known_sources={"site": source_state("site", "a.yaml:1: no")}
    )
    status = await answer(known, "/v1/status", {})
    assert [view["address"] for view in status["notReady"]] == ["b/File/y", "c/File/z", "a/File/x"]
    assert status["counts"] == {"Differs": 1, "InSync": 1, "PermanentError": 1, "TransientError": 1}
    assert status["instances"] == 4
    assert status["sources"][0]["problems"] == ["a.yaml:1: no"]
    assert [(t["name"], t["instances"]) for t in status["targets"]] == [
        ("a", 1),
        ("b", 1),
        ("c", 1),
        ("web-1", 1),
    ]


async def test_who_asks_about_ten_thousand_resources_holds_nobody_up():
    known = Known.of(*(state(f"web-{n % 100}/File/f{n}", condition()) for n in range(10_000)))
    turns = 0

    async def repair():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    repairing = asyncio.create_task(repair())
    status = await answer(known, "/v1/status", {})
    repairing.cancel()
    assert status["counts"]["InSync"] == 10_000
    assert turns >= 99


@pytest.mark.parametrize("object_", ["web-1", "web-1/File", "web-1/File/motd"])
async def test_a_suspension_shows_on_what_it_covers(object_):
    """One of a target and a kind held what it covers, and was shown nowhere."""
    known = Known.of(state(MOTD), state("web-2/File/motd"), known_suspensions=[suspension(object_)])
    views = (await answer(known, "/v1/resources", {}))["items"]
    assert views[0]["suspended"][0]["by"] == "alice"
    assert "suspended" not in views[1]
    assert (await answer(known, "/v1/suspensions", {}))["items"][0]["until"] is None


async def test_an_event_has_only_what_is_known_of_who_did_it():
    evidence = Evidence(command="vim /etc/motd", pid=4711, user="root", source="fanotify", at=1001.5)
    known = Known(known_events=[event(1, evidence=evidence, duration=0.038, data={"action": "update"})])
    [view] = (await answer(known, "/v1/events", {}))["items"]
    assert view["evidence"] == {
        "command": "vim /etc/motd",
        "pid": 4711,
        "user": "root",
        "source": "fanotify",
        "at": "1970-01-01T00:16:41.500000Z",
    }
    assert (view["duration"], view["data"]) == (0.038, {"action": "update"})


async def test_events_are_filtered():
    known = Known(
        known_events=[
            event(1),
            event(2, object_="Target/web-1", reason="Unreachable", cause="", type=EventType.WARNING),
        ]
    )

    async def ids(**query):
        return [view["id"] for view in (await answer(known, "/v1/events", query))["items"]]

    assert await ids() == [1, 2]
    assert await ids(object="Target/") == [2]
    assert await ids(cause="Drift") == [1]
    assert await ids(type="warning") == [2]
    assert await ids(reason="Repaired") == [1]
    assert await ids(since="1970-01-01T00:16:42Z") == [2]
    assert await ids(after="1") == [2]
    assert await ids(limit="1") == [2]


async def test_a_run_has_its_units():
    run = Run(id="r", target="web-1", cause="spec", revision="abc", started_at=1000.0, finished_at=1001.0)
    diff = FieldDiff("mode", "0600", "0644", ignored=True)
    unit = RunUnit(
        run="r",
        address=MOTD,
        action=Action.UPDATE,
        cause=Cause.SPEC,
        diffs=(diff,),
        desired="d",
        observed="o",
        outcome="Applied",
    )
    known = Known(known_runs=[run], known_units={"r": [unit]})
    [view] = (await answer(known, "/v1/history", {"target": "web-1", "limit": "5"}))["items"]
    assert view["finishedAt"] == "1970-01-01T00:16:41.000000Z"
    assert view["units"][0]["diffs"] == [
        {"field": "mode", "before": "0600", "after": "0644", "ignored": True}
    ]


async def test_the_queue_says_what_people_asked_for():
    key = QueuedKey(target="web-1", priority=1, scope=Scope.of([MOTD]), added_at=1000.0)
    [view] = (await answer(Known(known_queue=[key]), "/v1/queue", {}))["items"]
    assert (view["target"], view["addresses"]) == ("web-1", [MOTD])


@pytest.mark.parametrize(
    "query",
    [
        *({"after": "-1"}, {"after": "x"}, {"after": "9" * 19}, {"after": "9" * 5000}),
        *({"cause": "whim"}, {"type": "loud"}, {"since": "soon"}, {"since": "nan"}),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(query):
    with pytest.raises(UsageError, match=next(iter(query))):
        event_filter(query)


def test_a_reason_is_understood_in_any_case_and_a_misspelt_one_gets_a_suggestion():
    assert event_filter({"reason": "repaired"}).reason == "Repaired"
    with pytest.raises(UsageError, match="no reason 'Repared'; did you mean 'Repaired'"):
        event_filter({"reason": "Repared"})
    with pytest.raises(UsageError, match="no cause 'drfit'; did you mean 'drift'"):
        event_filter({"cause": "drfit"})


def test_the_reasons_of_events_are_those_of_the_specification():
    text = (Path(__file__).parents[3] / "docs/spec/conditions.md").read_text()
    table = text.split("## Events")[1].split("| reason |")[1]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    written = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert set(REASONS) == written


@pytest.mark.parametrize("given", ["0", "-3", "many", "100001", "", "9" * 5000, "٣"])
def test_a_limit_is_a_sensible_number(given):
    with pytest.raises(UsageError, match="limit") as caught:
        limit({"limit": given}, 10)
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("given", [float("nan"), float("inf"), "-inf", 1e300, 10**400, None, [], "1e12"])
def test_a_time_that_could_never_be_shown_is_refused(given):
    with pytest.raises(UsageError, match="until"):
        seconds("until", given)


def test_times_are_taken_as_seconds_or_as_text():
    assert seconds("until", 12.5) == 12.5
    assert seconds("until", "1970-01-01T00:00:10Z") == 10.0
    assert seconds("until", "1970-01-01T00:00:10") == 10.0


def revision(number, name, source="/srv/site"):
    return Revision(number, source, name, "sha256:2", 1000.0, 3)


async def test_the_revisions_that_are_kept_say_which_is_in_force_and_which_is_the_newest():
    every = [revision(1, "r1"), revision(2, "r2"), revision(3, "x", source="/srv/other")]
    known = Known(known_revisions=every, known_rollbacks={"/srv/site": rollback("/srv/site", "r1")})
    document = await answer(known, "/v1/revisions", {})
    assert document["kind"] == "RevisionList"
    assert [(v["revision"], v["inForce"], v["newest"]) for v in document["items"]] == [
        ("r1", True, False),
        ("r2", False, True),
        ("x", True, True),
    ]
    assert document["items"][0] == {
        "source": "/srv/site",
        "revision": "r1",
        "digest": "sha256:2",
        "takenAt": "1970-01-01T00:16:40.000000Z",
        "files": 3,
        "inForce": True,
        "newest": False,
    }
    document = await answer(known, "/v1/revisions", {"source": "/srv/other"})
    assert [view["revision"] for view in document["items"]] == ["x"]


async def test_a_revision_that_was_kept_once_more_is_one():
    every = [revision(1, "r1"), revision(2, "r1"), revision(3, "r2"), revision(4, "r1"), revision(5, "r1")]
    known = Known(known_revisions=every, known_rollbacks={"/srv/site": rollback("/srv/site", "r1")})
    [first, second, third] = (await answer(known, "/v1/revisions", {}))["items"]
    assert (first["revision"], first["inForce"], first["newest"]) == ("r1", True, False)
    assert (second["revision"], third["revision"], third["newest"]) == ("r2", "r1", True)


async def test_a_source_says_what_it_was_rolled_back_to():
    back = {"site": rollback("site", "r1", until=3000.0)}
    known = Known(known_sources={"site": source_state("site")}, known_rollbacks=back)
    [view] = (await answer(known, "/v1/sources", {}))["items"]
    assert view["rollback"] == {
        "revision": "r1",
        "digest": "sha256:2",
        "by": "alice",
        "reason": "too soon",
        "since": "1970-01-01T00:15:00.000000Z",
        "until": "1970-01-01T00:50:00.000000Z",
    }
    known = Known(known_sources={"site": source_state("site")})
    assert (await answer(known, "/v1/sources", {}))["items"][0]["rollback"] is None


@pytest.mark.parametrize(("live", "names"), [(True, []), (False, ["site"])])
async def test_of_a_source_that_no_daemon_has_read_the_store_says_so_too(live, names):
    known = Known(known_rollbacks={"site": rollback("site", "r1")}, live=live)
    assert [view["name"] for view in (await answer(known, "/v1/sources", {}))["items"]] == names


async def test_a_history_has_the_rollbacks_since_its_oldest_run():
    events = [
        event(1, "Source/site", "RolledBack", message="long ago"),
        event(500, "Source/site", "RolledBack", message="to r1"),
        event(600, "Source/site", "RollbackEnded", message="is over"),
    ]
    run = Run(id="1", target="web-1", cause="spec", revision="r1", started_at=1400.0)
    known = Known(known_events=events, known_runs=[run])
    document = await answer(known, "/v1/history", {})
    assert [view["message"] for view in document["rollbacks"]] == ["to r1", "is over"]
    assert len((await answer(Known(known_events=events), "/v1/history", {}))["rollbacks"]) == 3


async def test_a_target_that_cannot_be_reached_says_when_it_is_tried_again():
    known = Known(
        known_targets={name: TargetState(name=name) for name in ("web-1", "web-2")},
        known_next_tries={"web-2": 2004.0},
    )
    first, second = (await answer(known, "/v1/targets", {}))["items"]
    assert (first["nextTry"], second["nextTry"]) == (None, instant(2004.0))


# --- Facts ----------------------------------------------------------------------------------------------------

DEBIAN = Facts(
    {"os": {"id": "debian", "like": []}, "mounts": {"/srv": {"size": 5}}, "users": {}},
    {"os": 2.0, "mounts": 1.0, "users": 3.0},
    frozenset({"users"}),
)


async def facts(**query):
    known = Known(known_facts={"web-1": DEBIAN}, known_targets={"web-1": 1, "db-1": 1})
    return await answer(known, "/v1/facts", query)


async def test_facts_are_told_with_how_old_they_are():
    found = await facts(target="web-1")
    assert found == {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Facts",
        "target": "web-1",
        "gatheredAt": "1970-01-01T00:00:01.000000Z",
        "cut": ["users"],
        "facts": DEBIAN.sections,
    }
    assert (await facts())["items"] == [found]


async def test_one_fact_is_told_by_its_path():
    found = await facts(target="web-1", path="os.id")
    assert (found["kind"], found["path"], found["value"]) == ("Fact", "os.id", "debian")
    assert (found["gatheredAt"], found["cut"]) == ("1970-01-01T00:00:02.000000Z", [])
    assert (await facts(target="web-1", path="mounts['/srv'].size"))["path"] == 'mounts["/srv"].size'


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"target": "web1"}, "no target is named 'web1'; did you mean 'web-1'"),
        ({"target": "db-1"}, "what db-1 is, is not known yet.*froyo facts db-1 --refresh"),
        ({"target": "web-1", "path": "hostname"}, "no facts called 'hostname'.*mean facts.network.hostname"),
        ({"target": "web-1", "path": "oss.id"}, "no facts called 'oss'.*did you mean 'os'"),
        (
            {"target": "web-1", "path": "os.idd"},
            "web-1 has no os.idd: there is no idd in os; did you mean 'id'",
        ),
        ({"target": "web-1", "path": "os.x"}, "there is no x in os; there is id, like"),
        ({"target": "web-1", "path": "os.like[0]"}, r"web-1 has no os.like\[0\]: there is no 0 in os.like$"),
        (
            {"target": "web-1", "path": "cpu.count"},
            "web-1 has no cpu.count: there is no cpu; there is mounts, os",
        ),
        ({"target": "web-1", "path": "os..id"}, "names no fact"),
    ],
)
async def test_a_fact_that_there_is_not_is_said_with_what_there_is(query, said):
    with pytest.raises(UsageError, match=said):
        await facts(**query)
