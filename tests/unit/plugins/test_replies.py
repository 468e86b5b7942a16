import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.model.calls import Call
from reconciler.plugins.calls import Phase
from reconciler.plugins.replies import calls_of, done_of
from reconciler.plugins.steps import Misbehaviour

DIGEST = "sha256:" + "a" * 64
REQUESTS: dict[Phase, dict[str, Any]] = {
    Phase.READ: {"resources": [{"address": "h/K/a"}]},
    Phase.PLAN: {"resources": [{"address": "h/K/a"}]},
    Phase.APPLY: {"operations": [{"address": "h/K/a"}]},
    Phase.DESTROY: {"operations": [{"address": "h/K/a"}]},
}
KEYS = {Phase.READ: "actual", Phase.PLAN: "operations", Phase.APPLY: "results", Phase.DESTROY: "results"}
DIFF = {"field": "mode", "before": "0600", "after": "0644"}
GOOD = {
    Phase.READ: {"exists": True, "state": {}},
    Phase.PLAN: {"action": "update", "diffs": [DIFF]},
    Phase.APPLY: {"changed": True},
    Phase.DESTROY: {"changed": False},
}


def answer(phase: Phase, *items: dict[str, Any], address: str = "h/K/a") -> dict[str, Any]:
    reply = {KEYS[phase]: [{"address": address, **item} for item in items]}
    return done_of(phase, REQUESTS[phase], json.dumps(reply))


@pytest.mark.parametrize("phase", GOOD)
def test_what_fits_is_taken_and_made_complete(phase: Phase) -> None:
    [item] = answer(phase, GOOD[phase])[KEYS[phase]]
    assert item.keys() >= GOOD[phase].keys()
    if phase is Phase.READ:
        assert item["watch"] == []
    if phase is Phase.PLAN:
        assert (item["payload"], item["calls"], item["blobs"], item["preimage"]) == ({}, [], [], None)
        assert item["diffs"][0]["ignored"] is False


@pytest.mark.parametrize("phase", GOOD)
@pytest.mark.parametrize("fault", [{}, {"retry_after_ms": 0}, {"retry_after_ms": 5, "class": "throttled"}])
def test_a_fault_may_stand_in_any_place(phase: Phase, fault: dict[str, Any]) -> None:
    fault = {"class": "permanent", "message": "no", **fault}
    assert answer(phase, {"fault": fault})[KEYS[phase]][0]["fault"] == fault


@pytest.mark.parametrize("phase", GOOD)
@pytest.mark.parametrize("text", ["", "{", "nul", '{"a": NaN}', '{"a": Infinity}', "[" * 100_000, "1" * 5000])
def test_what_is_not_json_is_refused(phase: Phase, text: str) -> None:
    with pytest.raises(Misbehaviour, match="answered what is not JSON"):
        done_of(phase, REQUESTS[phase], text)


@pytest.mark.parametrize("phase", [*GOOD, Phase.INIT])
@pytest.mark.parametrize("text", ["[]", "5", "null", '"text"'])
def test_what_is_no_object_is_refused(phase: Phase, text: str) -> None:
    with pytest.raises(Misbehaviour, match="no object"):
        done_of(phase, REQUESTS.get(phase, {}), text)


@pytest.mark.parametrize("phase", GOOD)
def test_answers_are_one_for_one(phase: Phase) -> None:
    with pytest.raises(Misbehaviour, match=f"owes a list '{KEYS[phase]}' with 1 items"):
        answer(phase)
    with pytest.raises(Misbehaviour, match="with 1 items"):
        answer(phase, GOOD[phase], GOOD[phase])
    with pytest.raises(Misbehaviour, match="with 1 items"):
        done_of(phase, REQUESTS[phase], "{}")
    with pytest.raises(Misbehaviour, match="owes an answer about h/K/a in its place"):
        answer(phase, GOOD[phase], address="h/K/b")
    with pytest.raises(Misbehaviour, match="owes an answer about h/K/a in its place"):
        done_of(phase, REQUESTS[phase], json.dumps({KEYS[phase]: [None]}))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (None, "a fault without a message"),
        ("no", "a fault without a message"),
        ({"class": "permanent"}, "a fault without a message"),
        ({"class": "permanent", "message": 5}, "a fault without a message"),
        ({"message": "no"}, "a fault of class 'None'"),
        ({"class": "odd", "message": "no"}, "a fault of class 'odd'; there are transient, throttled"),
        ({"class": ["permanent"], "message": "no"}, "a fault of class"),
        ({"class": "throttled", "message": "no", "retry_after_ms": -1}, "that is no time"),
        ({"class": "throttled", "message": "no", "retry_after_ms": 1 << 32}, "that is no time"),
        ({"class": "throttled", "message": "no", "retry_after_ms": 1.5}, "that is no time"),
        ({"class": "throttled", "message": "no", "retry_after_ms": True}, "that is no time"),
    ],
)
def test_a_fault_has_a_class_and_a_message(fault: Any, reason: str) -> None:
    with pytest.raises(Misbehaviour, match=f"answered about h/K/a: .*{reason}"):
        answer(Phase.READ, {"fault": fault})


