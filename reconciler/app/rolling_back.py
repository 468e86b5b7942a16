"""What a person asks for when they roll a source back, or end that: one way for the daemon and for commands without.

Invariant: the end of a rollback comes by itself where a daemon serves its source, whatever the wall clock does
meanwhile; elsewhere the next command or daemon sees that it has come.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import replace

from reconciler.api.views import instant
from reconciler.core.revisions import chosen
from reconciler.engine.intake.intake import Intake
from reconciler.errors import ConfigError, UsageError
from reconciler.model.event import EventFilter
from reconciler.model.names import SourceName
from reconciler.model.source import SnapshotGone
from reconciler.model.state import Rollback
from reconciler.runtime import Runtime
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord
from reconciler.store.store import Store

SOON = 2.0
"""Seconds after the start in which a command may have found nobody to ask, and have written to the store itself."""
LOOK = 30.0
"""Seconds after which the wall clock is looked at again: it may have been moved."""


async def wanted(
    store: Store, written: str, source: str, *, by: str, reason: str, since: float, until: float | None
) -> Rollback:
    """The rollback that a person asks for.

    Raises:
        UsageError: no revision that is kept is meant, or it may be one of several.
    """
    said = await store.events(EventFilter(object=f"Source{source}" if source.startswith("/") else "Source"))
    former = {str(event.data["revision"]): None for event in reversed(said) if event.data.get("revision")}
    found = chosen(written, await store.revisions(), source=source, former=former)
    return Rollback(
        source=found.source,
        snapshot=found.number,
        revision=found.revision,
        digest=found.digest,
        by=by,
        reason=reason,
        since=since,
        until=until,
    )


async def ending(store: Store, source: str, *, now: float) -> Rollback:
    """The rollback of a source, or the only one, ended just now.

    Raises:
        UsageError: there is none, or there are several and none of them is named.
    """
    known = await store.load_rollbacks()
    found = [one for one in known.values() if source in ("", one.source)]
    if not found:
        what = f"{source} is not" if source else "nothing is"
        raise UsageError(f"{what} rolled back; see: froyo get sources")
    if len(found) > 1:
        names = ", ".join(one.source for one in found)
        raise UsageError(f"several sources are rolled back: {names}; name one of them with --source")
    return replace(found[0], until=now)


def audited(rollback: Rollback, *, at: float) -> Batch:
    """A rollback, in the audit log."""
    data = {"revision": rollback.revision, "reason": rollback.reason, "until": instant(rollback.until)}
    record = AuditRecord(at=at, actor=rollback.by, action="rollback", object=rollback.source, data=data)
    return Batch().add_audit([record])


def audited_end(rollback: Rollback, *, by: str, at: float) -> Batch:
    """The end of one, in the audit log."""
    data = {"revision": rollback.revision}
    record = AuditRecord(at=at, actor=by, action="rollback.end", object=rollback.source, data=data)
    return Batch().add_audit([record])


class RollingBack:
    """What a daemon does about rollbacks.

    Args:
        store: where they are kept.
        runtime: gives the time.
        intakes: the path from each source that is served to the loop.
    """

    def __init__(self, store: Store, runtime: Runtime, intakes: Mapping[SourceName, Intake]) -> None:
        self._store = store
        self._runtime = runtime
        self._intakes = intakes
        self._moved = asyncio.Event()
        self._tried: set[Rollback] = set()

    async def roll_back(self, rollback: Rollback) -> None:
        """Put what is wanted in force, now.

        Raises:
            UsageError: the source is not served, or what is wanted cannot be in force.
        """
        intake = self._served(rollback.source)
        try:
            await intake.roll_back(rollback)
        except ConfigError as error:
            first, *rest = map(str, error.problems)
            more = f"; and {len(rest)} more" if rest else ""
            raise UsageError(f"revision {rollback.revision} cannot be in force: {first}{more}") from error
        except SnapshotGone as error:
            raise UsageError(f"revision {rollback.revision} cannot be had any more: {error}") from error
        await self._store.write(audited(rollback, at=self._runtime.now()))
        self._moved.set()

    async def end(self, source: str, *, by: str) -> Rollback:
        """End a rollback, and put the newest good snapshot in force; returns what it was rolled back to.

        Raises:
            UsageError: there is no such rollback, or what is newer cannot be in force.
        """
        over = await ending(self._store, source, now=self._runtime.now())
        intake = self._served(over.source)
        self._tried.add(over)
        await self._store.write(audited_end(over, by=by, at=self._runtime.now()).roll_back(over))
        await intake.go_on()
        if over.source in await self._store.load_rollbacks():
            why = next(iter(intake.state.problems), "see: froyo get sources")
            raise UsageError(f"nothing newer than {over.revision} can be in force yet: {why}")
        return over

    async def run(self) -> None:
        """End each rollback when its time has come; a long task."""
        looks = 0
        while True:
            self._moved.clear()
            now, pause = self._runtime.now(), LOOK if looks else SOON
            looks += 1
            for one in (await self._store.load_rollbacks()).values():
                intake = self._intakes.get(one.source)
                if intake is None:
                    continue
                if one.until is None:
                    await intake.follow(one)
                elif one.holds(now):
                    pause = min(pause, one.until - now)
                    await intake.follow(one)
                elif one not in self._tried:
                    await intake.go_on()
                    # Where it could not take over, the next snapshot of the source is the next try.
                    self._tried.add(one)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._moved.wait()

    def _served(self, source: SourceName) -> Intake:
        intake = self._intakes.get(source)
        if intake is None:
            raise UsageError(f"{source} is not served by this daemon; see: froyo get sources")
        return intake
