"""What policies have decided about a change, in words for a person."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model.decisions import Ruling

_SAID = 3
"""Messages of policies that are told in one line."""


def denied(ruling: Ruling) -> str:
    """Why policies deny something."""
    return f"denied by policy: {_few(ruling.deny)}"


def to_approve(ruling: Ruling) -> str:
    """Why policies want something approved, or ""."""
    return f"a policy wants it approved: {_few(ruling.ask)}" if ruling.ask else ""


def warned(ruling: Ruling) -> str:
    """What policies say of something that they let pass, or ""."""
    return f"a policy warns: {_few(ruling.warn)}" if ruling.warn else ""


def _few(messages: Sequence[str]) -> str:
    """Some of what policies say, each once."""
    found = list(dict.fromkeys(messages))
    more = f"; and {len(found) - _SAID:,} more" if len(found) > _SAID else ""
    return "; ".join(found[:_SAID]) + more