def planned(**changes: Any) -> dict[str, Any]:
    return GOOD[Phase.PLAN] | changes


@pytest.mark.parametrize(
    ("phase", "item", "reason"),
    [
        (Phase.READ, {"state": {}}, "`exists` and `state`"),
        (Phase.READ, {"exists": 1, "state": {}}, "`exists` and `state`"),
        (Phase.READ, {"exists": True, "state": []}, "`exists` and `state`"),
        (Phase.PLAN, planned(lost=-1), "its `lost` is no number"),
        (Phase.PLAN, planned(lost=True), "its `lost` is no number"),
        (Phase.READ, {"exists": True, "state": {}, "unfinished": 1}, "`unfinished` is neither"),
        (Phase.READ, {"exists": True, "state": {}, "remark": 5}, "its `remark` is no text"),
        (Phase.READ, {"exists": True, "state": {}, "remark": "x" * 2001}, "its `remark` is no text"),
        (Phase.READ, {"exists": True, "state": {}, "watch": "path:/etc"}, "no list of subjects"),
        (Phase.READ, {"exists": True, "state": {}, "watch": ["path:/etc/.."]}, "no list of subjects"),
        (Phase.READ, {"exists": True, "state": {}, "watch": ["path:/a"] * 2001}, "more than 2,000 subjects"),
        (
            Phase.READ,
            {"exists": True, "state": {}, "watch": ["path:/" + "a" * 262_144]},
            "262,144 characters",
        ),
        (Phase.PLAN, planned(action="burn"), "an action 'burn'; there are create, delete, none"),
        (Phase.PLAN, planned(action=None), "an action 'None'"),
        (Phase.PLAN, planned(diffs={}), "its `diffs` is no list"),
        (Phase.PLAN, planned(diffs=[5]), "a diff without"),
        (Phase.PLAN, planned(diffs=[{"field": "mode", "before": 1}]), "a diff without"),
        (Phase.PLAN, planned(diffs=[{**DIFF, "field": 5}]), "a diff without"),
        (Phase.PLAN, planned(diffs=[{**DIFF, "ignored": "yes"}]), "neither true nor false"),
        (Phase.PLAN, planned(diffs=[]), "the action 'update' without a difference"),
        (Phase.PLAN, planned(diffs=[{**DIFF, "ignored": True}]), "the action 'update' without a difference"),
        (Phase.PLAN, planned(action="none"), "the action 'none' with a difference"),
        (Phase.PLAN, planned(obstacles={}), "its `obstacles` is no list"),
        (Phase.PLAN, planned(obstacles=[{"class": "permanent"}]), "a fault without a message"),
        (
            Phase.PLAN,
            planned(obstacles=[{"class": "permanent", "message": "no", "subjects": ["/etc"]}]),
            "an obstacle whose `subjects`",
        ),
        (Phase.PLAN, planned(payload=[]), "its `payload` is no object"),
        (Phase.PLAN, planned(calls={}), "its `calls` is no list"),
        (Phase.PLAN, planned(calls=[{"call": "file.stat"}]), "asks for something that is no call"),
        (Phase.PLAN, planned(blobs="x"), "its `blobs` is no list"),
        (Phase.PLAN, planned(blobs=["sha256:abc"]), "its `blobs` is no list"),
        (Phase.PLAN, planned(blobs=[5]), "its `blobs` is no list"),
        (Phase.PLAN, planned(preimage=[]), "its `preimage` is not"),
        (Phase.PLAN, planned(preimage={"path": "/x", "digest": "x", "size": 1}), "its `preimage` is not"),
        (Phase.APPLY, {}, "it owes `changed`"),
        (Phase.APPLY, {"changed": "yes"}, "it owes `changed`"),
        (Phase.DESTROY, {"changed": 1}, "it owes `changed`"),
    ],
)
def test_what_does_not_fit_is_refused(phase: Phase, item: dict[str, Any], reason: str) -> None:
    with pytest.raises(Misbehaviour, match=f"answered about h/K/a: .*{reason}"):
        answer(phase, item)


def test_what_is_only_ignored_may_be_left_alone() -> None:
    preimage = {"path": "/x", "digest": DIGEST, "size": 3}
    item = planned(action="none", diffs=[{**DIFF, "ignored": True}], blobs=[DIGEST], preimage=preimage)
    assert answer(Phase.PLAN, item)["operations"][0]["preimage"] == preimage


def test_what_is_planned_right_after_reading_is_held_to_the_same_shape_and_not_taken_unasked() -> None:
    asked = {"resources": [{"address": "h/K/a"}, {"address": "h/K/b"}], "plan": True}
    fault = {"class": "permanent", "message": "no"}
    actual = [{"address": "h/K/a", **GOOD[Phase.READ]}, {"address": "h/K/b", "fault": fault}]
    reply = {"actual": actual, "operations": [{"address": "h/K/a", **GOOD[Phase.PLAN]}], "more": 1}
    taken = done_of(Phase.READ, asked, json.dumps(reply))
    assert [len(taken.pop(key)) for key in ("actual", "operations")] == [2, 1]
    assert taken == {}
    unasked = done_of(Phase.READ, asked | {"plan": False}, json.dumps(reply))
    assert list(unasked) == ["actual"]
    with pytest.raises(Misbehaviour, match="owes a list 'operations' with 1 items"):
        done_of(Phase.READ, asked, json.dumps(reply | {"operations": []}))


