"""How a provider asks the target for something: it awaits a call, and whoever drives the provider answers it.

There is no event loop. Every awaitable of this module yields a *list of calls* to what drives it and is sent
the list of replies, in the same order; `gather` is nothing but the concatenation of its children's lists. So
whatever is awaited concurrently reaches the target as one batch, in one round trip, and nothing here depends
on time.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast, overload

from froyo_provider.faults import CallError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Collection, Generator, Mapping, Sequence

T = TypeVar("T")
Call: TypeAlias = "dict[str, Any]"
"""`{"call": name, "args": {…}}`."""
Reply: TypeAlias = "dict[str, Any]"
"""`{"ok": {…}}` or `{"error": {"class": …, "code": …, "message": …}}`."""
Steps: TypeAlias = "Generator[list[Call], list[Reply], T]"


@types.coroutine
def call(name: str, /, **args: Any) -> Steps[dict[str, Any]]:
    """One call.

    Args:
        name: such as `file.stat`.
        **args: its arguments.

    Returns:
        What it answers.

    Raises:
        CallError: it failed, or was refused.

    Example:
        >>> stat = await call("file.stat", path="/etc/motd")
    """
    replies = yield [{"call": name, "args": args}]
    reply = replies[0]
    if "error" in reply:
        raise CallError(name, reply["error"])
    return cast("dict[str, Any]", reply["ok"])


async def call_unless(codes: Collection[str], name: str, /, **args: Any) -> dict[str, Any] | None:
    """One call, of which some errors are an answer, such as that nothing of the sort is there.

    Args:
        codes: of those errors, such as `enoent`.
        name: as of `call`.
        **args: its arguments.

    Returns:
        What it answers; None where it failed with one of `codes`.

    Raises:
        CallError: it failed otherwise, or was refused.

    Example:
        >>> listing = await call_unless({"enoent"}, "dir.list", path="/etc/cron.d")
    """
    try:
        return await call(name, **args)
    except CallError as error:
        if error.code in codes:
            return None
        raise


@types.coroutine
def batch(name: str, items: Sequence[Mapping[str, Any]], /) -> Steps[list[dict[str, Any] | CallError]]:
    """The same call for many items, in one round trip; by far the cheapest way to ask for a thousand things.

    Args:
        name: such as `file.stat`.
        items: the arguments of each.

    Returns:
        For each item, in order, what it answers, or the error, which is not raised.

    Example:
        >>> stats = await batch("file.stat", [{"path": r.spec["path"]} for r in wanted])
    """
    if not items:
        return []
    replies = yield [{"call": name, "args": item} for item in items]
    return [reply["ok"] if "ok" in reply else CallError(name, reply["error"]) for reply in replies]


def advance(coroutine: Any, replies: list[Reply] | None) -> list[Call]:
    """Let a coroutine run until it waits for calls.

    Waiting for anything else is an error, raised where it waits.

    Args:
        coroutine: with `send` and `throw`.
        replies: to the calls that it waits for; None at its start.

    Returns:
        The calls that it waits for now.

    Raises:
        StopIteration: it is over.
    """
    calls = coroutine.send(replies)
    while type(calls) is not list or not calls:
        calls = coroutine.throw(
            PermanentError("a provider can only await call(), batch(), gather() and its own coroutines")
        )
    return calls


@overload
def gather(*awaitables: Awaitable[T], return_exceptions: Literal[False] = False) -> Awaitable[list[T]]: ...
@overload
def gather(*awaitables: Awaitable[T], return_exceptions: Literal[True]) -> Awaitable[list[T | Exception]]: ...
def gather(*awaitables: Awaitable[T], return_exceptions: bool = False) -> Awaitable[list[Any]]:
    """Await all of them concurrently: their calls are collected into one round trip after the other.

    Every one runs to its end, whatever happens to the others.

    Args:
        *awaitables: coroutines, calls, or other gathers.
        return_exceptions: put exceptions among the results instead of raising the first one at the end.

    Returns:
        The results in the order of the arguments.
    """
    return _gather(awaitables, return_exceptions)


@types.coroutine
def _gather(awaitables: Sequence[Awaitable[T]], return_exceptions: bool) -> Steps[list[Any]]:  # noqa: FBT001
    results: list[Any] = [None] * len(awaitables)
    first_error: Exception | None = None
    # What waits for replies: its place, itself, and how many of the replies are its own.
    waiting: list[tuple[int, Any, int]] = []
    for place, awaitable in enumerate(awaitables):
        waiting.append((place, awaitable if hasattr(awaitable, "send") else awaitable.__await__(), 0))
    replies: list[Reply] = []
    started = False
    try:
        while waiting:
            calls: list[Call] = []
            still: list[tuple[int, Any, int]] = []
            offset = 0
            for place, child, count in waiting:
                try:
                    asked = advance(child, replies[offset : offset + count] if started else None)
                except StopIteration as stop:
                    results[place] = stop.value
                except Exception as error:  # noqa: BLE001 - whatever it is, it is that child's result
                    results[place] = error
                    first_error = first_error or error
                else:
                    calls += asked
                    still.append((place, child, len(asked)))
                offset += count
            waiting = still
            started = True
            if waiting:
                replies = yield calls
    finally:
        for _, child, _ in waiting:
            child.close()
    if first_error is not None and not return_exceptions:
        raise first_error
    return results
