"""A runner on this machine that is asked one thing, by whoever has no event loop and needs none.

    with Question(transport, artifacts=artifacts, environ=os.environ) as question:
        ...  # it starts meanwhile
        question.ask(key, batch, digest)
        ...  # it looks meanwhile
        unchanged = question.answer()

What is said is what a session says, through the same state machine. Invariant: whatever the runner does, this ends
within PATIENCE, and the runner with it. It must not know what is asked.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, cast

from reconciler.errors import TransportError, why
from reconciler.model.target import LocalTransport
from reconciler.targets.artifacts import Artifacts, architecture
from reconciler.targets.starting import prepare

if TYPE_CHECKING:
    from reconciler.targets.messages import Message

PATIENCE = 60.0
"""Seconds that all of it may take; the runner ends by itself after as many."""
_READ = 256 * 1024


class Question:
    """See the module.

    Args:
        transport: says as whom the runner runs.
        artifacts: where its binary is.
        environ: the process's environment.

    Raises:
        TransportError: it cannot be started.
    """

    def __init__(
        self, transport: LocalTransport, *, artifacts: Artifacts, environ: Mapping[str, str]
    ) -> None:
        start = prepare(artifacts.binary(architecture(os.uname().machine)), transport, environ, PATIENCE)
        with contextlib.ExitStack() as undo:
            undo.callback(os.close, start.descriptor)
            try:
                self._process = subprocess.Popen(
                    start.argv,
                    env=start.environment,
                    cwd="/",
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                raise TransportError(f"the runner cannot be started on this machine: {why(error)}") from error
            self._held = undo.pop_all()
        self._to_runner = cast("IO[bytes]", self._process.stdin)
        self._from_runner = cast("IO[bytes]", self._process.stdout)
        self._timer = threading.Timer(PATIENCE, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the runner; it has ended when this returns."""
        with contextlib.suppress(OSError):
            self._to_runner.close()
        self._process.wait()
        self._timer.cancel()
        self._from_runner.close()
        self._held.close()

    def ask(self, key: str, batch: list[dict[str, Any]], digest: str) -> None:
        """Have a batch of looks done; the arguments are those of `Session.observe`.

        Raises:
            TransportError: the runner has ended, or took too long.
            RemoteProtocolError: it says what no runner says.
        """
        # Imported while it starts.
        from reconciler.targets.messages import Ready
        from reconciler.targets.protocol import Connection

        self._asked = batch, digest
        self._connection = Connection()
        self._messages = self._heard()
        while not isinstance(next(self._messages), Ready):
            pass
        options = {"key": key, "batch": batch, "digest": digest}
        _, data = self._connection.send_command("observe", [{}], options=options, deadline=PATIENCE)
        try:
            self._to_runner.write(data)
            self._to_runner.flush()
        except OSError as error:
            raise TransportError(f"the runner has ended: {why(error)}") from error

    def answer(self) -> bool:
        """Whether the batch is answered as it was; raises as `ask` does."""
        from reconciler.model.calls import Ok
        from reconciler.targets.messages import Done, Failed
        from reconciler.targets.observation import observation

        batch, digest = self._asked
        while True:
            match next(self._messages):
                case Done(results=[Ok(value=said)]):
                    return observation(said, batch=batch, digest=digest).unchanged
                case Done() | Failed():
                    return False

    def _heard(self) -> Iterator[Message]:
        """What the runner says.

        Raises:
            TransportError: it has ended.
        """
        while data := os.read(self._from_runner.fileno(), _READ):
            yield from self._connection.receive_data(data)
        raise TransportError("the runner has ended before it has answered")

    def _give_up(self) -> None:
        # A runner that is root while we are not cannot be killed; it ends by its time to live at last.
        with contextlib.suppress(PermissionError):
            self._process.kill()
