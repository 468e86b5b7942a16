"""Did you mean …? For whatever a person may have misspelt."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The one of `known` that was probably meant, or ""."""
    candidates = list(dict.fromkeys(known))
    folded = _fold(word)
    for candidate in candidates:
        if _fold(candidate) == folded:
            return candidate
    from difflib import get_close_matches  # its import is worth it only where something is wrong

    by_fold = {_fold(candidate): candidate for candidate in reversed(candidates)}
    found = get_close_matches(folded, by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else ""


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
