"""What an object's status says."""

from reconciler.app.operator import statuses
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.facts import Facts, Section

WHEN = "2026-01-01T00:00:00Z"
LATER = "2026-01-02T00:00:00Z"
NOW = "2026-03-01T00:00:00Z"


def view(target, ready="True", **more):
    return {
        "target": target,
        "ready": ready,
        "reason": "InSync" if ready == "True" else "Refused",
        "message": "as declared" if ready == "True" else "no",
        "since": WHEN,
        "conditions": [],
        "history": [],
        **more,
    }


def abnormal(type_, message):
    return {
        "type": type_,
        "status": "True",
        "reason": "Differs",
        "message": message,
        "lastTransitionTime": LATER,
    }


def test_of_one_target_all_conditions_are_said_at_the_generation_of_the_object():
    drifted = abnormal("Drifted", "mode")
    found = statuses.of_instances([view("web-1", "False", conditions=[{"type": "Ready"}, drifted])], "abc")
    said = statuses.settled(found, 7, None, now=NOW)
    ready, other = said["conditions"]
    assert ready == {
        "type": "Ready",
        "status": "False",
        "reason": "Refused",
        "message": "no",
        "lastTransitionTime": WHEN,
        "observedGeneration": 7,
    }
    assert other == {**drifted, "observedGeneration": 7}
    assert (said["observedGeneration"], said["target"], said["revision"]) == (7, "web-1", "abc")


def test_of_several_the_worst_is_said_and_they_are_counted():
    drifted = [abnormal("Drifted", "mode")]
    found = [view("a", conditions=drifted), view("b", "Unknown", conditions=drifted), view("c", "False")]
    said = statuses.of_instances(found, "")
    ready, other = said["conditions"]
    assert (ready["status"], ready["message"]) == ("False", "c: no")
    assert (other["type"], other["message"]) == ("Drifted", "a: mode, and 1 more")
    assert said["target"] == "3 targets"
    counts = said["targets"]
    assert (counts["total"], counts["ready"], counts["failed"]) == (3, 1, 1)
    assert [one["target"] for one in counts["worst"]] == ["c", "b"]
    both = statuses.of_instances([view("a"), view("b", since=None)], "")
    assert both["conditions"][0]["message"] == "as declared"


def test_of_none_it_is_said_why():
    assert statuses.of_nobody("", waiting=[])["conditions"][0]["status"] == "True"
    [ready] = statuses.of_nobody("", waiting=["web-1"])["conditions"]
    assert (ready["status"], ready["message"]) == ("Unknown", "waits for the facts of web-1")


def target(conditions=(), *, connected=None, seen=None):
    return {"conditions": conditions, "connectedSince": connected, "lastSeen": seen}


def test_of_a_target_it_is_said_what_is_on_it_and_what_it_is():
    facts = Facts(
        {
            Section("os"): {"name": "Debian GNU/Linux 12 (bookworm)"},
            Section("cpu"): {"arch": "amd64", "count": 2},
            Section("memory"): {"total": 1},
        }
    )
    on = [view("a"), view("a", "False", conditions=[abnormal("Drifted", "mode")]), view("a", "Unknown")]
    ready = {**abnormal("Ready", "connected"), "reason": "InSync", "observedGeneration": 1}
    said = statuses.of_target(target([ready], connected=WHEN, seen=LATER), on, facts, "r")
    assert said["instances"] == {"total": 3, "ready": 1, "failed": 1, "unknown": 1, "drifted": 1}
    assert said["facts"] == {"os": "Debian GNU/Linux 12 (bookworm)", "architecture": "amd64"}
    assert said["connectedSince"] == WHEN
    assert "lastSeen" not in said  # it would be another one all the time
    assert said["conditions"][0]["message"] == "connected"


def test_of_a_target_without_a_session_it_is_said_when_it_was_seen():
    said = statuses.of_target(target(seen=LATER), [view("a")], None, "r")
    assert said["lastSeen"] == LATER
    assert "facts" not in said
    assert said["conditions"][0]["message"] == "nobody has reached it yet"
    assert "nothing is declared" in statuses.of_target(target(), [], None, "")["conditions"][0]["message"]


