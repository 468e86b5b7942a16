"""Which refreshes are owed on a target, decided from what was set out to be done and from what was seen.

An intent to change something owes a refresh to all that it notifies, from the moment at which it is on record; whether
the change has happened is told by a look at its cause, and by nothing else:

    the cause is seen …                          then what may be owed …
    as it was before the intent                  is not: nothing has changed
    as declared, and otherwise than before       is owed for certain
    neither                                      stays in doubt: the next intent, or the next look, decides

Invariant: what is owed for certain leaves only by `done`, when its change was refreshed for, or with its
instance. So no refresh is lost, and none is owed without an intent. This module must not know how anything is
refreshed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from reconciler.model.names import Digest
from reconciler.model.owed import Owed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from reconciler.model.names import Address

_ELSE = Digest("")
"""What no state has."""

Key: TypeAlias = "tuple[Address, Address]"
"""What is to be refreshed, and because of what."""


class Refreshes:
    """What one target owes.

    Args:
        owed: what is on record.
    """

    def __init__(self, owed: Iterable[Owed] = ()) -> None:
        self._owed = {(one.address, one.cause): one for one in owed}
        self._confirmed: dict[Key, str] = {}
        self._news: set[Key] = set()
        self._ended: set[Key] = set()
        self._went_well: set[Key] = set()

    def intend(self, owed: Iterable[Owed]) -> list[Owed]:
        """Something is about to be changed that owes these; returns them as they have to be on record before that."""
        merged = []
        for one in owed:
            known = self._owed.get((one.address, one.cause), one)
            # It has moved since an attempt of which it is not known what came: whatever it is next, it has changed.
            before = one.before if known.certain or known.before == one.before else _ELSE
            merged.append(replace(known, run=one.run, before=before))
            self._owed[one.address, one.cause] = merged[-1]
            self._ended.discard((one.address, one.cause))
            self._went_well.discard((one.address, one.cause))
        return merged

    def ended(self, cause: Address, *, well: bool) -> None:
        """An attempt to change something is known to be over, whatever came of it; it went `well`, if that is said."""
        self._ended = {key for key in self._owed if key in self._ended or key[1] == cause}
        if well:
            self._went_well = {key for key in self._owed if key in self._went_well or key[1] == cause}

    def forgo(self, intended: Iterable[Owed], before: Iterable[Owed]) -> None:
        """What was intended could not be put on record, so that nothing was begun: what was owed before it still is.

        Args:
            intended: as `intend` has returned it.
            before: all that was owed before that.
        """
        earlier = {(one.address, one.cause): one for one in before}
        for one in intended:
            key = one.address, one.cause
            if key in earlier and self._owed.get(key) == one:
                self._owed[key] = earlier[key]
            elif (
                self._owed.pop(key, None) is not None
            ):  # it owed nothing before, or was refreshed for meanwhile
                self._news.add(key)

    def seen(self, cause: Address, digest: Digest, *, as_declared: bool) -> list[Address]:
        """Something was looked at on which nothing is under way: what it may owe is decided, if it can be.

        Returns:
            What is owed a refresh for certain since then.
        """
        certain = []
        for key, one in list(self._owed.items()):
            if one.cause != cause:
                continue
            if as_declared and digest != one.before:
                self._confirmed[key] = one.run
            if one.certain:
                continue
            if digest == one.before:
                del self._owed[key]
                self._news.add(key)
            elif as_declared:
                self._owed[key] = replace(one, certain=True)
                self._news.add(key)
                certain.append(one.address)
        return certain

    def of(self, address: Address) -> tuple[Owed, ...]:
        """What is owed to `address` for certain."""
        return tuple(one for one in self._owed.values() if one.address == address and one.certain)

    def covered(self, address: Address) -> tuple[Owed, ...]:
        """What `address` may be owed for attempts that are over: a refresh that begins now is one for them, too."""
        return tuple(
            one
            for key, one in self._owed.items()
            if key in self._ended and one.address == address and not one.certain
        )

    def named(self, address: Address) -> tuple[Owed, ...]:
        """What gives a refresh of `address` its name: what it is owed for, and will be once somebody has looked.

        What a change is said to have made counts, though no look has shown it yet: one that shows it later, be it after
        another start, must not make another refresh of it.
        """
        likely = (one for one in self.covered(address) if (one.address, one.cause) in self._went_well)
        return (*self.of(address), *likely)

    def done(self, owed: Iterable[Owed]) -> list[Address]:
        """These were refreshed for. A change since then, of the same cause, is owed a refresh of its own.

        Returns:
            What was to be changed since then, and what that would owe a refresh: whether it does, a look decides,
            unless one has by now.
        """
        doubtful = []
        for one in owed:
            key = (one.address, one.cause)
            known = self._owed.get(key)
            if known is None:
                continue
            self._news.add(key)
            if known.run == one.run:
                del self._owed[key]
            else:
                self._owed[key] = replace(known, certain=self._confirmed.get(key) == known.run)
                doubtful += [one.cause, one.address]
        return doubtful

    def recall(self, owed: Iterable[Owed]) -> None:
        """These are on record, too: their instances have come to be declared again."""
        for one in owed:
            self._owed.setdefault((one.address, one.cause), one)

    def keep_only(self, addresses: Collection[Address]) -> None:
        """Other instances are declared now: what is gone is owed nothing, and what it did may have been a change."""
        for key, one in list(self._owed.items()):
            if one.address not in addresses:
                del self._owed[key]
                self._news.add(key)
            elif one.cause not in addresses and not one.certain:
                self._owed[key] = replace(one, certain=True)
                self._news.add(key)

        self._confirmed = {key: run for key, run in self._confirmed.items() if key in self._owed}

    def news(self) -> dict[Key, Owed | None]:
        """What has to be put on record since the last time, None for what has to leave it."""
        news = {key: self._owed.get(key) for key in sorted(self._news)}
        self._news.clear()
        return news

    def __iter__(self) -> Iterator[Owed]:
        return iter(tuple(self._owed.values()))
