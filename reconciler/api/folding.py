"""Many resources that are the same to a person, as one: what is so of all of them is about their target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]


def folded(views: Iterable[Document]) -> list[Document]:
    """One view for all of a target with the same reason and message: the first, with the number of others as `more`."""
    found: dict[tuple[str, str, str], Document] = {}
    for view in views:
        key = view["target"], view["reason"], view["message"]
        if key in found:
            found[key]["more"] += 1
        else:
            found[key] = {**view, "more": 0}
    return list(found.values())
