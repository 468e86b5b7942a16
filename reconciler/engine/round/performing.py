"""Carries a provider's calls to a target and the replies back.

Reading calls of one step go out together; writing calls go out in the order in which the provider made them, each run
of the same command as one batch, so that the runner can make them durable together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from reconciler.engine.lane.recording import Recording
from reconciler.engine.round.prefetch import Prefetch
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ErrorClass, ProviderError, StoreError
from reconciler.model.blob import EMPTY, Blob
from reconciler.model.calls import Call, Failure, Reply
from reconciler.model.names import Digest
from reconciler.model.source import SnapshotGone
from reconciler.plugins.calls import CALLS, Perform, about
from reconciler.runtime import first_error
from reconciler.targets.session import Session

FindBlob = Callable[[Digest], Blob]
ReadKept = Callable[[Digest], Awaitable[bytes]]
Asking = Callable[[Sequence[Call]], Awaitable[list[Reply]]]


def _runs(calls: Sequence[Call], *, limit: int) -> Iterator[tuple[str, list[int]]]:
    """The calls as runs of the same command, at most `limit` long: (command, positions)."""
    run: list[int] = []
    for position, call in enumerate(calls):
        if run and (calls[run[0]].name != call.name or len(run) >= limit):
            yield calls[run[0]].name, run
            run = []
        run.append(position)
    if run:
        yield calls[run[0]].name, run


class ReadingPerformer:
    """Performs reading calls, from `known` answers where there are any, and keeps the account of all in `seen`.

    Attributes:
        seen: what was asked and answered.
        elsewhere: the packages that asked about something else than subjects.

    Args:
        session: to the target.
        settings: the numbers.
        known: answers that need not be asked for again.
        prefetch: answers that are under way.
    """

    def __init__(
        self,
        session: Session,
        settings: EngineSettings,
        *,
        known: Recording | None = None,
        prefetch: Prefetch | None = None,
    ) -> None:
        self.seen = Recording()
        self.elsewhere: set[str] = set()
        self._session = session
        self._batch = settings.batch
        self._patience = settings.rescan_patience
        self._known = known
        self._prefetch = prefetch

    def of(self, package: str) -> Perform:
        """What performs the calls of a package."""

        async def perform(calls: Sequence[Call]) -> list[Reply]:
            if not all(map(about, calls)):
                self.elsewhere.add(package)
            return await self(calls)

        return perform

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        """The replies, in the order of the calls."""
        return await parted(calls, self._ask, self._outside)

    async def _outside(self, calls: Sequence[Call]) -> list[Reply]:
        """What the controller would have to ask by itself."""
        return refused(calls)

    async def _ask(self, calls: Sequence[Call]) -> list[Reply]:
        replies: list[Reply | None] = [None] * len(calls)
        if self._known is not None:
            replies = [self._known.answer(call) for call in calls]
        elif self._prefetch is not None:
            replies = [await self._prefetch.answer(call) for call in calls]
        open_positions = [position for position, reply in enumerate(replies) if reply is None]
        by_command = sorted(open_positions, key=lambda position: calls[position].name)
        ordered = [calls[position] for position in by_command]

        async def ask(command: str, run: list[int]) -> None:
            items = [dict(ordered[index].args) for index in run]
            answers = await self._session.command(command, items, timeout=self._patience, repeatable=True)
            for index, answer in zip(run, answers, strict=True):
                replies[by_command[index]] = answer

        await together([ask(command, run) for command, run in _runs(ordered, limit=self._batch)])
        complete = [reply for reply in replies if reply is not None]
        self.seen.note(calls, complete)
        return complete


class WritingPerformer:
    """Performs the calls of an apply. Bodies that a call names are sent ahead of it.

    Args:
        session: to the target.
        settings: the numbers.
        find_blob: gives the body for a digest.
        declared: the bodies that the resources at hand declare; a provider can name no others.
        kept: gives a content that is in the store: a large body is not held in memory, and its file may have moved on
            since the snapshot that is in force was taken.
        intended: ends when what is to be done is on record; nothing is done before that.

    Attributes:
        lasting: the operations whose results were heard, and which the target keeps until they are forgotten.
    """

    def __init__(
        self,
        session: Session,
        settings: EngineSettings,
        *,
        find_blob: FindBlob,
        declared: Collection[Digest],
        kept: ReadKept,
        intended: asyncio.Future[None],
    ) -> None:
        self.lasting: list[str] = []
        self._session = session
        self._find_blob = find_blob
        self._declared = declared
        self._kept = kept
        self._batch = settings.batch
        self._patience = settings.apply_patience
        self._intended = intended

    async def __call__(self, calls: Sequence[Call]) -> list[Reply]:
        """The replies, in the order of the calls."""
        return await parted(calls, self._ask, _refuse)

    async def _ask(self, calls: Sequence[Call]) -> list[Reply]:
        await asyncio.shield(self._intended)
        replies: list[Reply] = []
        for command, run in _runs(calls, limit=self._batch):
            items: list[dict[str, Any]] = [dict(calls[position].args) for position in run]
            for item in items:
                if "blob" in item:
                    await self._send(Digest(item["blob"]))
            # What has a time of its own takes that, and the command around it a little longer.
            longest = max((item.get("timeout_ms", 0) for item in items), default=0) / 1000
            answers = await self._session.command(command, items, timeout=longest + self._patience)
            if CALLS[command].lasting:
                self.lasting += _heard_of(items, answers)
            replies += answers
        return replies

    async def _send(self, digest: Digest) -> None:
        if digest == EMPTY.digest:
            await self._session.send_blob(EMPTY)
            return
        if digest not in self._declared:
            raise ProviderError(f"the provider names the body {digest}, which none of its resources declares")
        try:
            await self._session.send_blob(self._find_blob(digest))
        except SnapshotGone:
            try:
                content = await self._kept(digest)
            except StoreError:
                raise SnapshotGone(digest) from None
            await self._session.send_blob(Blob(digest, len(content), lambda: content))


def _heard_of(items: Sequence[Mapping[str, Any]], answers: Sequence[Reply]) -> list[str]:
    """The operations of which it was said what became of them; the result of another one is all that says so."""
    heard = (not isinstance(answer, Failure) or not answer.whole for answer in answers)
    return [item["id"] for item, known in zip(items, heard, strict=True) if known and "id" in item]


async def parted(calls: Sequence[Call], of_target: Asking, outside: Asking) -> list[Reply]:
    """The replies to calls, each asked where it is answered: of the target, or by the controller itself.

    Args:
        calls: of a provider.
        of_target: asks a target.
        outside: makes what the controller makes by itself.
    """
    apart = [CALLS[call.name].controller for call in calls]
    if not any(apart):
        return await of_target(calls)
    there = [call for call, here in zip(calls, apart, strict=True) if not here]
    replies: list[list[Reply]] = [[], []]

    async def ask(asking: Asking, some: Sequence[Call], place: int) -> None:
        if some:
            replies[place] = await asking(some)

    mine = [call for call, here in zip(calls, apart, strict=True) if here]
    await together([ask(of_target, there, 0), ask(outside, mine, 1)])
    theirs, ours = map(iter, replies)
    return [next(ours if here else theirs) for here in apart]


def refused(calls: Sequence[Call]) -> list[Reply]:
    """What is answered where a round would have to wait for what the controller asks."""
    why = "is made by the controller itself, and only to read a kind whose manifest says `probe`"
    return [Failure(ErrorClass.PERMANENT, "not_a_probe", f"{call.name} {why}") for call in calls]


async def _refuse(calls: Sequence[Call]) -> list[Reply]:
    return refused(calls)


async def together(waits: Sequence[Any]) -> None:
    """Await all; the first failure cancels the others and is raised as itself."""
    if len(waits) == 1:
        await waits[0]
        return
    try:
        async with asyncio.TaskGroup() as group:
            for wait in waits:
                group.create_task(wait)
    except BaseExceptionGroup as failures:
        raise first_error(failures) from None
