"""What a daemon tells the service manager that has started it, as sd_notify(3) says: ready, how it is, alive, stopping.

No library: one datagram a message, to the socket that `NOTIFY_SOCKET` names. Invariant: whatever becomes of a message,
the daemon goes on; and that it is alive is told only while every check of `/livez` passes, so that a watchdog ends a
daemon that hangs and one of which a part has died for good.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from reconciler.api.health import HealthCheck, lives
from reconciler.core.visible import one_line

EVERY = 5.0
"""Seconds between two looks at how it is, where no watchdog wants to hear of it sooner."""
LOOK = 0.05
"""Seconds between two looks whether the daemon can be asked, at its start."""


class ServiceManager:
    """Who has started this process, or nobody.

    Args:
        environ: the process's environment.
        pid: of this process.

    Attributes:
        watchdog: seconds within which it wants to hear that the daemon is alive; None where it does not.
    """

    def __init__(self, environ: Mapping[str, str], *, pid: int) -> None:
        self._path = environ.get("NOTIFY_SOCKET", "")
        micros = environ.get("WATCHDOG_USEC", "")
        meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        self.watchdog = int(micros) / 1e6 if meant and micros.isdecimal() and int(micros) else None

    @property
    def listens(self) -> bool:
        """Whether there is one who wants to hear."""
        return self._path[:1] in {"/", "@"}

    def tell(self, *messages: str) -> None:
        """Tell it, if there is one."""
        if not self.listens:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)  # noqa: FBT003 - its one argument
            line.sendto(
                "\n".join(messages).encode("utf-8", "backslashreplace"), self._path.replace("@", "\0", 1)
            )

    def standing_by(self, told: str) -> None:
        """The daemon waits for another one to end: it has begun, and is alive, for as long as this is called."""
        self.tell(
            "READY=1", f"STATUS={one_line(told)}", *(["WATCHDOG=1"] if self.watchdog is not None else [])
        )

    def stopping(self) -> None:
        """The daemon has been told to end, and lets end what is under way."""
        self.tell("STOPPING=1", "STATUS=ending: what is under way gets its time")

    async def keep_told(
        self, api: Path, checks: Callable[[], Sequence[HealthCheck]], status: Callable[[], str]
    ) -> None:
        """Say that the daemon is ready once it can be asked, and then that it is alive and how it is; a long task.

        Args:
            api: the path of its socket.
            checks: whether it lives.
            status: how things are, in a line.
        """
        while not api.exists():  # noqa: ASYNC110, ASYNC240 - whoever starts it waits for that, and it takes a moment
            await asyncio.sleep(LOOK)
        self.tell("READY=1")
        pause, told = min(EVERY, (self.watchdog or EVERY * 2) / 2), ""
        while True:
            wrong = [f"{check.name}: {check.wrong}" for check in lives(checks()) if check.wrong]
            line = one_line(f"not alive: {'; '.join(wrong)}" if wrong else status())
            messages = [f"STATUS={line}"] if line != told else []
            if not wrong and self.watchdog is not None:
                messages.append("WATCHDOG=1")
            if messages:
                self.tell(*messages)
            told = line
            await asyncio.sleep(pause)