def test_calls_are_taken_as_they_are() -> None:
    calls = [{"call": "file.stat", "args": {"path": "/x"}}]
    assert calls_of(json.dumps(calls)) == [Call("file.stat", {"path": "/x"})]


@pytest.mark.parametrize("text", ["[]", "{}", "null", "5"])
def test_waiting_for_nothing_is_refused(text: str) -> None:
    with pytest.raises(Misbehaviour, match="waits for no calls"):
        calls_of(text)


@pytest.mark.parametrize(
    "call",
    [
        5,
        {},
        {"call": "x"},
        {"call": 5, "args": {}},
        {"call": "x", "args": []},
        {"call": "x" * 65, "args": {}},
    ],
)
def test_what_is_no_call_is_refused(call: Any) -> None:
    with pytest.raises(Misbehaviour, match="no call"):
        calls_of(json.dumps([call]))


def nested(depth: int) -> Any:
    value: Any = "core"
    for turn in range(depth):
        value = [value] if turn % 2 else {"in": value}
    return value


def test_what_is_nested_too_deep_is_refused() -> None:
    shallow = {"exists": True, "state": {"x": nested(30)}}
    assert answer(Phase.READ, shallow)
    with pytest.raises(Misbehaviour, match=r"answered about h/K/a: it is nested more than 32 deep"):
        answer(Phase.READ, {"exists": True, "state": {"x": nested(31)}})
    assert calls_of(json.dumps([{"call": "x", "args": {"x": nested(31)}}]))
    with pytest.raises(Misbehaviour, match="nested more than 32 deep"):
        calls_of(json.dumps([{"call": "x", "args": {"x": nested(32)}}]))


WORDS = [
    "address",
    "h/K/a",
    "fault",
    "class",
    "message",
    "permanent",
    "exists",
    "state",
    "watch",
    "/etc",
    "action",
]
WORDS += [
    "none",
    "update",
    "diffs",
    "field",
    "before",
    "after",
    "ignored",
    "payload",
    "blobs",
    "preimage",
    "changed",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(WORDS), inner), max_leaves=12
)


@given(st.sampled_from(list(GOOD)), values)
def test_whatever_is_answered_is_taken_or_refused(phase: Phase, value: Any) -> None:
    item = {"address": "h/K/a", **value} if isinstance(value, dict) else value
    for text in (json.dumps(value), json.dumps({KEYS[phase]: [item]})):
        try:
            [taken] = done_of(phase, REQUESTS[phase], text)[KEYS[phase]]
        except Misbehaviour:
            continue
        assert taken["address"] == "h/K/a"


@given(values)
def test_whatever_is_asked_is_taken_or_refused(value: Any) -> None:
    for text in (json.dumps(value), json.dumps([{"call": "x", "args": value}])):
        try:
            calls = calls_of(text)
        except Misbehaviour:
            continue
        assert all(isinstance(one.args, dict) for one in calls)


def found(**reply: Any) -> dict[str, Any]:
    return done_of(Phase.READ, {"find": []}, json.dumps(reply))


def test_what_is_found_has_no_address_yet() -> None:
    item = {"kind": "K", "name": "a", "spec": {}, "remark": "r", "replaces": ["path:/etc/a"]}
    fault = {"kind": "L", "fault": {"class": "permanent", "message": "no"}}
    assert found(kinds=["K", "L"], found=[item, fault])["found"] == [item, fault]


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ({"found": []}, "owes a list 'kinds'"),
        ({"kinds": [1], "found": []}, "owes a list 'kinds'"),
        ({"kinds": []}, "owes a list 'found'"),
        ({"kinds": ["K"], "found": [{"kind": "L", "name": "a", "spec": {}}]}, "no kind that it named"),
        ({"kinds": ["K"], "found": ["K"]}, "no kind that it named"),
        ({"kinds": ["K"], "found": [{"kind": "K", "name": "a"}]}, "without `name` and `spec`"),
        ({"kinds": ["K"], "found": [{"kind": "K", "fault": {}}]}, "a fault without a message"),
        (
            {"kinds": ["K"], "found": [{"kind": "K", "name": "a", "spec": {}, "remark": 1}]},
            "`remark` is no text",
        ),
        *(
            (
                {"kinds": ["K"], "found": [{"kind": "K", "name": "a", "spec": {}, "replaces": wrong}]},
                "`replaces` is no list of subjects",
            )
            for wrong in ("path:/a", [1], ["no subject"])
        ),
    ],
)
def test_what_is_found_is_looked_at_whole(reply: dict[str, Any], why: str) -> None:
    with pytest.raises(Misbehaviour, match=why):
        found(**reply)
