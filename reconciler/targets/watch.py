"""What a target says about changes: `changed` and `progress` events as values of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import RemoteProtocolError
from reconciler.model.evidence import Evidence

_NEVER = 253_402_300_800.0
"""The end of the year 9999: a time beyond it could be kept but never be shown."""

_PIDS = 2**32

_LONG, _MANY = 4096, 64
"""Characters of a text, and parents, beyond which nothing is kept: far more than a runner sends."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something happened to a subject that is watched.

    Attributes:
        subject: as it was given to `watch`.
        evidence: who did it.
        at: seconds since the epoch, by the target's clock.
    """

    subject: str
    evidence: Evidence
    at: float


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """Changes that were noticed together.

    Attributes:
        changes: one for each subject.
        overflow: others were lost: look at everything.
    """

    changes: tuple[Change, ...]
    overflow: bool


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """How well is watched.

    Attributes:
        watching: number of subjects.
        mode: `fanotify`, `inotify`, or `none`: only a rescan will notice anything.
        degraded: what is not watched as well as it could be, and why; "" when all is well.
        anonymous: why nobody can be named who changes something; "" where somebody can, or nobody is told to root.
    """

    watching: int
    mode: str
    degraded: str
    anonymous: str = ""


UNWATCHED = WatchStatus(watching=0, mode="none", degraded="nothing is watched yet")


def watch_event(data: Mapping[str, Any]) -> WatchEvent:
    """The value of a `changed` event.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    try:
        return WatchEvent(tuple(_change(change) for change in data["changes"]), bool(data["overflow"]))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RemoteProtocolError("a changed event is malformed", kind="bad_field") from error


def watch_status(data: Mapping[str, Any]) -> WatchStatus:
    """The value of a `progress` event of a watch.

    Raises:
        RemoteProtocolError: it is malformed.
    """
    try:
        degraded = str(data.get("degraded") or "")[:_LONG]
        anonymous = str(data.get("anonymous") or "")[:_LONG]
        return WatchStatus(int(data["watching"]), str(data["mode"])[:_LONG], degraded, anonymous)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise RemoteProtocolError("a progress event is malformed", kind="bad_field") from error


def _change(change: Mapping[str, Any]) -> Change:
    at = change["at_ms"] / 1000
    by = change["by"]
    pid = by.get("pid")
    if not 0 <= at < _NEVER or not (pid is None or (type(pid) is int and abs(pid) < _PIDS)):
        raise ValueError
    evidence = Evidence(
        command=str(by.get("command", ""))[:_LONG],
        pid=pid,
        user=str(by.get("user", ""))[:_LONG],
        login=str(by.get("login", ""))[:_LONG],
        began=str(by.get("began", ""))[:_LONG],
        parents=tuple(str(parent)[:_LONG] for parent in by.get("parents", ())[:_MANY]),
        unit=str(by.get("unit", ""))[:_LONG],
        session=str(by.get("session", ""))[:_LONG],
        ended=bool(by.get("ended", False)),
        at=at,
        source=str(by["source"])[:_LONG],
    )
    return Change(str(change["subject"]), evidence, at)
