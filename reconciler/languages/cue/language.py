"""CUE as a language of programs, as loading asks for it.

What evaluates is imported when there is something to evaluate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.config.programs import Evaluation, Surroundings
    from reconciler.languages.cue.packages import Clauses
    from reconciler.model.source import Snapshot


class Cue:
    """Packages of a source, each with what it declares. Keeps what files begin with, and nothing else."""

    name = "CUE"

    def __init__(self) -> None:
        self._known: Clauses | None = None

    def programs(self, snapshot: Snapshot, paths: Sequence[str]) -> Sequence[str]:
        """The programs of a source, each by the first of its files."""
        if not any(path.endswith(".cue") for path in paths):
            return ()
        from reconciler.languages.cue.packages import programs_of

        return [program.path for program in programs_of(snapshot, paths, self._clauses())]

    def evaluate(self, programs: Sequence[str], surroundings: Surroundings) -> Mapping[str, Evaluation]:
        """What comes of each of these programs."""
        from reconciler.languages.cue.evaluating import evaluations
        from reconciler.languages.cue.packages import programs_of

        wanted = programs_of(surroundings.snapshot, surroundings.paths, self._clauses())
        return evaluations([one for one in wanted if one.path in programs], surroundings)

    def _clauses(self) -> Clauses:
        if self._known is None:
            from reconciler.languages.cue.packages import Clauses

            self._known = Clauses()
        return self._known
