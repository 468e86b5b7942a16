"""Evidence: who changed something on a target."""

from __future__ import annotations

from dataclasses import dataclass

_OPERATION_UNIT = "froyo-op-"
"""What the units of operations begin with on a target."""
_OPERATION = "froyo-operation"
"""What carries one out where there is no systemd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Who changed something, as far as the target could tell. Empty strings and None mean "not known".

    Attributes:
        command: command line of the process.
        pid: its id.
        user: effective user.
        login: the user who logged in, where that is another one.
        began: command line of the program that somebody ran and that led to it, such as apt-get to dpkg, where that is
            another one.
        parents: command names of the parent chain, nearest first.
        unit: systemd unit or container.
        session: such as "ssh from 10.0.0.9".
        ended: the process was gone before it could be looked up.
        at: seconds since the epoch, by the target's clock, when the change was noticed.
        source: where it comes from: "fanotify", "inotify" and "mountinfo" (which never know who), "systemd", "rescan".
    """

    command: str = ""
    pid: int | None = None
    user: str = ""
    login: str = ""
    began: str = ""
    parents: tuple[str, ...] = ()
    unit: str = ""
    session: str = ""
    ended: bool = False
    at: float | None = None
    source: str = "rescan"

    @property
    def is_known(self) -> bool:
        """Whether it says who it was."""
        return bool(self.command) or self.pid is not None

    @property
    def is_ours(self) -> bool:
        """Whether it was a program that was run for an instance, as an operation of its own."""
        return self.unit.startswith(_OPERATION_UNIT) or _OPERATION in self.parents


def by_whom(evidence: Evidence | None) -> str:
    """Whose doing it was, in one of a few words: `operation` (ours), `person`, `service`, `process`, or `unknown`."""
    if evidence is None or not evidence.is_known:
        return "unknown"
    if evidence.is_ours:
        return "operation"
    if evidence.session or evidence.login:
        return "person"
    return "service" if evidence.unit.endswith(".service") else "process"
