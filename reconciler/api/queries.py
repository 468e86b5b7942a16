"""What a query string asks for, as values.

Invariant: whatever is in it that makes no sense is a UsageError that says what was given and what would be taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TypeVar

from reconciler.api.labels import parse_labels
from reconciler.api.selecting import Selection
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.event import REASONS, EventFilter, EventType
from reconciler.model.plan import Cause

W = TypeVar("W", bound=StrEnum)
Query = Mapping[str, str]
ID_DIGITS = 18
"""Digits that the id of an event has at most: the store's numbers have 64 bits."""
LIMIT = 100_000
"""Entries that may be asked for at once."""
_QUOTED = 60
"""Characters of what was given, in a sentence about it."""


def selection(query: Query) -> Selection:
    """What a query selects.

    Raises:
        UsageError: its selector cannot be understood.
    """
    targets = tuple(name for name in query.get("target", "").split(",") if name)
    return Selection(query.get("what", ""), targets, parse_labels(query.get("selector", "")))


def limit(query: Query, default: int) -> int:
    """How many entries are wanted at most.

    Raises:
        UsageError: that is no number, or not a sensible one.
    """
    given = query.get("limit", str(default))
    if not _is_number(given, digits=len(str(LIMIT))) or not 0 < int(given) <= LIMIT:
        raise UsageError(f"limit has to be a number from 1 to {LIMIT:,}, not {_quoted(given)}")
    return int(given)


def _is_number(text: str, *, digits: int) -> bool:
    """Whether it is one as people write it, of a length that is looked at before anything is made of it."""
    return len(text) <= digits and text.isascii() and text.isdecimal()


def _quoted(given: object) -> str:
    text = repr(given)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"


def event_filter(query: Query) -> EventFilter:
    """The filter that a query describes.

    Raises:
        UsageError: something in it is not what it should be.
    """
    after = query.get("after")
    if after is not None and not _is_number(after, digits=ID_DIGITS):
        raise UsageError(f"after has to be the id of an event, not {_quoted(after)}")
    return EventFilter(
        object=query.get("object", ""),
        reason=_known("reason", query, REASONS),
        cause=_one_of(Cause, "cause", query),
        type=_one_of(EventType, "type", query),
        since=seconds("since", query["since"]) if query.get("since") else 0.0,
        after=None if after is None else int(after),
    )


def _one_of(words: type[W], name: str, query: Query) -> W | None:
    found = _known(name, query, [word.value for word in words])
    return None if found is None else words(found)


def _known(name: str, query: Query, words: Sequence[str]) -> str | None:
    """The one of `words` that a query has there, in whatever case.

    Raises:
        UsageError: it is none of them; says which was probably meant.
    """
    given = query.get(name)
    if not given:
        return None
    for word in words:
        if word.lower() == given.lower():
            return word
    hint = did_you_mean(given, words) or f"there is: {', '.join(words)}"
    raise UsageError(f"there is no {name} {_quoted(given)}; {hint}")


def seconds(name: str, text: object) -> float:
    """A time as RFC 3339 has it, or as seconds since the epoch.

    Raises:
        UsageError: it is neither.
    """
    try:
        return _instant(text)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{name} has to be a time such as 2026-01-31T12:00:00Z, not {_quoted(text)}"
        ) from error


def _instant(text: object) -> float:
    try:
        number = float(text)  # type: ignore[arg-type] # what is no number raises TypeError
    except (TypeError, ValueError):
        found = datetime.fromisoformat(str(text))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    # NaN, and what is beyond the calendar, could be kept but never be shown.
    datetime.fromtimestamp(number, UTC)
    return number
