"""What a provider may answer. It is hostile until shown otherwise: each answer is looked at whole before use.

Every function raises Misbehaviour, which names the address and the field, for what does not fit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from reconciler.errors import ErrorClass
from reconciler.model.calls import Call
from reconciler.model.plan import Action
from reconciler.model.subjects import is_normal, is_watched
from reconciler.model.subjects import parse as subject_of
from reconciler.plugins.calls import Phase
from reconciler.plugins.steps import Misbehaviour

CALL_NAME_MAX = 64
DEPTH_MAX = 32
"""How deep an answer may nest. What just about parses here might not be encoded deeper in the stack."""
OUTPUT_MAX = 16_384
"""Characters of what an operation may say."""
REMARK_MAX = 2_000
"""Characters of what a reading may say to a person."""
WATCHED_MAX = 2_000
"""Paths that one instance may have watched."""
WATCHED_LENGTH = 256 * 1024
"""Characters of all of them."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CLASSES = frozenset(ErrorClass)
_ACTIONS = frozenset(Action) - {Action.REFRESH}
"""That something is refreshed is nothing that a provider plans."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON knows")


_decode = json.JSONDecoder(parse_constant=_no_constant).decode


def parse(text: str) -> Any:
    """JSON text from a provider."""
    try:
        return _decode(text)
    except (ValueError, RecursionError) as error:
        raise Misbehaviour(f"answered what is not JSON: {error}") from None


def calls_of(text: str) -> list[Call]:
    """The calls of a pending step."""
    calls = parse(text)
    if type(calls) is not list or not calls:
        raise Misbehaviour("waits for no calls at all")
    _check_calls(calls)
    return [Call(call["call"], call["args"]) for call in calls]


def _check_calls(calls: Any) -> None:
    if type(calls) is not list:
        raise Misbehaviour("its `calls` is no list")
    for call in calls:
        if (
            type(call) is not dict
            or type(call.get("call")) is not str
            or len(call["call"]) > CALL_NAME_MAX
            or type(call.get("args")) is not dict
        ):
            raise Misbehaviour("asks for something that is no call: it has a name and arguments")
        _check_depth(call["args"], DEPTH_MAX)


def done_of(phase: Phase, request: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The reply of a finished phase."""
    reply = parse(text)
    if type(reply) is not dict:
        raise Misbehaviour("answered something that is no object")
    if phase is Phase.INIT:
        return reply
    if "find" in request:
        _check_found(reply)
        return {"kinds": reply["kinds"], "found": reply["found"]}
    asked, answered, check = _PHASES[phase]
    addresses = [item["address"] for item in request[asked]]
    checked = {answered: _checked(reply, answered, addresses, check)}
    if request.get("plan") and "operations" in reply:
        readable = [item["address"] for item in checked[answered] if "fault" not in item]
        checked["operations"] = _checked(reply, "operations", readable, _check_operation)
    return checked


def _checked(
    reply: dict[str, Any], answered: str, addresses: Sequence[str], check: Callable[[dict[str, Any]], None]
) -> list[dict[str, Any]]:
    """One answer about each of `addresses`, in their order."""
    items = reply.get(answered)
    if type(items) is not list or len(items) != len(addresses):
        raise Misbehaviour(f"owes a list {answered!r} with {len(addresses)} items")
    for address, item in zip(addresses, items, strict=True):
        if type(item) is not dict or item.get("address") != address:
            raise Misbehaviour(f"owes an answer about {address} in its place in {answered!r}")
        try:
            _check_depth(item, DEPTH_MAX)
            if "fault" in item:
                _check_fault(item["fault"])
            else:
                check(item)
        except Misbehaviour as error:
            raise Misbehaviour(f"answered about {address}: {error}") from None
    return items


def _check_depth(value: dict[str, Any] | list[Any], depth: int) -> None:
    if depth == 0:
        raise Misbehaviour(f"it is nested more than {DEPTH_MAX} deep")
    for inner in value.values() if type(value) is dict else value:
        if type(inner) is dict or type(inner) is list:
            _check_depth(inner, depth - 1)


def _check_fault(fault: Any) -> None:
    if type(fault) is not dict or type(fault.get("message")) is not str:
        raise Misbehaviour("a fault without a message")
    if type(fault.get("class")) is not str or fault["class"] not in _CLASSES:
        raise Misbehaviour(
            f"a fault of class {str(fault.get('class'))[:50]!r}; there are {', '.join(ErrorClass)}"
        )
    retry = fault.get("retry_after_ms")
    if retry is not None and (type(retry) is not int or not 0 <= retry < 1 << 32):
        raise Misbehaviour("a retry_after_ms that is no time")


def _check_found(reply: dict[str, Any]) -> None:
    """What was found, with no address yet: nobody has declared it."""
    kinds, found = reply.get("kinds"), reply.get("found")
    if type(kinds) is not list or not all(type(kind) is str for kind in kinds):
        raise Misbehaviour("owes a list 'kinds' of names")
    if type(found) is not list:
        raise Misbehaviour("owes a list 'found'")
    for item in found:
        if type(item) is not dict or item.get("kind") not in kinds:
            raise Misbehaviour("found something of no kind that it named")
        _check_depth(item, DEPTH_MAX)
        if "fault" in item:
            _check_fault(item["fault"])
            continue
        if type(item.get("name")) is not str or type(item.get("spec")) is not dict:
            raise Misbehaviour(f"found a {item['kind'][:50]} without `name` and `spec`")
        remark = item.get("remark", "")
        if type(remark) is not str or len(remark) > REMARK_MAX:
            raise Misbehaviour(
                f"found something whose `remark` is no text of at most {REMARK_MAX:,} characters"
            )
        _check_replaces(item.get("replaces", []))


