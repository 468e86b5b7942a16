"""What each phase does with a list of resources: the provider of each kind gets its own, all kinds at once.

Invariants: results keep the order of what was asked; whatever goes wrong with one resource, whether it is
raised, returned or returned wrongly, is that resource's fault and no other's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from froyo_provider.calls import gather
from froyo_provider.defects import describe, each, fault_of
from froyo_provider.faults import DEFECTS, Fault, PermanentError
from froyo_provider.model import Actual, Operation, Resource, Result
from froyo_provider.wire import (
    Json,
    actual_json,
    actual_of,
    decode,
    encode,
    encode_reply,
    fault_json,
    found_json,
    operation_json,
    operation_of,
    resource_of,
    result_json,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from froyo_provider.model import Found
    from froyo_provider.provider import Provider

T = TypeVar("T")
Providers: TypeAlias = "dict[str, Provider]"


async def read(providers: Providers, request: Json) -> str:
    """`{"resources"}` to `{"actual"}`, with `plan` to `{"actual", "operations"}`, or `{"find"}` to `{"found"}`."""
    if "find" in request:
        return await _found(providers, request["find"])
    wanted = [resource_of(item) for item in request["resources"]]
    found = await _by_kind(providers, wanted, [one.kind for one in wanted], _read)
    reply = _reply("actual", wanted, found, actual_json)
    if not request.get("plan"):
        return reply
    # Planned is what the host is told, and not what `read` holds in its hands.
    planned = await _planned(providers, wanted, decode(reply)["actual"])
    return f"{reply[:-1]},{planned[1:]}"


async def _found(providers: Providers, kinds: Sequence[str]) -> str:
    """What there is of some kinds, or of all, and of which kinds it can be said."""
    asked = [kind for kind in sorted(providers) if not kinds or kind in kinds]
    known: list[str] = []
    items: list[Json] = []
    for kind, found in zip(asked, await gather(*(_find(providers[kind]) for kind in asked)), strict=True):
        if found is None:
            continue
        known.append(kind)
        if isinstance(found, Fault):
            items.append({"kind": kind, "fault": found.to_json()})
        else:
            items += (found_json(kind, one) for one in found)
    return encode({"kinds": known, "found": items})


async def _find(provider: Provider) -> Sequence[Found] | Fault | None:
    try:
        return list(await provider.find())
    except NotImplementedError:
        return None
    except DEFECTS as error:
        return fault_of(error)


async def plan(providers: Providers, request: Json) -> str:
    """`{"resources", "actual"}` to `{"operations"}`."""
    return await _planned(providers, [resource_of(item) for item in request["resources"]], request["actual"])


async def _planned(providers: Providers, wanted: Sequence[Resource], actual: Sequence[Json]) -> str:
    """`{"operations"}` of the resources that could be read."""
    pairs = [(one, actual_of(item)) for one, item in zip(wanted, actual, strict=True) if "fault" not in item]
    planned = await _by_kind(providers, pairs, [one.kind for one, _ in pairs], _plan)
    return _reply("operations", [one for one, _ in pairs], planned, operation_json)


async def apply(providers: Providers, request: Json) -> str:
    """`{"operations"}` to `{"results"}`."""
    operations = [operation_of(item) for item in request["operations"]]
    kinds = [operation.address.split("/", 2)[1] for operation in operations]
    results = await _by_kind(providers, operations, kinds, _apply)
    return _reply("results", operations, results, result_json)


async def destroy(providers: Providers, request: Json) -> str:
    """`{"operations"}` to `{"results"}`, of what is no longer declared."""
    operations = [operation_of(item) for item in request["operations"]]
    kinds = [operation.address.split("/", 2)[1] for operation in operations]
    results = await _by_kind(providers, operations, kinds, _destroy)
    return _reply("results", operations, results, result_json)


# --- One kind's share -------------------------------------------------------------------------------


async def _read(provider: Provider, wanted: list[Resource]) -> list[Any]:
    try:
        meant = [_meant(provider, one) for one in wanted]
        return _checked(await provider.read(meant), wanted, Actual, "read")
    except DEFECTS as error:
        if len(wanted) == 1:
            return [fault_of(error)]
    # Whose fault it is shows when each is alone. The calls of all are still one round trip.
    return [found for alone in await gather(*(_read(provider, [one]) for one in wanted)) for found in alone]


async def _plan(provider: Provider, pairs: list[tuple[Resource, Actual]]) -> list[Any]:
    try:
        meant = [_meant(provider, wanted) for wanted, _ in pairs]
        planned = provider.plan(meant, [actual for _, actual in pairs])
        return _checked(planned, pairs, Operation, "plan")
    except DEFECTS as error:
        if len(pairs) == 1:
            return [fault_of(error)]
    return [operation for pair in pairs for operation in await _plan(provider, [pair])]


async def _apply(provider: Provider, operations: list[Operation]) -> list[Any]:
    refreshed = [operation for operation in operations if operation.action == "refresh"]
    changed = [operation for operation in operations if operation.action != "refresh"]
    done, results = await gather(
        _all("apply_all", provider.apply_all, changed),
        gather(*(each(provider.refresh, one) for one in refreshed)),
    )
    rest, others = iter(results), iter(done)
    return [next(rest if operation.action == "refresh" else others) for operation in operations]


async def _destroy(provider: Provider, operations: list[Operation]) -> list[Any]:
    return await _all("destroy_all", provider.destroy_all, operations)


async def _all(
    name: str,
    method: Callable[[list[Operation]], Awaitable[Sequence[Result | Fault]]],
    operations: list[Operation],
) -> list[Any]:
    """What a method says of all operations; whatever it raises is a fault of each."""
    if not operations:
        return []
    try:
        results = await method(operations)
        if len(results) != len(operations):
            raise PermanentError(f"{name}() returned {len(results)} results for {len(operations)} operations")
    except DEFECTS as error:
        return [fault_of(error)] * len(operations)
    return list(results)


def _meant(provider: Provider, one: Resource) -> Resource:
    """What a provider is to read and plan: of what is to go, its absence, whatever was ignored of it until then."""
    return provider.absence(replace(one, ignore=())) if one.removed else one


def _checked(results: Sequence[Any], asked: Sequence[Any], expected: type, method: str) -> list[Any]:
    if len(results) != len(asked):
        raise PermanentError(f"{method}() returned {len(results)} results for {len(asked)} resources")
    for result in results:
        if not isinstance(result, (expected, Fault)):
            raise PermanentError(
                f"{method}() returned {type(result).__name__} where it owes {expected.__name__}"
            )
    return list(results)


# --- All kinds --------------------------------------------------------------------------------------


async def _by_kind(
    providers: Providers,
    items: list[T],
    kinds: list[str],
    function: Callable[[Provider, list[T]], Awaitable[list[Any]]],
) -> list[Any]:
    places: dict[str, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    results: list[Any] = [None] * len(items)
    shares: list[tuple[list[int], Awaitable[list[Any]]]] = []
    for kind, own in places.items():
        provider = providers.get(kind)
        if provider is None:
            for place in own:
                results[place] = PermanentError(f"this package has no provider for the kind {kind}")
        elif len(own) == len(items):
            return await function(provider, items)
        else:
            shares.append((own, function(provider, [items[place] for place in own])))
    for (own, _), share in zip(shares, await gather(*(share for _, share in shares)), strict=True):
        for place, result in zip(own, share, strict=True):
            results[place] = result
    return results


def _reply(
    key: str, asked: Sequence[Resource | Operation], results: list[Any], to_json: Callable[[str, Any], Json]
) -> str:
    items: list[Json] = []
    for one, result in zip(asked, results, strict=True):
        try:
            items.append(
                fault_json(one.address, result) if isinstance(result, Fault) else to_json(one.address, result)
            )
        except (AttributeError, TypeError) as error:  # such as None in the place of a Result
            items.append(
                fault_json(one.address, PermanentError(f"its provider returned nonsense: {describe(error)}"))
            )
    return encode_reply(key, items)
