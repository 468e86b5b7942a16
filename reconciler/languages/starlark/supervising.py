"""The process that evaluates, seen from outside: started for what is to be evaluated, held to its limits, and ended.

Invariant: whatever a program does, this comes to an end, with an outcome for each of them. A process that has died, or
says nothing for too long, was at the program that it named last: that one is wrong, and the others are given to another
process.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEMORY = 768 << 20
"""Bytes that the process may take."""
SECONDS = 10
"""Of the processor, that one program may take."""
SILENCE = 60.0
"""Seconds after which it is ended, on a machine that is busy with other things."""
LARGEST = 64 << 20
"""Bytes of what one program makes."""
MOST_ENDED = 3
"""Programs of a source that are ended, before those are given up that are left."""

_BOOT = (
    "import sys; memory, seconds, *sys.path = sys.argv[1:]; "
    "from reconciler.languages.starlark.worker.process import main; main(int(memory), int(seconds))"
)
_ENVIRONMENT = {
    "GOMAXPROCS": "2",
    "GOMEMLIMIT": f"{MEMORY // 2}",
    "GOTRACEBACK": "none",
    "LC_ALL": "C.UTF-8",
}

_GO_SAYS = ("panic: ", "fatal error: ", "runtime: ")

Parts = Callable[[str], Any]

_living: set[_Process] = set()
"""What is evaluating right now, on whatever thread."""
_ENDED = "its evaluation was ended, since this process ends"
_endings = 0
"""How many times all of that was told to end."""


def end_all() -> None:
    """End what is evaluating: nobody waits for it any more."""
    global _endings  # noqa: PLW0603 - processes are of the whole of this one
    _endings += 1
    for process in list(_living):
        process.kill()


@dataclass(slots=True)
class Answered:
    """What came of the programs that were evaluated.

    Attributes:
        outcomes: as they were sent, by program.
        sites: of those, the list that their numbers are of.
        asked: the parts of the surroundings that each may depend on.
        ended: why a program was ended, by program.
    """

    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    sites: dict[str, list[Any]] = field(default_factory=dict)
    asked: dict[str, list[str]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)


class _Ended(Exception):
    """The process is there no more, or is to be."""


def answered(
    files: Mapping[str, str],
    programs: Sequence[str],
    helpers: Mapping[str, Any],
    sections: Sequence[str],
    part: Parts,
) -> Answered:
    """Evaluate programs.

    Args:
        files: the text of each module, by path.
        programs: the paths of those that define `main`.
        helpers: see `helpers`.
        sections: of facts.
        part: gives a part of the surroundings.
    """
    found = Answered()
    waiting = list(programs)
    endings = _endings
    while waiting:
        if endings != _endings:
            found.ended |= dict.fromkeys(waiting, _ENDED)
            break
        if len(found.ended) >= MOST_ENDED:
            why = f"it was not evaluated, since {len(found.ended)} of this source had to be ended"
            found.ended |= dict.fromkeys(waiting, why)
            break
        task = {"files": files, "programs": waiting, "helpers": helpers, "sections": list(sections)}
        with _process() as process:
            begun: list[str] = []
            try:
                _converse(process, task, found, part, begun)
            except _Ended as error:
                # One that said nothing at all is not able to.
                why = str(error) if endings == _endings else _ENDED
                found.ended |= dict.fromkeys(begun[-1:] or waiting, why)
        before = len(waiting)
        waiting = [one for one in waiting if one not in found.outcomes and one not in found.ended]
        if len(waiting) == before:
            raise RuntimeError("the process that evaluates Starlark has ended without a word")
    return found


def _converse(
    process: _Process, task: Mapping[str, Any], found: Answered, part: Parts, begun: list[str]
) -> None:
    """Have a process evaluate.

    Args:
        process: which.
        task: what it is told first.
        found: is given what comes of it.
        part: gives a part of the surroundings.
        begun: is given each program that it says to be at.

    Raises:
        _Ended: it died on the way, or is to.
    """
    process.say(task)
    sites: list[Any] = []
    while True:
        word = process.hear()
        if "begin" in word:
            begun.append(word["begin"])
        elif "asks" in word:
            asked = word["asks"]
            found.asked |= asked
            process.say(
                {name: part(name) for name in sorted({one for each in asked.values() for one in each})}
            )
        elif "sites" in word:
            sites = word["sites"]
        else:
            program = begun[-1]
            found.outcomes[program], found.sites[program] = word["done"], sites
            if program == task["programs"][-1]:
                return


class _Process:
    """The process, as somebody to talk to."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        # Where the machine itself has no memory left, this goes first, and nobody's daemon.
        with contextlib.suppress(OSError):
            Path(f"/proc/{process.pid}/oom_score_adj").write_text("1000")
        self._heard = bytearray()
        self._said = bytearray()
        self._selector = selectors.DefaultSelector()
        for stream in (process.stdout, process.stderr):
            assert stream is not None  # noqa: S101 - they are pipes
            os.set_blocking(stream.fileno(), False)
            self._selector.register(stream, selectors.EVENT_READ)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def say(self, word: Any) -> None:
        """Tell it something. It is read while this is written, or both would wait for each other."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101 - it is a pipe
        line = json.dumps(word, separators=(",", ":"), default=str).encode("utf-8", "surrogatepass") + b"\n"

        def write() -> None:
            with contextlib.suppress(OSError, ValueError):
                stdin.write(line)
                stdin.flush()

        threading.Thread(target=write, name="starlark", daemon=True).start()

    def hear(self) -> dict[str, Any]:
        """What it says next.

        Raises:
            _Ended: nothing more.
        """
        end = self._heard.find(b"\n")
        while end < 0:
            start = len(self._heard)
            ready = self._selector.select(SILENCE)
            if not ready:
                raise _Ended(f"it did not come to an end within {SILENCE:.0f} s")
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                if key.fileobj is self._process.stderr:
                    self._said += data[: 4096 - len(self._said)]
                else:
                    self._heard += data
                if not data:
                    self._selector.unregister(key.fileobj)
            if len(self._heard) > LARGEST:
                raise _Ended(f"what it makes is larger than {LARGEST >> 20} MiB")
            if not self._selector.get_map():
                raise _Ended(self._why())
            end = self._heard.find(b"\n", start)
        line = bytes(self._heard[:end])
        del self._heard[: end + 1]
        word: dict[str, Any] = json.loads(line)
        return word

    def _why(self) -> str:
        """What a process has died of."""
        self._process.wait()
        said = self._said.decode(errors="replace")
        if any(
            word in said for word in ("memory", "malloc failed", "stack exceeds", "pthread_create failed")
        ):
            return f"it needs more than {MEMORY >> 20} MiB of memory"
        if self._process.returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
            return f"it did not come to an end within {SECONDS} s"
        if self._process.returncode in {-signal.SIGSEGV, -signal.SIGQUIT, -signal.SIGBUS}:
            return "it is nested too deeply"
        # Of what went wrong, Go says first why and then where, and Python the other way round.
        of_go = next((line for line in said.splitlines() if line.startswith(_GO_SAYS)), "")
        why = (of_go or said.strip().rpartition("\n")[2])[:200]
        return f"the process that evaluates it ended with {self._process.returncode}: {why}"

    def kill(self) -> None:
        """End it. Whoever listens hears nothing more."""
        self._process.kill()

    def close(self) -> None:
        """End it, if it has not."""
        self._selector.close()
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait()


@contextlib.contextmanager
def _process() -> Iterator[_Process]:
    path = [os.path.abspath(one) for one in sys.path if one]
    process = _Process(
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-X", "utf8", "-c", _BOOT, str(MEMORY), str(SECONDS), *path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,  # Ctrl-C is ours alone
        )
    )
    _living.add(process)
    try:
        yield process
    finally:
        _living.discard(process)
        process.close()
