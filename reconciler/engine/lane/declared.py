"""How one target should be: what is declared on it and what is to go, in which order, and what notifies what.

Immutable. Invariant: the order, and what others manage in a container, are those of the very instances beside them.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.engine.intake.wanted import Wanted
from reconciler.model.graph import Graph
from reconciler.model.names import Address
from reconciler.model.resource import Instance
from reconciler.model.subjects import PATH
from reconciler.model.target import LocalTransport, Target


@dataclass(frozen=True, slots=True)
class Declared:
    """See the module.

    Attributes:
        target: how to reach it.
        instances: how it should be, in order of declaration.
        graph: what comes before what.
        managed: for each container with instances below its path, those paths.
        own_paths: what is left alone on it, where it is this machine.
        others: paths of sources that are not in force: on record, or declared when they last were.
    """

    target: Target
    instances: Mapping[Address, Instance]
    graph: Graph
    managed: Mapping[Address, tuple[str, ...]]
    own_paths: Collection[str]
    others: Collection[str]

    @classmethod
    def of(cls, wanted: Wanted, *, own_paths: Collection[str]) -> Declared:
        """What is `wanted`.

        Args:
            wanted: what is declared on a target, and what is to go.
            own_paths: what is left alone on this machine.
        """
        own = own_paths if isinstance(wanted.target.transport, LocalTransport) else ()
        managed = managed_below(wanted.instances, own, wanted.others)
        return cls(wanted.target, wanted.instances, wanted.graph, managed, own, wanted.others)

    def without(self, addresses: Collection[Address]) -> Declared:
        """The same when these have gone."""
        left = {address: one for address, one in self.instances.items() if address not in addresses}
        return replace(
            self,
            instances=left,
            graph=self.graph.among(left),
            managed=managed_below(left, self.own_paths, self.others),
        )

    def sharing(self, ours: Address) -> list[Address]:
        """What owns a part of something of which one instance does, too; without that."""
        mine = self.instances.get(ours)
        if mine is None or not mine.shares:
            return []
        return [
            address
            for address, one in self.instances.items()
            if address != ours and not set(mine.shares).isdisjoint(one.shares)
        ]

    def subject(self, address: Address) -> str:
        """What an instance is about that is its own; "" where its kind does not say."""
        return str(next(iter(self.instances[address].provides), ""))

    def beside(self, done: Mapping[Address, Instance]) -> list[Address]:
        """What a transaction may bring along, or take, though it is declared otherwise.

        Args:
            done: what is done, as it was declared when that began.
        """
        kinds = {(one.package, one.kind) for one in done.values() if one.transaction}
        return [
            address
            for address, one in self.instances.items()
            if (one.package, one.kind) in kinds and address not in done
        ]

    def overtaken(self, changed: Sequence[Address]) -> set[Address]:
        """What shares something with an instance that was changed after it, in the order in which they were."""
        last = {address: at for at, address in enumerate(changed)}
        return {
            other
            for at, address in enumerate(changed)
            for other in self.sharing(address)
            if last.get(other, -1) < at
        }

    def notified(self, address: Address) -> Iterator[Address]:
        """What a change of `address` owes a refresh."""
        for ref in self.instances[address].common.notify:
            notified = self.instances.get(Address(f"{self.target.name}/{ref}"))
            if notified is not None and notified.removal is None:  # what goes needs no refresh
                yield notified.address

    def notified_by(self, addresses: Iterable[Address]) -> set[Address]:
        """What may have to be refreshed when `addresses` change, directly or because of what is refreshed then."""
        found: set[Address] = set()
        stack = list(addresses)
        while stack:
            for address in self.notified(stack.pop()):
                if address not in found:
                    found.add(address)
                    stack.append(address)
        return found

    def users(self, address: Address) -> list[Address]:
        """What uses what an instance provides."""
        provides = set(self.instances[address].provides)
        dependents = (edge.dependent for edge in self.graph.dependents.get(address, ()))
        return [one for one in dependents if not provides.isdisjoint(self.instances[one].uses)]


def managed_below(
    instances: Mapping[Address, Instance],
    own_paths: Collection[str] = (),
    others: Collection[str] = (),
) -> dict[Address, tuple[str, ...]]:
    """For each container of paths, what others own strictly below it; those with none are left out.

    That is the path of each instance, and whatever else it provides, such as that of its backup, or owns a part of; our
    own; and those that are of `others`.
    """
    every = (one for instance in instances.values() for one in (*instance.present, *instance.shares))
    paths = sorted({subject.name for subject in every if subject.scheme == PATH}.union(own_paths, others))
    below: dict[Address, tuple[str, ...]] = {}
    for address, instance in instances.items():
        path = next((subject.name for subject in instance.contains if subject.scheme == PATH), None)
        if path is None:
            continue
        prefix = path.rstrip("/") + "/"
        linked = _below_by_another_name(path, own_paths)
        start = bisect.bisect_left(paths, prefix)
        # Everything that starts with the prefix stands together, and "0" is the character after "/".
        end = bisect.bisect_left(paths, prefix[:-1] + "0")
        if end > start or linked:
            below[address] = (*paths[start:end], *linked)
    return below


def _below_by_another_name(path: str, own_paths: Collection[str]) -> list[str]:
    """Our own paths that are below `path` because of a link on the way to it, as seen from it."""
    if not own_paths:
        return []
    real = os.path.realpath(path)
    if real == path:
        return []
    return [path + own.removeprefix(real) for own in own_paths if own.startswith(real.rstrip("/") + "/")]
