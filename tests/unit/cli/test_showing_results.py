"""What an apply did, as people read it."""

from reconciler.cli.show.results import result_document, result_lines, result_summary
from reconciler.core.conditions import Summary
from reconciler.engine.single.oneshot import TargetResult
from reconciler.model.conditions import Reason
from tests.unit.api.known import event
from tests.unit.cli.screens import pipe


def bad(reason, message):
    return Summary(ready=False, reason=Reason(reason), message=message, since=0.0)


def document(*results, events=(), subjects=None):
    return result_document(
        results,
        {e.object: [one for one in events if one.object == e.object] for e in events},
        subjects or {},
        seconds=1.23,
    )


def test_a_second_apply_says_that_there_is_nothing_to_do():
    found = document(TargetResult("a", 60), TargetResult("b", 40))
    assert result_summary(pipe(), found) == "nothing to do: 100 instances on 2 targets are as declared"
    assert result_lines(pipe(), found) == []


def test_each_change_says_what_was_done():
    result = TargetResult("a", 5, changed=["a/File/x", "a/File/y", "a/File/z"])
    created = event(1, "a/File/x", "Created", message="created", cause="spec")
    updated = event(2, "a/File/y", "Updated", message="updated: mode (0600 → 0644)", cause="")
    found = document(result, events=[created, updated], subjects={"a/File/x": "path:/etc/x"})
    assert result_lines(pipe(), found) == [
        "a",
        "  + File/x  /etc/x  created",
        "  ~ File/y  updated: mode (0600 → 0644)",
        "  ~ File/z  changed",
    ]
    assert result_summary(pipe(), found) == (
        "Applied: 1 created, 2 changed, 2 as declared before, on 1 target (1.2 s)"
    )
    assert found["targets"][0]["changed"][0] == {
        "address": "a/File/x",
        "subject": "path:/etc/x",
        "reason": "Created",
        "message": "created",
        "cause": "spec",
    }
    assert result_lines(pipe(quiet=True), found) == []


def test_what_was_changed_and_refreshed_says_both_and_is_one_instance():
    updated = event(1, "a/File/x", "Updated", message="updated: state (stopped → running)")
    refreshed = event(2, "a/File/x", "Refreshed", message="refreshed, since File/y has changed")
    found = document(TargetResult("a", 2, changed=["a/File/x"]), events=[updated, refreshed])
    assert result_lines(pipe(), found) == [
        "a",
        "  ~ File/x  updated: state (stopped → running)",
        "  » File/x  refreshed, since File/y has changed",
    ]
    assert result_summary(pipe(), found) == (
        "Applied: 1 refreshed, 1 changed, 1 as declared before, on 1 target (1.2 s)"
    )


def test_what_failed_was_left_alone_or_could_not_be_reached_is_named():
    found = document(
        TargetResult(
            "a",
            4,
            failed={"a/File/x": bad("TransientError", "/etc/x: b")},
            left={"a/File/y": bad("Differs", "policy: observe")},
        ),
        TargetResult("b", 3, error="b: no route to host"),
        subjects={"a/File/x": "path:/etc/x"},
    )
    assert result_lines(pipe(quiet=True), found) == [
        "a",
        "  ! File/y  policy: observe",
        "  ✘ File/x  /etc/x  b",
        "b  no route to host",
    ]
    assert result_summary(pipe(), found) == (
        "Applied: 0 changed, 1 failed, 1 left alone, 2 as declared before, "
        "on 2 targets, 1 of them unreachable (1.2 s)"
    )
    assert found["targets"][0]["failed"] == [
        {
            "address": "a/File/x",
            "subject": "path:/etc/x",
            "reason": "TransientError",
            "message": "/etc/x: b",
        }
    ]
    assert (found["failed"], found["unreachable"], found["left"]) == (1, 1, 1)


def test_what_was_done_in_the_same_way_on_several_targets_is_said_once():
    """Three hosts printed the same forty lines three times."""
    results = [TargetResult(name, 1, changed=[f"{name}/File/x"]) for name in ("a", "b")]
    other = TargetResult("c", 1, failed={"c/File/x": bad("PermanentError", "no such user")})
    created = [event(n, f"{name}/File/x", "Created", message="created") for n, name in enumerate("ab")]
    found = document(*results, other, events=created)
    assert result_lines(pipe(), found) == ["a, b", "  + File/x  created", "c", "  ✘ File/x  no such user"]


def test_what_only_waits_has_not_failed():
    failed = {
        "a/File/x": bad("TransientError", "/etc/x: b"),
        "a/File/y": bad("DependencyNotReady", "waits for a/File/x, which is not ready"),
    }
    found = document(TargetResult("a", 3, failed=failed))
    assert "1 failed, 1 waiting, 1 as declared before" in result_summary(pipe(), found)
    failed.pop("a/File/x")
    assert " failed" not in result_summary(pipe(), document(TargetResult("a", 3, failed=failed)))
