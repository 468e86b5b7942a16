"""What an exception of an author's code amounts to: a fault, said so that the author finds the line."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from froyo_provider.environment import is_of_a_plugin
from froyo_provider.faults import DEFECTS, Fault, PermanentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from froyo_provider.model import Result

T = TypeVar("T")


async def each(method: Callable[[T], Awaitable[Result]], item: T) -> Result | Fault:
    """What a method says of an item; whatever it raises is a fault of that alone."""
    try:
        return await method(item)
    except DEFECTS as error:
        return fault_of(error)


def fault_of(error: BaseException) -> Fault:
    """The fault that an exception amounts to."""
    return error if isinstance(error, Fault) else PermanentError(describe(error))


def reason_of(error: BaseException) -> str:
    """A fault in its own words, anything else as `describe` does."""
    return error.message if isinstance(error, Fault) else describe(error)


def describe(error: BaseException) -> str:
    """An exception that nobody foresaw, in one line with the place in the plugin that raised it."""
    place = ""
    # Not with `traceback`, which looks for source files.
    frame = error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if is_of_a_plugin(code.co_filename):
            place = f" ({code.co_filename}, line {frame.tb_lineno}, in {code.co_name})"
        frame = frame.tb_next
    if isinstance(error, SyntaxError) and is_of_a_plugin(error.filename):
        return f"SyntaxError: {error.msg} ({error.filename}, line {error.lineno})"
    return f"{type(error).__name__}: {error}{place}"
