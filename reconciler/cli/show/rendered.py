"""Fields that were not written out: what they are, and what they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.cli.here import from_here
from reconciler.cli.terminal import Terminal
from reconciler.core.spoken import value
from reconciler.core.visible import one_line

Document = dict[str, Any]

_WIDTH = 40
"""Of a value that something was made of: a fact may be long."""


def rendered_lines(screen: Terminal, rendered: Sequence[Document], *, indent: str) -> list[str]:
    """A line for each, with where its values were given."""
    width = min(24, max((len(one_line(one["field"])) for one in rendered), default=0))
    lines = []
    for one in rendered:
        shown = "text" if one.get("body") else value(one["value"])
        made = ", ".join(_read(read) for read in one["reads"])
        line = f"{one_line(one['field']):<{width}}  {screen.fit(shown, len(indent) + width + 2)}"
        lines.append(indent + line + (f"  {screen.paint('dim', f'← {one_line(made)}')}" if made else ""))
    return lines


def _read(read: Document) -> str:
    place = f" ({from_here(read['declaredAt'])})" if read["declaredAt"] else ""
    return f"{read['name']} = {_short(value(read['value']))}{place}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
