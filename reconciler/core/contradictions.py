"""Noticing that two things that are declared undo each other, such as two lines of which each takes the other's place.

Neither of them is drift: nobody but us changes anything, and to put them right by turns would never end. What tells
them from things that a third spoils together is the order: each was seen as declared, then we changed the other, and
then it was not as declared any more; and that several times, both ways round.

Invariant: what differed before we changed the other says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

TIMES = 2
"""How often each must have undone the other."""


class Contradictions(Generic[K]):
    """Of things that own parts of the same.

    Example:
        >>> known = Contradictions[str]()
        >>> for _ in range(2):
        ...     for one, other in (("a", "b"), ("b", "a")):
        ...         known.looked(one, differs=True, sharing=[other])
        ...         known.changed(one)
        >>> known.of("a")
        >>> known.looked("a", differs=True, sharing=["b"])
        >>> known.changed("a")
        >>> known.of("b")
        'a'
    """

    def __init__(self) -> None:
        self._tick = 0
        self._seen: dict[K, int] = {}
        self._changed: dict[K, int] = {}
        self._suspects: dict[K, tuple[K, ...]] = {}
        self._undone: dict[tuple[K, K], int] = {}

    def looked(self, thing: K, *, differs: bool, sharing: Iterable[K] = ()) -> None:
        """`thing` was looked at.

        Args:
            thing: what was looked at.
            differs: whether it is otherwise than declared.
            sharing: what owns a part of the same, if nobody else is known to have changed it.
        """
        if not differs:
            self._seen[thing] = self._now()
            return
        seen = self._seen.get(thing, 0)
        self._suspects[thing] = tuple(one for one in sharing if seen < self._changed.get(one, 0))

    def changed(self, thing: K) -> None:
        """We have changed `thing`, and it is as declared."""
        for other in self._suspects.pop(thing, ()):
            self._undone[thing, other] = self._undone.get((thing, other), 0) + 1
        self._seen[thing] = self._changed[thing] = self._now()

    def _now(self) -> int:
        self._tick += 1
        return self._tick

    def of(self, thing: K) -> K | None:
        """What contradicts `thing`, if anything does."""
        return next(
            (
                two
                for (one, two), times in self._undone.items()
                if one == thing and times >= TIMES and self._undone.get((two, one), 0) >= TIMES
            ),
            None,
        )

    def forget(self, things: Collection[K]) -> set[K]:
        """These are to be something else now, or are gone, or a person wants them tried again.

        Returns:
            What contradicted one of them, and is to be looked at, too.
        """
        others = {other for thing in things if (other := self.of(thing)) is not None}
        for known in (self._seen, self._changed, self._suspects):
            for thing in things:
                known.pop(thing, None)
        self._undone = {pair: times for pair, times in self._undone.items() if not set(pair) & set(things)}
        return others
