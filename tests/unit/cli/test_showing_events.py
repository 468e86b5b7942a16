"""Events and runs, a line each."""

from textwrap import dedent

from reconciler.cli.show.events import event_block, event_lines
from reconciler.cli.show.history import history_lines, run_lines
from tests.unit.cli.screens import EVENT, MODE, NOW, pipe


def event_line(screen, event, **fields):
    (line,) = event_block(screen, event, **fields)
    return line


RUN = {
    "id": "r1",
    "target": "web-1",
    "cause": "drift",
    "revision": "abc",
    "startedAt": "2026-01-31T12:00:00.000000Z",
    "finishedAt": "2026-01-31T12:00:00.250000Z",
    "outcome": "Applied",
    "message": "1 applied",
    "units": [
        {
            "address": "web-1/File/motd",
            "action": "update",
            "cause": "drift",
            "diffs": [MODE],
            "outcome": "Applied",
            "message": "",
        }
    ],
}


def test_an_event_says_when_to_what_what_and_who():
    assert event_line(pipe(), EVENT, now=NOW, width=18) == (
        "12:00:00 ↻ web-1/File/motd     content changed by `vim /etc/motd` "
        "(pid 4711, alice as root), put back after 38 ms"
    )


def test_more_can_be_said_and_another_day_is_named():
    line = event_line(pipe(verbose=True), EVENT, now=NOW + 86400)
    assert line.startswith("2026-01-31 12:00:00 ↻")
    assert line.endswith("[Repaired, drift]")


def test_warnings_stand_out_and_other_things_do_not():
    assert " ✘ " in event_line(pipe(), {**EVENT, "type": "Warning"}, now=NOW)
    assert " · " in event_line(pipe(), {**EVENT, "reason": "Orphaned", "cause": ""}, now=NOW)


def test_one_event_is_one_line_whatever_is_in_it():
    line = event_line(pipe(), {**EVENT, "message": "a\nb\x1b[2J"}, now=NOW)
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_message_breaks_between_words_in_a_terminal():
    about = {**EVENT, "data": {"subject": "path:/etc/motd"}}
    lines = event_block(pipe(width=80), about, now=NOW)
    assert lines[0].startswith("12:00:00 ↻ web-1/File/motd  /etc/motd  content changed")
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(" ".join(lines).split()).endswith(EVENT["message"])
    narrow = event_block(pipe(width=40), about, now=NOW)
    assert narrow[0] == "12:00:00 ↻ web-1/File/motd  /etc/motd"
    assert narrow[1].startswith("    content changed by")


def test_a_broken_source_brings_its_problems_along():
    broken = {**EVENT, "type": "Warning", "reason": "SourceBroken", "data": {"problems": ["a.yaml:1: no"]}}
    assert event_block(pipe(), broken, now=NOW)[1:] == ["    a.yaml:1: no"]


def test_messages_stand_below_each_other():
    other = {**EVENT, "object": "web-1/File/m"}
    first, second = event_lines(pipe(), [EVENT, other], now=NOW)
    assert first.index("content") == second.index("content")
    assert event_lines(pipe(), [], now=NOW) == []


def test_a_run_has_its_units_below_it():
    bad = {**RUN["units"][0], "outcome": "", "action": "none", "message": "cut off"}
    lines = run_lines(
        pipe(verbose=True), [RUN, {**RUN, "finishedAt": None, "outcome": "", "units": [bad]}], now=NOW
    )
    assert "\n".join(lines) + "\n" == dedent("""\
        12:00:00 ✔ web-1  drift, 1 instance: 1 applied in 250 ms  revision abc
            ~ File/motd  Applied
                mode  0600 → 0644
        12:00:00 ✘ web-1  drift, 1 instance: not ended: under way, or cut off  revision abc
              File/motd  in doubt: cut off
                mode  0600 → 0644
        """)


def test_a_long_run_is_told_in_seconds():
    run = {**RUN, "finishedAt": "2026-01-31T12:00:02.500000Z", "units": []}
    assert "in 2.5 s" in run_lines(pipe(), [run], now=NOW)[0]


def test_a_target_is_not_named_twice_in_a_line():
    lost = {**EVENT, "object": "Target/web-1", "type": "Warning", "message": "web-1: no route to host"}
    assert event_line(pipe(), lost, now=NOW).endswith("Target/web-1  no route to host")


def test_a_history_says_between_its_runs_that_a_source_was_rolled_back():
    run = {
        "id": "1",
        "target": "web-1",
        "cause": "spec",
        "revision": "abc",
        "startedAt": "2026-01-31T12:00:00.000000Z",
        "finishedAt": "2026-01-31T12:00:00.250000Z",
        "outcome": "Applied",
        "message": "1 applied",
        "units": [],
    }
    back = {"object": "Source/srv/site", "at": "2026-01-31T12:00:01.000000Z", "message": "rolled back to abc"}
    later = {**run, "startedAt": "2026-01-31T12:00:02.000000Z", "finishedAt": None}
    lines = history_lines(pipe(), {"items": [run, later], "rollbacks": [back]}, now=NOW)
    assert [line[:8] for line in lines] == ["12:00:00", "12:00:01", "12:00:02"]
    assert lines[1] == "12:00:01 ↶ /srv/site  rolled back to abc"