def test_of_a_source_what_is_known_of_its_place():
    broken = Condition(ConditionType.READY, False, Reason.PERMANENT_ERROR, "no", 0.0, 1)
    assert statuses.of_source([broken], "r")["conditions"][0]["reason"] == "PermanentError"
    assert statuses.of_source([], "r")["conditions"][0]["status"] == "Unknown"


def test_what_is_wrong_is_said_with_what_counts_until_it_is_mended():
    new = statuses.of_wrong("spec.mode: no", None)
    assert [(one["type"], one["status"]) for one in new["conditions"]] == [
        ("Ready", "False"),
        ("Stalled", "True"),
    ]
    assert {one["reason"] for one in new["conditions"]} == {statuses.INVALID}
    before = statuses.of_instances([view("a", conditions=[abnormal("Drifted", "mode")])], "r")
    said = statuses.of_wrong("spec.mode: no", before)
    assert said["target"] == "a"
    assert said["conditions"][0]["message"] == "spec.mode: no; the last good version counts until then"
    assert said["conditions"][2]["type"] == "Drifted"


def test_a_message_is_bounded():
    assert len(statuses.of_wrong("x" * 9_000, None)["conditions"][1]["message"]) == 4096


def test_a_condition_that_has_not_changed_has_the_time_that_it_had():
    before = statuses.settled(statuses.of_instances([view("a")], "r"), 1, None, now=NOW)
    later = statuses.of_instances([view("a", since=LATER, message="still")], "r2")
    said = statuses.settled(later, 2, before, now=NOW)
    assert said["conditions"][0]["lastTransitionTime"] == WHEN
    assert not statuses.same(before, said)
    other = statuses.settled(
        statuses.of_instances([view("a", "False", since=LATER)], "r2"), 2, before, now=NOW
    )
    assert other["conditions"][0]["lastTransitionTime"] == LATER
    assert statuses.same({**said, "revision": "r3"}, said)
    assert not statuses.same(None, said)


def test_what_is_not_on_record_is_so_since_it_was_said_first():
    """It was so since 1970."""
    before = statuses.settled(statuses.of_wrong("no", None), 1, None, now=NOW)
    assert {one["lastTransitionTime"] for one in before["conditions"]} == {NOW}
    assert statuses.settled(statuses.of_wrong("no", None), 1, before, now=LATER) == before


def done(at, outcome="Updated", message="content, mode (0600 → 0644)"):
    return {
        "at": at,
        "generation": 1,
        "cause": "spec",
        "outcome": outcome,
        "message": message,
        "duration": 0.1,
        "revision": "r7",
    }


def test_what_was_done_last_is_said_the_newest_first_and_what_the_last_change_was():
    said = statuses.of_instances([view("a", history=[done(LATER, "Refreshed", "by b"), done(WHEN)])], "r")
    assert said["lastDiff"] == "content, mode (0600 → 0644)"
    assert said["history"] == [
        {
            "at": LATER,
            "target": "a",
            "cause": "spec",
            "outcome": "Refreshed",
            "revision": "r7",
            "message": "by b",
        },
        {
            "at": WHEN,
            "target": "a",
            "cause": "spec",
            "outcome": "Updated",
            "revision": "r7",
            "message": "content, mode (0600 → 0644)",
        },
    ]
    refreshed = statuses.of_instances([view("a", history=[done(LATER, "Refreshed")])], "r")
    assert "lastDiff" not in refreshed
    assert "history" not in statuses.of_instances([view("a")], "r")


def test_of_several_targets_what_was_done_is_said_together_and_bounded():
    many = [view(name, history=[done(WHEN), done(WHEN)]) for name in "abc"]
    many.append(view("d", history=[done(LATER, message="x" * 9_000)]))
    said = statuses.of_instances(many, "r")
    assert [one["target"] for one in said["history"]] == ["d", "c", "c", "b", "b"]
    assert said["lastDiff"].startswith("d: xxx")
    assert len(said["lastDiff"]) == 4096
    assert len(said["history"][0]["message"]) == 256
    assert statuses.of_instances(many[::-1], "r")["history"] == said["history"]
