"""Starlark: `*.star` files that define `main(ctx)`, which gives objects (docs/spec/starlark.md, docs/adr/0067).

They are evaluated by the package starlark-go, in a process of its own (`worker`). What evaluates is imported when there
is something to evaluate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.config.programs import Evaluation, Surroundings
    from reconciler.model.source import Snapshot


class Starlark:
    """The language."""

    name = "Starlark"

    def programs(self, snapshot: Snapshot, paths: Sequence[str]) -> Sequence[str]:
        """The modules that define `main`, or nearly so and nobody loads them; the others are for loading."""
        modules = [path for path in paths if path.endswith(".star")]
        if not modules:
            return ()
        from reconciler.languages.starlark.evaluating import defining

        return defining({path: snapshot.files[path].read() for path in modules})

    def evaluate(self, programs: Sequence[str], surroundings: Surroundings) -> Mapping[str, Evaluation]:
        """What comes of each of these programs."""
        from reconciler.languages.starlark.evaluating import evaluations

        return evaluations(programs, surroundings)
