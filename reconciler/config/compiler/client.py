"""Whom to ask: processes of the compiler, as many as are asked at once, and none for longer than they are used.

Each request has a process to itself, so that one which takes long holds up no other source. Safe to use from any
thread; it blocks, so that a loop asks in one of its worker threads.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakSet

from reconciler.config.compiler.faults import CompilerError, CompilerMissing
from reconciler.config.compiler.process import MEMORY_MAX, CompilerProcess

SECONDS = 20.0
"""How long a request may take unless its caller says otherwise."""

IDLE_SECONDS = 60.0
"""How long a process is kept that nobody asks anything."""

PROCESSES_MAX = 2
"""How many of one client work at once; who comes later waits."""

_made: WeakSet[Compiler] = WeakSet()
"""All of this process."""

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Compiler:
    """Answers requests.

    Args:
        directory: where the artefacts are.
        memory: bytes that one process may take.
        idle: seconds that one is kept unused.
    """

    def __init__(
        self, directory: Path | None = None, *, memory: int = MEMORY_MAX, idle: float = IDLE_SECONDS
    ) -> None:
        machine = os.uname().machine
        self._directory = directory or Path(__file__).resolve().parents[2] / "_artifacts"
        self.binary = self._directory / f"compiler-linux-{_ARCHITECTURES.get(machine, machine)}"
        self._memory = memory
        self._idle_seconds = idle
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(PROCESSES_MAX)
        self._idle: list[tuple[CompilerProcess, threading.Timer]] = []
        self._busy: set[CompilerProcess] = set()
        _made.add(self)

    @property
    def missing(self) -> str:
        """Why there is none, in one sentence; "" where there is one."""
        if self.binary.is_file():
            return ""
        return (
            f"this froyo has no compiler of CUE and Rego ({self.binary.name}): it was built where Go modules cannot be "
            "fetched, or for another kind of machine; build it where they can: python hatch_build.py compiler"
        )

    def ask(self, operation: str, arguments: Mapping[str, Any], *, seconds: float = SECONDS) -> Any:
        """The answer to a request: `docs/spec/compiler.md` says of which shape.

        Args:
            operation: such as `cue.evaluate`.
            arguments: its own.
            seconds: how long it may take.

        Raises:
            CompilerMissing: this froyo has none.
            CompilerExceeded: it took more time, memory, depth or room than it may, and was ended.
            CompilerError: it could not be answered.
        """
        with self._room:
            process = self._taken()
            with self._lock:
                self._busy.add(process)
            try:
                return process.ask(operation, arguments, seconds=seconds)
            finally:
                with self._lock:
                    self._busy.discard(process)
                self._give_back(process)

    def close(self) -> None:
        """End what is idle. What is asked later starts anew."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process, timer in idle:
            timer.cancel()
            process.close()

    def stop(self) -> None:
        """End what is idle, and what works: whoever waits for it is told so."""
        self.close()
        with self._lock:
            busy = list(self._busy)
        for process in busy:
            process.stop()

    def _taken(self) -> CompilerProcess:
        with self._lock:
            while self._idle:
                process, timer = self._idle.pop()
                timer.cancel()
                if not process.ended:
                    return process
                process.close()
        if self.missing:
            raise CompilerMissing(self.missing)
        try:
            return CompilerProcess(self.binary, memory=self._memory)
        except OSError as error:
            message = f"{self.binary}: the compiler cannot be run: {error.strerror or error}"
            raise CompilerError(message) from error

    def _give_back(self, process: CompilerProcess) -> None:
        if process.ended:
            process.close()
            return
        timer = threading.Timer(self._idle_seconds, self._retire, [process])
        timer.daemon = True
        with self._lock:
            self._idle.append((process, timer))
        timer.start()

    def _retire(self, process: CompilerProcess) -> None:
        """End one that nobody has asked anything for long, unless somebody just does."""
        with self._lock:
            kept = [one for one in self._idle if one[0] is not process]
            retired = len(kept) < len(self._idle)
            self._idle = kept
        if retired:
            with contextlib.suppress(OSError):
                process.close()


def stop_all() -> None:
    """End what all of them work on: this process is about to end, and would wait for it."""
    for one in list(_made):
        one.stop()
