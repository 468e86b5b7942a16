"""What was there before what an earlier controller, or an earlier run, was at when it was cut off.

Only its intents know it. Invariant: what was there before another thing that had the name is nothing that was there
before this one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from reconciler.engine.lane.preimages import Preimages
from reconciler.model.names import Address, Digest, TargetName, split_address
from reconciler.model.resource import Instance


class Unclaimed:
    """See the module.

    Args:
        found: as they are on record: by instance, the newest first, each with where it was, or "".
    """

    def __init__(self, found: Mapping[Address, Collection[tuple[Digest, str]]] | None = None) -> None:
        self._found: dict[Address, tuple[tuple[Digest, str], ...]] = {}
        self.learn(found or {})

    def learn(self, found: Mapping[Address, Collection[tuple[Digest, str]]]) -> None:
        """There are these on record, too."""
        self._found |= {address: tuple(each) for address, each in found.items()}

    def leave(self, ours: Callable[[TargetName], bool]) -> None:
        """Know nothing any more of targets that are not ours."""
        self._found = {a: each for a, each in self._found.items() if ours(split_address(a)[0])}

    def tell(
        self,
        preimages: Preimages,
        target: TargetName,
        instances: Mapping[Address, Instance],
        known: Collection[Address],
    ) -> None:
        """Tell of one target what is on record, once, by whatever name that is declared now.

        Args:
            preimages: of the target.
            target: its name.
            instances: what is declared on it now.
            known: what was declared when that was cut off.
        """
        anew = {address: one for address, one in instances.items() if address not in known}
        for address in self._found.keys() & {*instances, *known}:
            if split_address(address)[0] != target:
                continue
            one = instances.get(address)
            # The oldest is what was there before us.
            for digest, place in reversed(self._found.pop(address)):
                if one is not None:
                    found = [address] if _was_at(one, place) else []
                else:
                    found = [name for name, other in anew.items() if place and _was_at(other, place)]
                preimages.found(dict.fromkeys(found, digest))


def _was_at(one: Instance, place: str) -> bool:
    """Whether an instance is about a path, or a subject; where that is not on record it is taken to be."""
    return not place or one.subject == f"path:{place}" or place in map(str, one.provides[:1])
