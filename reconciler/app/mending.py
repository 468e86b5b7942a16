"""Files that are written apart from each other, as the objects of a cluster are: one wrong one holds up no other.

Invariant: what was good is never dropped. Of an object that has become wrong the last good version counts; one that
never was good is left out, and has nothing anywhere. Where what is wrong lies in what an object needs, and somebody
else has changed or taken away, that stays as it was. Only where no earlier version of anything helps is one left out
that was good, and nothing is removed then for want of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from reconciler.errors import ConfigError, Problem
from reconciler.model.names import Digest
from reconciler.model.source import Snapshot, SnapshotFile, SnapshotGone, SourceReport, being_deleted
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.engine.intake.evaluating import Load
    from reconciler.model.desired import Desired
    from reconciler.runtime import Offload

log = get_logger("froyo")

Item = Snapshot | SourceReport


@dataclass(frozen=True, slots=True)
class Apart:
    """What is known of files that are written apart from each other.

    Attributes:
        shared: whether others read what a file declares, as they do values and targets.
        mentions: whether a text is about a file, as a complaint of another one may be.
        explained: a problem as the author of a file reads it, who has that content where the problem is in there.
    """

    shared: Callable[[str], bool]
    mentions: Callable[[str, str], bool]
    explained: Callable[[str, Problem, bytes], str]


class Mending:
    """See the module. One of a source.

    Args:
        apart: what is known of its files.
        load: evaluates a snapshot.
        before: gives the snapshot that was in force when the last controller ended.
        offload: runs what takes a while.

    Attributes:
        wrong: what is wrong with which file of the newest snapshot, by path, for a person.
        good: the last snapshot that was right, or put right.
    """

    def __init__(
        self,
        apart: Apart,
        *,
        load: Load,
        before: Callable[[], Awaitable[Snapshot | None]],
        offload: Offload,
    ) -> None:
        self.wrong: Mapping[str, str] = {}
        self._lasting: Mapping[str, str] = {}
        self._changes: list[asyncio.Event] = []
        self._apart = apart
        self._load = load
        self._before = before
        self._offload = offload
        self.good: Snapshot | None = None
        self._again = asyncio.Event()
        self._evaluated: tuple[Snapshot, Desired] | None = None

    def load(self, snapshot: Snapshot) -> Desired:
        """What a snapshot declares; of the one that was mended just now that is known, and given once.

        Raises:
            ConfigError: it does not evaluate.
            SnapshotGone: it has moved on.
        """
        found, self._evaluated = self._evaluated, None
        return found[1] if found is not None and found[0] is snapshot else self._load(snapshot)

    def _noted(self, snapshot: Snapshot) -> Desired:
        desired = self._load(snapshot)
        self._evaluated = snapshot, desired
        return desired

    def told(self, problem: Problem) -> str:
        """What is wrong with a file beside others that are no part of its source, for who wrote it."""
        return self._apart.explained(problem.file, problem, b"")

    def changes(self) -> asyncio.Event:
        """What is set from now on whenever something else is wrong; who waits for it clears it."""
        self._changes.append(asyncio.Event())
        return self._changes[-1]

    def again(self) -> None:
        """See the newest snapshot once more: what it is evaluated with has turned out to be otherwise."""
        self._again.set()

    async def mended(self, items: AsyncIterator[Item]) -> AsyncIterator[Item]:
        """What a source yields, with the last good version of each file that is wrong."""
        last: Snapshot | None = None
        coming = asyncio.ensure_future(anext(items))
        again = asyncio.ensure_future(self._again.wait())
        try:
            while True:
                await asyncio.wait({coming, again}, return_when=asyncio.FIRST_COMPLETED)
                if again.done():
                    self._again.clear()
                    again = asyncio.ensure_future(self._again.wait())
                    if last is not None:
                        yield await self._mended(last)
                if not coming.done():
                    continue
                try:
                    item = coming.result()
                except StopAsyncIteration:
                    return
                coming = asyncio.ensure_future(anext(items))
                if isinstance(item, Snapshot):
                    last = item
                    yield await self._mended(item)
                else:
                    yield item
        finally:
            for task in (coming, again):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                    await task

    async def _mended(self, snapshot: Snapshot) -> Snapshot:
        if self.good is None:
            self.good = await self._before()
        mending = partial(mend, snapshot, self.good, self._noted, self._apart)
        whole, wrong = await self._offload("config", mending)
        told = {path: self._explained(snapshot, path, one) for path, one in wrong.items()}
        # Who says the same again has not said anything new: a status is not written for the id of another decision.
        lasting = {path: why.replace(wrong[path].passing or why, "") or why for path, why in told.items()}
        told |= {path: self.wrong[path] for path, why in lasting.items() if self._lasting.get(path) == why}
        self._lasting = lasting
        for path in told.keys() - {path for path, why in self.wrong.items() if told.get(path) == why}:
            log.warning("an object is wrong", source=snapshot.source, object=path, why=told[path])
        if told != self.wrong:
            self.wrong = told
            for change in self._changes:
                change.set()
        if whole is not None:
            self.good = whole
        return whole or snapshot

    def _explained(self, snapshot: Snapshot, path: str, problem: Problem) -> str:
        mine = path in snapshot.files and problem.file == path
        content = snapshot.files[path].read() if mine else b""
        return self._apart.explained(path, problem, content)


def mend(
    snapshot: Snapshot, good: Snapshot | None, load: Load, apart: Apart
) -> tuple[Snapshot | None, dict[str, Problem]]:
    """A snapshot as it can be in force, and what is wrong with which file; None if nothing can be done about it.

    Args:
        snapshot: what the source has.
        good: the last that was in force.
        load: evaluates one.
        apart: what is known of its files.
    """
    patch, wrong = _Patch(snapshot, good), dict[str, Problem]()
    while True:
        made = patch.made()
        try:
            load(made)
        except SnapshotGone:
            return None, {}
        except ConfigError as error:
            # All of them first: what is put back for the sake of one is what another one is laid to as well.
            laid: dict[str, Problem] = {}
            for problem in error.problems:
                blamed = patch.blamed(problem, apart)
                told = {path for path in blamed if path in snapshot.files}
                # What needs something that is not there any more is not as it says, either.
                if len(told) < len(blamed) or any(map(apart.shared, blamed)):
                    told.add(problem.file)
                # One that somebody has deleted stays for the sake of what needs it, and says so as well.
                for path in (told & snapshot.files.keys()) | (blamed & being_deleted(snapshot)):
                    wrong.setdefault(path, problem)
                for path in blamed:
                    laid.setdefault(path, problem)
            helped = [patch.put_back(path, problem) for path, problem in laid.items()]
            if not any(helped):
                return None, wrong
        else:
            return made, wrong


class _Patch:
    """The files of a snapshot, some of them as they were before, or left out."""

    def __init__(self, snapshot: Snapshot, good: Snapshot | None) -> None:
        self._snapshot = snapshot
        self._files = dict(snapshot.files)
        self._left = dict(snapshot.left_out)
        self._had: Mapping[str, SnapshotFile] = good.files if good is not None else {}
        # What was left out then may have been good before.
        self._known = {*self._had, *(good.left_out if good is not None else ())}
        self._out: set[str] = set()
        self._patched = False

    def blamed(self, problem: Problem, apart: Apart) -> set[str]:
        """To which files a problem is laid: to what has changed, before what was right as it is."""
        changed = {path for path in self._files if self._had.get(path) != self._files[path]}
        if problem.file in changed:
            return {problem.file}
        suspects = changed | (self._had.keys() - self._files.keys() - self._out)
        text = f"{problem.message} {problem.hint}"
        meant = {path for path in suspects if apart.mentions(path, text)}
        return (
            meant
            or {path for path in suspects if apart.shared(path)}
            or {path for path in (problem.file,) if path in self._files}
        )

    def put_back(self, path: str, problem: Problem) -> bool:
        """Have a file as it was, or leave it out if it is so; whether that is new."""
        if path in self._out or (path not in self._files and path not in self._had):
            return False
        self._patched = True
        if path in self._had and self._files.get(path) != self._had[path]:
            self._files[path] = self._had[path]
            return True
        del self._files[path]
        self._out.add(path)
        if path in self._known:
            self._left[path] = f"it is wrong: {problem.message}"
        return True

    def made(self) -> Snapshot:
        """The snapshot. As with any, the same files make the same digest."""
        if not self._patched:
            return self._snapshot
        digest = hashlib.sha256()
        for path in sorted(self._files):
            digest.update(os.fsencode(path) + b"\0" + self._files[path].digest.encode() + b"\n")
        digits = digest.hexdigest()
        return replace(
            self._snapshot,
            revision=digits[:12],
            digest=Digest(f"sha256:{digits}"),
            files={path: self._files[path] for path in sorted(self._files)},
            left_out=dict(self._left),
        )
