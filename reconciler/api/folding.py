"""Many resources that are the same to a person, as one: what is so of all of them is about their target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Document = dict[str, Any]


def folded(views: Iterable[Document]) -> list[Document]:
    """One view for all of a target with the same reason and message: the first, with the number of others as `more`.

    What a person can do about what waits for them names one resource, so that is left out where there are several.
    """
    found: dict[tuple[str, str, str], Document] = {}
    for view in views:
        # What is on no target that is known has nothing in common with others of the kind.
        key = view["target"] or view["address"], view["reason"], view["message"]
        if key not in found:
            found[key] = {**view, "more": 0}
            continue
        found[key]["more"] += 1
        if view["advice"]:
            found[key]["advice"] = f"see: froyo get {view['target']}"
    return list(found.values())