def _check_replaces(replaces: object) -> None:
    try:
        if type(replaces) is list and all(type(one) is str and subject_of(one) for one in replaces):
            return
    except ValueError:
        pass
    raise Misbehaviour("found something whose `replaces` is no list of subjects")


def _check_actual(item: dict[str, Any]) -> None:
    if type(item.get("exists")) is not bool or type(item.get("state")) is not dict:
        raise Misbehaviour("it owes `exists` and `state`")
    remark = item.get("remark", "")
    if type(remark) is not str or len(remark) > REMARK_MAX:
        raise Misbehaviour(f"its `remark` is no text of at most {REMARK_MAX:,} characters")
    if type(item.get("unfinished", False)) is not bool:
        raise Misbehaviour("its `unfinished` is neither true nor false")
    watch = item.setdefault("watch", [])
    if type(watch) is not list or not all(map(is_watched, watch)):
        raise Misbehaviour("its `watch` is no list of subjects such as path:/etc/motd")
    if len(watch) > WATCHED_MAX or sum(map(len, watch)) > WATCHED_LENGTH:
        raise Misbehaviour(
            f"its `watch` has more than {WATCHED_MAX:,} subjects or {WATCHED_LENGTH:,} characters; "
            "a directory with a slash at its end stands for all that is directly in it"
        )


def _check_flags(item: dict[str, Any]) -> None:
    for flag in ("slow", "refreshes"):
        if type(item.get(flag, False)) is not bool:
            raise Misbehaviour(f"its `{flag}` is neither true nor false")


def _check_operation(item: dict[str, Any]) -> None:
    action, diffs = item.get("action"), item.setdefault("diffs", [])
    if type(action) is not str or action not in _ACTIONS:
        raise Misbehaviour(f"an action {str(action)[:50]!r}; there are {', '.join(sorted(_ACTIONS))}")
    if type(diffs) is not list:
        raise Misbehaviour("its `diffs` is no list")
    differs = False
    for diff in diffs:
        if (
            type(diff) is not dict
            or type(diff.get("field")) is not str
            or not {"before", "after"} <= diff.keys()
        ):
            raise Misbehaviour("a diff without `field`, `before` and `after`")
        if type(diff.setdefault("ignored", False)) is not bool:
            raise Misbehaviour("a diff whose `ignored` is neither true nor false")
        differs = differs or not diff["ignored"]
    if differs is (action == Action.NONE):
        raise Misbehaviour(
            f"the action {action!r} with{'' if differs else 'out'} a difference that is not ignored"
        )
    _check_obstacles(item.get("obstacles", []))
    if type(item.get("lost", 0)) is not int or item.get("lost", 0) < 0:
        raise Misbehaviour("its `lost` is no number of files")
    _check_flags(item)
    if type(item.setdefault("payload", {})) is not dict:
        raise Misbehaviour("its `payload` is no object")
    _check_calls(item.setdefault("calls", []))
    blobs = item.setdefault("blobs", [])
    if type(blobs) is not list or not all(type(one) is str and _DIGEST.fullmatch(one) for one in blobs):
        raise Misbehaviour("its `blobs` is no list of digests")
    preimage = item.setdefault("preimage", None)
    if preimage is not None and not (
        type(preimage) is dict
        and is_normal(preimage.get("path"))
        and type(preimage.get("digest")) is str
        and _DIGEST.fullmatch(preimage["digest"])
        and type(preimage.get("size")) is int
    ):
        raise Misbehaviour("its `preimage` is not of the form {path, digest, size}")


def _check_obstacles(obstacles: Any) -> None:
    if type(obstacles) is not list:
        raise Misbehaviour("its `obstacles` is no list")
    for obstacle in obstacles:
        _check_fault(obstacle)
        subjects = obstacle.setdefault("subjects", [])
        if type(subjects) is not list or not all(map(is_watched, subjects)):
            raise Misbehaviour("an obstacle whose `subjects` is no list of subjects such as path:/etc/motd")


def _check_result(item: dict[str, Any]) -> None:
    if type(item.get("changed")) is not bool:
        raise Misbehaviour("it owes `changed`, true or false")
    output = item.get("output", "")
    if type(output) is not str or len(output) > OUTPUT_MAX:
        raise Misbehaviour(f"its `output` is no text of at most {OUTPUT_MAX:,} characters")


_PHASES: dict[Phase, tuple[str, str, Callable[[dict[str, Any]], None]]] = {
    Phase.READ: ("resources", "actual", _check_actual),
    Phase.PLAN: ("resources", "operations", _check_operation),
    Phase.APPLY: ("operations", "results", _check_result),
    Phase.DESTROY: ("operations", "results", _check_result),
}
