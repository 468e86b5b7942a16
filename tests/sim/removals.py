"""What must never be removed for want of a manifest, judged from what sources have said and from what is on record.

It shares nothing with `core/prune.py` but its budget: a careful person would go by no more than this.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName, TargetName
from reconciler.model.resource import Deletion, Instance, Policy
from reconciler.store.instances import inventory_entry
from tests.sim import scribes
from tests.sim.author import file_of
from tests.sim.cluster import DEFINITIONS, AppliedSource, Key
from tests.sim.manifests import path_of
from tests.sim.revisions import ROLLED_BACK
from watchers.kubernetes.objects import path_of as object_path

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.world import World


def _is_or_has(
    one: Instance, declared: Collection[tuple[TargetName, str]], there: Collection[tuple[TargetName, str]]
) -> bool:
    """Whether what an instance is about is declared, or something lies in it, or will have gone: it stays."""
    path = path_of(one)
    return (one.target, path) in declared or any(
        target == one.target and file_of(other).startswith(path + "/") for target, other in there
    )


class Removals:
    """See the module.

    Args:
        world: at which it looks.
        violated: told of what must never be.
        rewritten: says whether the history of a source was rewritten between two of its declarations.
    """

    def __init__(
        self,
        world: "World",
        violated: Callable[..., None],
        rewritten: Callable[[Desired, Desired], bool],
    ) -> None:
        self._world = world
        self._violated = violated
        self._rewritten = rewritten
        self._last: dict[SourceName, Desired] = {}
        self._said: dict[SourceName, set[Digest]] = defaultdict(set)
        self._asked_first: dict[Address, str] = {}
        self._asked_in: dict[Address, int] = {}
        self._left_out: dict[SourceName, tuple[int, str, set[Address]]] = {}
        self._before_rollback: dict[SourceName, Digest] = {}

    def declared(self, process: "Process", desired: Desired) -> None:
        """A source is about to declare this."""
        before = self._last.get(desired.source)
        if before is not None:
            # Of a target whose facts are awaited it is not known what is declared, so what was counts.
            unknown = {a: one for a, one in before.instances.items() if one.target in desired.waiting}
            desired = replace(desired, instances={**unknown, **desired.instances})
        self._last[desired.source] = desired
        for address in desired.instances:
            self._asked_first.pop(address, None)
        if before is None:
            self._said[desired.source].add(desired.digest)
            return
        is_back = self._ends_rollback(process, before, desired)
        if desired.digest != before.digest:
            self._begin_anew(process)
        declared = {(one.target, path_of(one)) for one in desired.instances.values()}
        gone = [
            one
            for address, one in before.instances.items()
            if address not in desired.instances
            and (one.target, path_of(one)) not in declared
            and one.kind != "Directory"  # in which something of others may lie
            and self._would_go(process, one)
        ]
        # What one revision leaves out is one thing to whoever wrote it, whichever target's facts come first.
        life, revision, earlier = self._left_out.get(desired.source, (0, "", set[Address]()))
        if (life, revision) != (process.number, desired.revision):
            earlier = set()
        count = len(earlier.difference(desired.instances).union(one.address for one in gone))
        budget = self._world.settings.prune.of(len(desired.instances) + count)
        if count > budget:
            self._asked_first |= {one.address: f"{count} at once, and {budget} may go" for one in gone}
        left_out = earlier.union(one.address for one in gone if one.address not in self._asked_first)
        self._left_out[desired.source] = process.number, desired.revision, left_out
        if self._rewritten(before, desired) and not is_back:
            self._asked_first |= {one.address: f"{desired.revision} does not come of it" for one in gone}
        if self._world.alone_in_cluster:
            self._asked_first |= {
                one.address: "its object went unseen" for one in gone if self._went_unseen(one)
            }
        elif desired.digest != before.digest and desired.digest in self._said[desired.source] and not is_back:
            self._asked_first |= {one.address: f"{desired.revision} was there before" for one in gone}
        self._said[desired.source].add(desired.digest)
        for address in self._asked_first.keys() - self._asked_in.keys():
            self._asked_in[address] = process.number

    def _ends_rollback(self, process: "Process", before: Desired, desired: Desired) -> bool:
        """Whether a person has ended a rollback, so that what was in force when it began is again."""
        assert process.account is not None
        if process.account.execute(ROLLED_BACK, (desired.source,)).fetchone() is not None:
            self._before_rollback.setdefault(desired.source, before.digest)
            return False
        return self._before_rollback.pop(desired.source, None) == desired.digest

    def _went_unseen(self, one: Instance) -> bool:
        """Whether an object, or that of its target, was there no more without having been seen being deleted."""
        for source in self._world.sources.values():
            if isinstance(source, AppliedSource) and source.unseen & {
                one.origin.file,
                object_path(DEFINITIONS[0], source.name, one.target),
            }:
                return True
        return False

    def let_go(self, key: Key) -> None:
        """Our finalizer is about to be taken off an object that has been deleted: nothing may be left to remove."""
        process = self._world.process
        if process is None or process.account is None:
            return
        namespace, plural, name = key
        path = next(object_path(each, namespace, name) for each in DEFINITIONS if each.plural == plural)
        in_force = process.controller.in_force
        declared = {
            (one.target, path_of(one))
            for desired in in_force.sources.values()
            for one in desired.instances.values()
        }
        there = {(one.target, path_of(one)) for one in in_force.instances.values()}
        for row in process.account.execute(
            "SELECT ownership, digest, instance, recorded_at, preimage FROM inventory WHERE ownership = 'created'"
        ):
            one = inventory_entry(row).instance
            on_it = self._world.alone_in_cluster and plural == "targets" and one.target == name
            stays = one.common.deletion is Deletion.ORPHAN or one.absent
            if stays or one.common.policy is not Policy.ENFORCE or _is_or_has(one, declared, there):
                continue
            if (one.origin.file == path or on_it) and self._is_there(one):
                self._violated("an object is let go before what it was about", path, one.address)

    def _is_there(self, one: Instance) -> bool:
        """Whether anything is left of what an instance is about: that it has gone may be on record a moment later."""
        machine = self._world.machines[one.target]
        if one.kind in scribes.KINDS:
            return not scribes.differs(one.kind, one.spec, machine.files)
        where = path_of(one)
        return not where.startswith("/") or where in machine.files.nodes

    def _begin_anew(self, process: "Process") -> None:
        """What an earlier controller was about to ask, and did not come to, another revision is counted for anew."""
        assert process.account is not None
        self._asked_in = {a: life for a, life in self._asked_in.items() if a in self._asked_first}
        for address, life in list(self._asked_in.items()):
            shown = process.account.execute(
                "SELECT held FROM resource_state WHERE address = ?", (address,)
            ).fetchone()
            if life != process.number and (shown is None or shown[0] is None):
                del self._asked_first[address], self._asked_in[address]

    def begun(self, process: "Process", one: Instance) -> None:
        """Something is about to be removed."""
        assert process.account is not None
        assert one.removal is not None
        address, controller = one.address, process.controller
        found = process.account.execute(
            "SELECT ownership, preimage FROM inventory WHERE address = ?", (address,)
        ).fetchone()
        if found is None:
            self._violated("a removal of what is not ours", address)
        elif found[0] != "created" and found[1] is None:
            self._violated("a removal of what was there before us", address)
        if one.common.deletion is Deletion.ORPHAN:
            self._violated("a removal that no manifest asked for", address)
        if controller.approvals.of(address) is None:
            if one.removal.hold:
                self._violated("a removal that waits for a person", address, one.removal.hold)
            if why := self._asked_first.get(address):
                self._violated("a removal of which a careful person would have asked", address, why)
        for source, desired in controller.in_force.sources.items():
            for other in desired.instances.values():
                if other.target == one.target and path_of(other) == path_of(one):
                    self._violated("a removal of what another source declares", address, source)

    def purged(self, process: "Process", name: TargetName, path: str) -> None:
        """A directory is about to be rid of what nobody declares in it."""
        assert process.account is not None
        for address, source in process.account.execute(
            "SELECT s.address, s.source FROM inventory i JOIN resource_state s ON i.address = s.address"
        ):
            if SourceName(source) in process.controller.in_force.sources or not address.startswith(
                f"{name}/"
            ):
                continue
            theirs = file_of(self._world.authors.path(Address(address)))
            if theirs == path or theirs.startswith(path + "/"):
                self._violated("a purge of what another source has", path, address, source)
        for source, last in self._last.items():
            for one in () if source in process.controller.in_force.sources else last.instances.values():
                theirs = file_of(path_of(one))
                if one.target == name and (theirs == path or theirs.startswith(path + "/")):
                    self._violated("a purge of what another source declares", path, one.address, source)

    @staticmethod
    def _would_go(process: "Process", one: Instance) -> Any:
        """Whether it is certainly of those that go when they are declared no longer."""
        assert process.account is not None
        if one.common.deletion is Deletion.ORPHAN or one.common.policy is not Policy.ENFORCE or one.absent:
            return False
        return process.account.execute(
            "SELECT 1 FROM inventory WHERE address = ? AND ownership = 'created' AND digest = ?",
            (one.address, one.digest),
        ).fetchone()
