"""Which subjects concern which instances, and whether a session watches them.

A subject is written as "path:/etc/motd"; with a slash at its end a path stands for what is directly in it, too.

Invariant: a session is said to watch only what it was told last, and only as long as it does. Whatever it has not been
told yet is found by a rescan.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable

from reconciler.model.names import Address
from reconciler.targets.session import Session
from reconciler.targets.watch import WatchStatus

NOTHING = "none"
"""The mode of a session that watches nothing."""


class Watched:
    """Of one target: what its providers named when they last read.

    Attributes:
        works: whether a session reports every change.
        refused: whether the session that was told last cannot watch at all.
    """

    def __init__(self) -> None:
        self.works = False
        self.refused = False
        self._subjects: dict[Address, tuple[str, ...]] = {}
        self._concerned: dict[str, set[Address]] = {}
        self._moved = False
        self._by: Session | None = None

    # --- What is to be watched ----------------------------------------------------------------------------------------

    def note(self, address: Address, subjects: Iterable[str]) -> None:
        """These subjects concern an instance, and no others."""
        wanted, known = tuple(subjects), self._subjects.get(address, ())
        if wanted == known:
            return
        self._moved = True
        for subject in known:
            self._concerned[subject].discard(address)
            if not self._concerned[subject]:
                del self._concerned[subject]
        self._subjects[address] = wanted
        for subject in wanted:
            self._concerned.setdefault(subject, set()).add(address)

    def forget(self, address: Address) -> None:
        """An instance has gone."""
        self.note(address, ())
        self._subjects.pop(address, None)

    def of(self, address: Address) -> tuple[str, ...]:
        """What concerns an instance."""
        return self._subjects.get(address, ())

    def concerned(self, subject: str) -> Collection[Address]:
        """The instances that `subject` concerns."""
        return self._concerned.get(subject, ())

    # --- Who watches it -----------------------------------------------------------------------------------------------

    def is_told(self, session: Session) -> bool:
        """Whether `session` was told just this, and has not given it up since."""
        given_up = session.watching.mode == NOTHING and not self.refused
        return self._by is session and not self._moved and not given_up

    def tell(self, session: Session) -> list[str]:
        """What `session` is to watch. It counts as told: what is noted from now on is another matter."""
        self._by, self._moved = session, False
        return list(self._concerned)

    def answered(self, status: WatchStatus) -> None:
        """So the session that was told watches it."""
        self.refused = status.mode == NOTHING
        self.works = not status.degraded

    def refuse(self) -> None:
        """The session that was told cannot."""
        self.refused, self.works = True, False

    def kept(self, addresses: Container[Address]) -> Watched:
        """The same about `addresses` alone, for which the session that was told watches what it does."""
        kept = Watched()
        kept.works, kept.refused, kept._by = self.works, self.refused, self._by
        gone = False
        for address, subjects in self._subjects.items():
            if address in addresses:
                kept.note(address, subjects)
            else:
                gone = True
        kept._moved = self._moved or gone
        return kept
