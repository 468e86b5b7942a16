"""One process of the compiler, which answers one request after another.

Invariants: it is never left running: a request that takes too long ends it from within, and this side kills it a
moment later whatever it does; when this side is gone its input ends, and so does it. It gets no environment but its
own limits, no file descriptor but its three, and no directory. It ends itself when it takes more memory than it may,
and the kernel refuses it more than half as much again (RLIMIT_DATA, which counts what a Go program has really taken,
unlike the address space that it reserves).
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import resource
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, cast

from reconciler.config.compiler.faults import CompilerError, CompilerExceeded

MEMORY_MAX = 1 << 30
"""Bytes that a process may take."""

ANSWER_MAX = 64 << 20
"""Bytes of an answer. What makes more of one source is no configuration."""

GRACE_SECONDS = 1.0
"""How long after its time a process may need to end itself."""

TOO_LONG, TOO_MUCH = 4, 5
"""Its exit codes: `requests.TooLong` and `confine.TooMuch`."""

_KEPT = 4096

_ENVIRONMENT = {
    "GOMAXPROCS": "2",  # one for the program, one for its garbage
    "GODEBUG": "containermaxprocs=0,updatemaxprocs=0",  # it opens files of cgroups
    "GOTRACEBACK": "none",  # there may be somebody's values in it
}


class CompilerProcess:
    """A process that has been started.

    Args:
        binary: the program.
        memory: bytes that it may take.

    Raises:
        OSError: it cannot be run.
    """

    def __init__(self, binary: Path, *, memory: int = MEMORY_MAX) -> None:
        self._memory = memory
        self._number = 0
        self._expired = self._stopped = False
        # A file, not a pipe: what it says when it ends badly is read afterwards, and nobody has to listen meanwhile.
        self._said = os.fdopen(os.memfd_create("compiler", os.MFD_CLOEXEC), "w+b")
        try:
            self._process = subprocess.Popen(
                [binary, str(memory)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,  # Ctrl-C is ours alone
            )
            # Before it is asked anything, so that it has taken nothing yet.
            hard = memory * 3 // 2
            resource.prlimit(self._process.pid, resource.RLIMIT_DATA, (hard, hard))
            resource.prlimit(self._process.pid, resource.RLIMIT_CORE, (0, 0))
            # Where the machine itself has no memory left, this goes first, and nobody's daemon.
            with contextlib.suppress(OSError):
                Path(f"/proc/{self._process.pid}/oom_score_adj").write_text("1000")
        except OSError:
            self._said.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether it is of no use any more."""
        return self._process.poll() is not None

    def ask(self, operation: str, arguments: Any, *, seconds: float) -> Any:
        """The answer to a request.

        Raises:
            CompilerExceeded: it took more than it may. The process has ended.
            CompilerError: it was not answered for another reason. The process may have ended.
        """
        self._number += 1
        request = {"id": self._number, "operation": operation, "arguments": arguments, "seconds": seconds}
        line = json.dumps(request, separators=(",", ":")).encode() + b"\n"
        late = threading.Timer(seconds + GRACE_SECONDS, self._expire)
        late.daemon = True
        late.start()
        try:
            said = self._converse(line)
        except BaseException:
            self.close()  # nobody waits for it any more
            raise
        finally:
            late.cancel()
        if not said.endswith(b"\n"):
            reason = self._reason(seconds, too_long=len(said) > ANSWER_MAX)
            self.close()
            raise reason
        answer = json.loads(said)
        if answer.get("failed") or answer.get("id") != self._number:
            raise CompilerError(answer.get("failed") or "the compiler answered something else")
        return answer["answer"]

    def stop(self) -> None:
        """End it in the middle of a request, which somebody else waits for."""
        self._stopped = True
        self._process.kill()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            with contextlib.suppress(OSError):  # what it was not told any more
                cast("IO[bytes]", stream).close()

    def _expire(self) -> None:
        self._expired = True
        self._process.kill()

    def _converse(self, line: bytes) -> bytes:
        stdin = cast("io.BufferedWriter", self._process.stdin)
        stdout = cast("io.BufferedReader", self._process.stdout)
        try:
            stdin.write(line)
            stdin.flush()
            return stdout.readline(ANSWER_MAX + 1)
        except OSError:
            return b""  # it has ended while it was told

    def _reason(self, seconds: float, *, too_long: bool) -> CompilerError:
        """Why there is no answer."""
        if too_long:
            return CompilerExceeded(f"it makes more than {ANSWER_MAX >> 20} MB")
        try:
            code = self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return CompilerError("the compiler has stopped answering")
        self._said.seek(0)
        said = self._said.read(_KEPT).decode("utf-8", "replace")
        if self._stopped:
            return CompilerError("froyo ends, and nobody waits for it any more")
        if code == TOO_LONG or self._expired:
            return CompilerExceeded(f"it takes longer than {seconds:g} s")
        if code == -signal.SIGKILL:
            return CompilerExceeded("it was killed from outside, as for want of memory on this machine")
        if "stack" in said and "overflow" in said:
            return CompilerExceeded("it recurses without end, or is nested too deeply")
        if code == TOO_MUCH or "memory" in said:
            return CompilerExceeded(f"it takes more than {self._memory >> 20} MB of memory")
        first = next(iter(said.strip().splitlines()), "it said nothing")
        return CompilerError(f"the compiler ended with {code}: {first}")
