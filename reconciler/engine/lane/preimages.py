"""What was there before something became ours, until that is on record.

An apply reads it, and only a look afterwards shows that the thing is ours now; in between, a session may be lost, and
the apply may have failed. Invariant: of what was certainly or possibly replaced, the first counts; of what was
certainly not, the last. That there was nothing (`NOTHING`) is one of them, for what was created then is ours to remove;
but a content that was found since counts before it, which somebody may have put there before we had created anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.model.names import Address, Digest

NOTHING = Digest("")
"""What was there before something that we created, or may have."""


@dataclass(slots=True)
class Preimages:
    """The contents that one target had, by instance; see the module."""

    _replaced: dict[Address, Digest] = field(default_factory=dict)
    _untouched: dict[Address, Digest] = field(default_factory=dict)
    _names: dict[Address, Address] = field(default_factory=dict)

    def found(self, digests: Mapping[Address, Digest]) -> None:
        """These are about to be replaced, or were when an earlier controller ended."""
        for address, digest in digests.items():
            self._names.pop(address, None)
            self._untouched.pop(address, None)
            if self._replaced.get(address, NOTHING) == NOTHING:
                self._replaced[address] = digest

    def recall(self, address: Address, digest: Digest) -> None:
        """This was about to be replaced, and was forgotten while it was not declared in between."""
        if self._replaced.get(address, NOTHING) == NOTHING and address not in self._untouched:
            self._replaced[address] = digest

    def spared(self, address: Address, digest: Digest) -> None:
        """What was about to be replaced has not been, as far as is known."""
        address = self._names.get(address, address)  # it may have got another one meanwhile
        if self._replaced.get(address) == digest:
            del self._replaced[address]
            if digest != NOTHING:  # what is there by now, somebody else has put there
                self._untouched[address] = digest

    def waits(self, address: Address, digest: Digest) -> bool:
        """Whether this is what was there before something that is not known to be ours yet."""
        return self._replaced.get(address) == digest

    def is_begun(self, address: Address) -> bool:
        """Whether there was nothing before what was begun here: what there is of it is of our making."""
        return self._replaced.get(address) == NOTHING

    def claim(self, address: Address) -> Digest | None:
        """What was there before, now that the thing is ours; None where that is not known."""
        untouched = self._untouched.pop(address, None)
        return self._replaced.pop(address, untouched)

    def rename(self, names: Mapping[Address, Address]) -> None:
        """These have another address by now than they had: by the earlier one, the one that they have."""
        for first, later in self._names.items():
            self._names[first] = names.get(later, later)
        self._names.update(names)
        for known in (self._replaced, self._untouched):
            for earlier in known.keys() & names.keys():
                known[names[earlier]] = known.pop(earlier)

    def __iter__(self) -> Iterator[Address]:
        return iter({**self._replaced, **self._untouched})

    def keep_only(self, addresses: Collection[Address]) -> None:
        """Forget what is no longer declared."""
        for known in (self._replaced, self._untouched):
            for address in [address for address in known if address not in addresses]:
                del known[address]
        self._names = {earlier: one for earlier, one in self._names.items() if one in addresses}
