from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from froyo_provider import CallError, ErrorClass, PermanentError, batch, call, gather
from froyo_provider.calls import advance


def drive(
    awaitable: Awaitable[Any], answer: Callable[[dict[str, Any]], dict[str, Any]]
) -> tuple[Any, list[Any]]:
    """The result, and what was asked in each round trip."""
    rounds: list[Any] = []
    coroutine = awaitable if hasattr(awaitable, "send") else awaitable.__await__()
    replies = None
    try:
        while True:
            calls = advance(coroutine, replies)
            rounds.append([(one["call"], one["args"]) for one in calls])
            replies = [answer(one) for one in calls]
    except StopIteration as stop:
        return stop.value, rounds


def echo(one: dict[str, Any]) -> dict[str, Any]:
    if one["args"].get("path") == "/bad":
        return {"error": {"class": "transient", "code": "io", "message": "lost", "retry_after_ms": 5}}
    return {"ok": {"echo": one["args"]}}


def test_a_call_is_answered() -> None:
    assert drive(call("file.stat", path="/x"), echo) == (
        {"echo": {"path": "/x"}},
        [[("file.stat", {"path": "/x"})]],
    )


def test_a_call_that_fails_raises_what_happened() -> None:
    with pytest.raises(CallError, match="lost") as caught:
        drive(call("file.stat", path="/bad"), echo)
    error = caught.value
    assert (error.call, error.code, error.error_class, error.retry_after_ms) == (
        "file.stat",
        "io",
        ErrorClass.TRANSIENT,
        5,
    )
    assert error.to_json() == {
        "class": "transient",
        "message": "file.stat: lost",
        "retry_after_ms": 5,
        "call": "file.stat",
        "code": "io",
    }


def test_an_error_of_an_unknown_class_is_permanent() -> None:
    assert CallError("x", {"class": "odd"}).error_class is ErrorClass.PERMANENT
    assert CallError("x", {}).message == "failed"


def test_a_batch_gives_errors_in_their_places() -> None:
    (good, bad), rounds = drive(batch("file.stat", [{"path": "/x"}, {"path": "/bad"}]), echo)
    assert good == {"echo": {"path": "/x"}}
    assert isinstance(bad, CallError)
    assert len(rounds) == 1


def test_an_empty_batch_asks_for_nothing() -> None:
    assert drive(batch("file.stat", []), echo) == ([], [])


async def two(name: str) -> list[Any]:
    first = await call("one", name=name)
    second = await call("two", name=name)
    return [first["echo"]["name"], second["echo"]["name"]]


def test_what_is_gathered_goes_in_one_round_trip_after_the_other() -> None:
    results, rounds = drive(gather(two("a"), call("one", name="b"), batch("one", [{}, {}]), two("c")), echo)
    assert results[0] == ["a", "a"]
    assert results[1] == {"echo": {"name": "b"}}
    assert len(results[2]) == 2
    assert results[3] == ["c", "c"]
    assert [[name for name, _ in calls] for calls in rounds] == [["one"] * 5, ["two"] * 2]


def test_gathers_nest() -> None:
    async def nested() -> list[Any]:
        return await gather(two("a"), two("b"))

    results, rounds = drive(gather(nested(), gather(two("c"))), echo)
    assert results == [[["a", "a"], ["b", "b"]], [["c", "c"]]]
    assert [len(calls) for calls in rounds] == [3, 3]


def test_gathering_nothing_asks_for_nothing() -> None:
    assert drive(gather(), echo) == ([], [])


def test_everything_that_is_gathered_runs_to_its_end_before_the_first_error_is_raised() -> None:
    ended: list[str] = []

    async def long(name: str) -> None:
        await two(name)
        ended.append(name)

    async def failing() -> None:
        raise ValueError("early")

    with pytest.raises(CallError):
        drive(gather(long("a"), call("x", path="/bad"), failing_late(), long("b")), echo)
    assert ended == ["a", "b"]
    with pytest.raises(ValueError, match="early"):
        drive(gather(long("c"), failing(), call("x", path="/bad")), echo)


async def failing_late() -> None:
    await two("late")
    raise KeyError("late")


def test_exceptions_can_be_had_as_results() -> None:
    (good, bad, worse), _ = drive(
        gather(call("x", path="/x"), call("x", path="/bad"), failing_late(), return_exceptions=True), echo
    )
    assert good == {"echo": {"path": "/x"}}
    assert isinstance(bad, CallError)
    assert isinstance(worse, KeyError)


def test_what_is_gathered_is_given_up_together() -> None:
    closed: list[str] = []

    async def waiting(name: str) -> None:
        try:
            await call("one")
        finally:
            closed.append(name)

    gathered: Any = gather(waiting("a"), waiting("b"))
    assert len(gathered.send(None)) == 2
    gathered.close()
    assert closed == ["a", "b"]


class Pause:
    def __await__(self) -> Any:
        yield None


def test_waiting_for_something_else_is_an_error_where_it_waits() -> None:
    async def sleeps() -> str:
        try:
            await Pause()
        except PermanentError as error:
            return str(error)
        return "slept"

    alone, _ = drive(sleeps(), echo)
    [gathered], _ = drive(gather(sleeps()), echo)
    assert alone == gathered == "a provider can only await call(), batch(), gather() and its own coroutines"
