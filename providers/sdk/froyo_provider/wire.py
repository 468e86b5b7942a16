"""The values of `model` as JSON, one function for each way that one crosses the boundary."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from froyo_provider.faults import Fault, PermanentError
from froyo_provider.model import Actual, FieldDiff, Found, Operation, Resource, Result

Json: TypeAlias = "dict[str, Any]"

# ASCII only: a file's name that is not UTF-8 has lone surrogates in it, which text cannot carry otherwise.
encode = json.JSONEncoder(check_circular=False, allow_nan=False, separators=(",", ":")).encode
decode = json.loads


def resource_of(item: Json) -> Resource:
    """A resource of a request."""
    return Resource(
        item["address"],
        item["kind"],
        item["name"],
        item["spec"],
        item.get("ignore", ()),
        item.get("managed", ()),
        item.get("owned", False),
        item.get("removed", False),
        item.get("restores"),
    )


def actual_of(item: Json) -> Actual:
    """What `read` has found, given back to `plan`."""
    return Actual(item["exists"], item["state"], item.get("watch", ()))


def operation_of(item: Json) -> Operation:
    """A planned operation, given back to `apply`."""
    return Operation(item["action"], (), item["payload"], (), None, item["address"])


def fault_json(address: str, fault: Fault) -> Json:
    """What stands in the place of a result."""
    return {"address": address, "fault": fault.to_json()}


def actual_json(address: str, actual: Actual) -> Json:
    """One result of `read`."""
    item: Json = {
        "address": address,
        "exists": actual.exists,
        "state": actual.state,
        "watch": list(actual.watch),
    }
    if actual.remark:
        item["remark"] = actual.remark
    if actual.unfinished:
        item["unfinished"] = True
    return item


def found_json(kind: str, found: Found) -> Json:
    """One result of `find`."""
    item: Json = {"kind": kind, "name": found.name, "spec": found.spec}
    if found.remark:
        item["remark"] = found.remark
    if found.replaces:
        item["replaces"] = [*found.replaces]
    return item


def operation_json(address: str, operation: Operation) -> Json:
    """One result of `plan`."""
    item: Json = {
        "address": address,
        "action": operation.action,
        "diffs": [_diff_json(diff) for diff in operation.diffs],
        "payload": operation.payload,
        "blobs": list(operation.blobs),
    }
    if operation.calls:
        item["calls"] = list(operation.calls)
    if operation.preimage is not None:
        item["preimage"] = operation.preimage
    if operation.slow:
        item["slow"] = True
    if operation.refreshes:
        item["refreshes"] = True
    if operation.obstacles:
        item["obstacles"] = list(operation.obstacles)
    if operation.lost:
        item["lost"] = operation.lost
    return item


def _diff_json(diff: FieldDiff) -> Json:
    item: Json = {"field": diff.field, "before": diff.before, "after": diff.after}
    if diff.ignored:
        item["ignored"] = True
    if diff.sensitive:
        item["sensitive"] = True
    return item


def result_json(address: str, result: Result) -> Json:
    """One result of `apply` or `destroy`."""
    item: Json = {"address": address, "changed": result.changed}
    if result.output:
        item["output"] = result.output
    return item


def encode_reply(key: str, items: list[Json]) -> str:
    """A reply as text. What JSON cannot say becomes a fault of the resource that said it, and of no other."""
    try:
        return encode({key: items})
    except (TypeError, ValueError, RecursionError):
        return encode({key: [_encodable(item) for item in items]})


def _encodable(item: Json) -> Json:
    try:
        encode(item)
    except (TypeError, ValueError, RecursionError) as error:
        return fault_json(
            item["address"], PermanentError(f"its provider returned what JSON cannot say: {error}")
        )
    return item


def encode_calls(calls: list[Json]) -> tuple[str, dict[int, Json]]:
    """Calls as text; and for those that JSON cannot say, by their place, the reply that each gets instead."""
    try:
        return encode(calls), {}
    except (TypeError, ValueError, RecursionError):
        texts: list[str] = []
        refused: dict[int, Json] = {}
    for place, one in enumerate(calls):
        try:
            texts.append(encode(one))
        except (TypeError, ValueError, RecursionError) as error:
            message = f"its arguments are not JSON: {error}"
            refused[place] = {"error": {"class": "permanent", "code": "bad_call", "message": message}}
    return f"[{','.join(texts)}]", refused
