"""Did you mean …? For whatever a person may have misspelt."""

from __future__ import annotations

from collections.abc import Iterable

NEAR = 0.8
"""How alike two words have to be that do not begin with the same letter: 1 is the same."""


def closest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that was probably meant, or ""."""
    candidates = list(dict.fromkeys(known))
    folded = _fold(word)
    for candidate in candidates:
        if _fold(candidate) == folded:
            return candidate
    # Its import is worth it only where something is wrong.
    from difflib import SequenceMatcher, get_close_matches

    by_fold = {_fold(candidate): candidate for candidate in reversed(candidates)}
    for found in get_close_matches(folded, by_fold, n=3, cutoff=0.6):
        # Who misspells a word begins it right, as a rule: `source` is no misspelt `force`.
        if found[:1] == folded[:1] or SequenceMatcher(a=folded, b=found).ratio() >= NEAR:
            return by_fold[found]
    return ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint with the closest of `known`, or ""."""
    found = closest(word, known)
    return f"did you mean {found!r}?" if found else ""


class Suggestions:
    """Hints for one load. A search for a similar name looks at all of them: as many as a person reads."""

    __slots__ = ("_left",)

    def __init__(self, limit: int = 20) -> None:
        self._left = limit

    @property
    def spent(self) -> bool:
        """Whether no more hints are given."""
        return self._left <= 0

    def hint(self, word: str, known: Iterable[str]) -> str:
        """A hint with the closest of `known`, or ""."""
        self._left -= 1
        return did_you_mean(word, known) if self._left >= 0 else ""


def _fold(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")
