"""What must be true of which revision of a repository is in force: judged from what was pushed, and what is on record.

It is one that was the newest once. It is never older than the one before it, unless a person has the source rolled
back, and as long as they have, it is that one and no other.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from reconciler.model.desired import Desired
from reconciler.model.names import SourceName
from tests.sim.cluster import DEFINITIONS, AppliedSource
from tests.sim.git import PushedSource
from watchers.git.refs import parts
from watchers.kubernetes.objects import path_of

if TYPE_CHECKING:
    from tests.sim.process import Process
    from tests.sim.world import World

LONGEST_LOOK = 120.0
"""Seconds that what was listed may be old when it comes to be in force."""

ROLLED_BACK = """
    SELECT snapshots.revision, rollbacks.until FROM rollbacks JOIN snapshots ON snapshots.id = rollbacks.snapshot
    WHERE rollbacks.source = ?
"""


class Revisions:
    """See the module.

    Args:
        world: at which it looks.
        violated: told of what must never be.
    """

    def __init__(self, world: "World", violated: Callable[..., None]) -> None:
        self._world = world
        self._violated = violated
        self._last: dict[SourceName, tuple[str, int]] = {}
        self._in_force: dict[SourceName, tuple[Desired, float]] = {}
        self._pinned: dict[SourceName, tuple[str, float | None]] = {}

    def declared(self, process: "Process", desired: Desired) -> None:
        """A source is about to declare this."""
        source = self._world.sources[desired.source]
        if isinstance(source, AppliedSource):
            self._kept(source, desired)
        if not isinstance(source, PushedSource):
            return
        revision = desired.revision
        if (commit := parts(revision)[1]) not in source.heads:
            self._violated("a revision is in force that was never the newest", desired.source, revision)
            return
        assert process.account is not None
        held = process.account.execute(ROLLED_BACK, (desired.source,)).fetchone()
        if held is not None:
            self._pinned[desired.source] = held
        # By the time that something else is in force, what it was rolled back to is on record no longer.
        pinned, until = self._pinned.get(desired.source, (revision, None))
        if revision != pinned and (until is None or until > self._world.now()):
            self._violated("another revision than the one that a source is rolled back to", revision, pinned)
        if held is not None:
            return
        self._pinned.pop(desired.source, None)
        # What it was rolled back to may have become the newest meanwhile, and nobody has looked since.
        before, since = self._last.get(desired.source, ("", -1))
        # As of now: an earlier commit may have become the newest once more, and nobody has looked since.
        at = _last_at(source, commit)
        self._last[desired.source] = revision, at
        if at < since:
            self._violated("an older revision is in force again", desired.source, before, revision)

    def _kept(self, source: AppliedSource, desired: Desired) -> None:
        """Of a cluster, what is declared no longer is an object that has gone."""
        before, since = self._in_force.get(desired.source, (desired, 0.0))
        self._in_force[desired.source] = desired, self._world.loop.time()
        for address, one in before.instances.items():
            known = address in desired.instances or one.target in desired.waiting
            paths = {one.origin.file, path_of(DEFINITIONS[0], source.name, one.target)}
            if not known and not any(
                source.gone.get(path, -1.0) >= since - LONGEST_LOOK or source.is_deleting(path)
                for path in paths
            ):
                self._violated("an object is declared no longer that has not gone", address, paths)

    def released(self, name: SourceName) -> None:
        """A person ends a rollback."""
        self._pinned.pop(name, None)

    def rewritten(self, earlier: Desired, later: Desired) -> bool:
        """Whether history was rewritten between the two, so that nothing that the later lacks may simply go."""
        source = self._world.sources[later.source]
        if not isinstance(source, PushedSource) or earlier.revision == later.revision:
            return False
        return not source.comes_of(earlier.revision, later.revision)


def _last_at(source: PushedSource, commit: str) -> int:
    return len(source.heads) - 1 - source.heads[::-1].index(commit)
