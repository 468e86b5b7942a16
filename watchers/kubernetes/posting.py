"""Events of a cluster (events.k8s.io/v1), for a person who asks `kubectl describe` or `kubectl events`.

Invariant: they are bounded, whatever happens. What happens again and again is one Event with a series, told of now and
then; of what is new only so much a second is posted, and the rest is on record with froyo alone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from watchers.kubernetes.listing import Unlisted, connected
from watchers.kubernetes.objects import Definition, SeenObject, parts_of
from watchers.kubernetes.statuses import AT_ONCE, MANAGER

SERIES = 600.0
"""Seconds within which the same is part of a series, and no Event of its own."""
EVERY = 10.0
"""Seconds between two posts about one series."""
BURST = 50
PER_SECOND = 2.0
"""New Events that are posted at once, and from then on."""
KNOWN = 4096
"""Series that are remembered."""
_NOTE_MAX = 1024
_TIMEOUT = 60.0
_API = "apis/events.k8s.io/v1/namespaces"


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that happened to an object.

    Attributes:
        path: of the object.
        warning: whether it should disturb a person.
        reason: in one word.
        note: for a person.
        at: seconds since the epoch.
        by: who or what has caused it; the same by another one is something else.
    """

    path: str
    warning: bool
    reason: str
    note: str
    at: float
    by: str = ""


@dataclass
class _Series:
    notice: Notice
    name: str
    count: int = 1
    told: int = 0
    told_at: float = 0.0
    last: float = 0.0


class Posting:
    """See the module. One of a source.

    Args:
        definitions: the kinds, by `Kind.group`.
        now: the wall clock.
        unique: gives another part of a name each time.
    """

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        *,
        now: Callable[[], float],
        unique: Callable[[], str] = lambda: os.urandom(8).hex(),
    ) -> None:
        self._definitions = definitions
        self._now = now
        self._unique = unique
        self._series: dict[tuple[str, ...], _Series] = {}
        self._room, self._since = float(BURST), now()
        self.dropped = 0

    async def post(self, notices: Sequence[Notice], seen: Mapping[str, SeenObject]) -> str:
        """Post what there is to be posted of these, and of those before; why it could not be, or "".

        Args:
            notices: what has happened since.
            seen: the objects, by path; what has happened to others is told to nobody.
        """
        for notice in notices:
            if notice.path in seen:
                self._take(notice)
        due = [one for one in self._series.values() if self._due(one)]
        if not due:
            return ""
        failed = ""
        try:
            async with connected() as session, asyncio.timeout(_TIMEOUT):
                for start in range(0, len(due), AT_ONCE):
                    batch = due[start : start + AT_ONCE]
                    for why in await asyncio.gather(*(self._tell(session, one, seen) for one in batch)):
                        failed = failed or why
        except (Unlisted, aiohttp.ClientError, TimeoutError, OSError) as error:
            return str(error) or "no answer in time"
        return failed

    @property
    def waits(self) -> bool:
        """Whether there is more to be posted when its time has come."""
        return any(one.count > one.told for one in self._series.values())

    def _take(self, notice: Notice) -> None:
        key = notice.path, notice.reason, notice.by
        known = self._series.get(key)
        if known is not None and notice.at - known.last < SERIES:
            known.count += 1
            known.last = notice.at
            return
        now = self._now()
        self._room = min(float(BURST), self._room + max(0.0, now - self._since) * PER_SECOND)
        self._since = now
        if self._room < 1:
            self.dropped += 1
            return
        self._room -= 1
        self._series.pop(key, None)
        if len(self._series) >= KNOWN:
            del self._series[next(iter(self._series))]
        name = parts_of(notice.path)[2]
        self._series[key] = _Series(notice, f"{name[:220]}.{self._unique()}", last=notice.at)

    def _due(self, one: _Series) -> bool:
        return one.count > one.told and (one.told == 0 or self._now() - one.told_at >= EVERY)

    async def _tell(
        self, session: aiohttp.ClientSession, one: _Series, seen: Mapping[str, SeenObject]
    ) -> str:
        """Post it, or that it has happened again; why not, or ""."""
        count, namespace = one.count, parts_of(one.notice.path)[0]
        if one.told:
            series = {"count": count, "lastObservedTime": _time(one.last)}
            where, headers = f"{_API}/{namespace}/events/{one.name}", {"Content-Type": _MERGE}
            async with session.patch(where, json={"series": series}, headers=headers) as response:
                if response.status == 404:  # it has expired: what comes next is a new one
                    one.told = one.count = 0
                    return ""
                why = await _refused(response)
        else:
            body = self._body(one, seen[one.notice.path])
            async with session.post(f"{_API}/{namespace}/events", json=body) as response:
                # One that is there already is ours: an answer was lost.
                why = "" if response.status == 409 else await _refused(response)
        if not why:
            one.told, one.told_at = count, self._now()
        return why

    def _body(self, one: _Series, seen: SeenObject) -> dict[str, Any]:
        notice = one.notice
        namespace, kind, name = parts_of(notice.path)
        definition = self._definitions[kind]
        note = notice.note
        body = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": one.name, "namespace": namespace},
            "eventTime": _time(notice.at),
            "type": "Warning" if notice.warning else "Normal",
            "reason": notice.reason,
            "action": "Reconcile",
            "note": note if len(note.encode()) <= _NOTE_MAX else f"{note[: _NOTE_MAX // 4 - 1]}…",
            "regarding": {
                "apiVersion": f"{definition.group}/{definition.version}",
                "kind": definition.kind,
                "namespace": namespace,
                "name": name,
                "uid": seen.uid,
            },
            "reportingController": f"froyo.dev/{MANAGER}",
            "reportingInstance": os.uname().nodename[:128] or MANAGER,
        }
        if one.count > 1:
            body["series"] = {"count": one.count, "lastObservedTime": _time(one.last)}
        return body


_MERGE = "application/merge-patch+json"


async def _refused(response: aiohttp.ClientResponse) -> str:
    return "" if response.status < 300 else f"{response.status} {(await response.text())[:300]}"


def _time(seconds: float) -> str:
    """As the API has it: with six digits after the point."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
