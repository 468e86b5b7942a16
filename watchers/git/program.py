"""The `git` program, run so that whatever a server sends is bounded.

In time, in the size of a file and in memory; and what is given up is ended with all that it has started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from reconciler.runtime import ungrouped
from watchers.git.environment import environment, settings
from watchers.git.words import explained

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from reconciler.model.repository import GitPlace

LARGEST_PACK = 1 << 30
"""Bytes that are fetched at a time at most."""

MEMORY = 2 << 30
"""Bytes of address space that git may take: a few bytes of a pack can ask for any amount."""

ANSWER = 32 << 20
"""Bytes that git may say about revisions or trees."""

_COMPLAINT = 64 << 10
"""Bytes of its complaints that are read; the rest is dropped."""

_LIMITED = 'ulimit -c 0 && ulimit -f "$1" && ulimit -v "$2" && shift 2 && exec "$@"'


class GitFailed(Exception):
    """What was asked of git cannot be had; says why, in words for a person."""


class GitProgram:
    """See the module.

    Args:
        place: the repository that is asked for.
        directory: of our own: the bare repository is made in it.
        environ: the process's environment, of which hardly anything is passed on.
        password_file: the file with the password or token for HTTPS, absolute, or "".
    """

    def __init__(
        self, place: GitPlace, directory: str, environ: Mapping[str, str], *, password_file: str = ""
    ) -> None:
        self.repository = os.path.join(directory, "repository.git")
        self.home = os.path.join(directory, "home")
        self._place = place
        self._environ = environment(place, environ, home=self.home, password_file=password_file)
        self._options = [
            word
            for key, value in settings(place, password_file=password_file)
            for word in ("-c", f"{key}={value}")
        ]

    async def run(
        self, *arguments: str, stdin: bytes = b"", most: int = ANSWER, good: tuple[int, ...] = (0,)
    ) -> bytes:
        """What git prints; cancelling ends it.

        Args:
            arguments: after `git`.
            stdin: what it is given.
            most: bytes that it may print.
            good: the statuses with which it may end.

        Raises:
            GitFailed: it has ended otherwise, or prints more.
        """
        status, printed, complaint = await self.ask(*arguments, stdin=stdin, most=most)
        if status not in good:
            raise GitFailed(explained(complaint, status, self._place))
        return printed

    async def ask(
        self, *arguments: str, stdin: bytes = b"", most: int = ANSWER, more: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, str]:
        """Its status, what it prints, and its complaints.

        Args:
            arguments: after `git`.
            stdin: what it is given.
            most: bytes that it may print.
            more: of its environment.

        Raises:
            GitFailed: it prints more than it may.
        """
        return await self._started(self._words(arguments), stdin, most, more or {})

    async def run_beside(self, argv: Sequence[str], *, what: str) -> None:
        """Run another program as git is run.

        Raises:
            GitFailed: it did not end well; `what` says what that means.
        """
        status, _, complaint = await self._started(self._argv(argv), b"", ANSWER, {})
        if status:
            raise GitFailed(f"{what}: {complaint.strip().splitlines()[-1] if complaint.strip() else status}")

    async def _started(
        self, argv: Sequence[str], stdin: bytes, most: int, more: Mapping[str, str]
    ) -> tuple[int, bytes, str]:
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env={**self._environ, **more},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise GitFailed(f"git cannot be started: {os.strerror(error.errno or 0).lower()}") from error
        try:
            with ungrouped():
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(_give(process, stdin))
                    printed = tasks.create_task(_take(cast("asyncio.StreamReader", process.stdout), most))
                    complaint = tasks.create_task(_drain(cast("asyncio.StreamReader", process.stderr)))
            status = await process.wait()
        finally:
            await _end(process)
        return status, printed.result(), complaint.result().decode("utf-8", "backslashreplace")

    def content(self, name: str) -> bytes:
        """The content of an object that is in the repository. Blocking.

        Raises:
            GitFailed: it is not there any more.
        """
        try:
            found = subprocess.run(
                self._words(("cat-file", "blob", name)),
                check=False,
                capture_output=True,
                env=self._environ,
                cwd="/",
            )
        except OSError as error:
            raise GitFailed(f"git cannot be started: {os.strerror(error.errno or 0).lower()}") from error
        if found.returncode:
            raise GitFailed(
                explained(found.stderr.decode("utf-8", "backslashreplace"), found.returncode, self._place)
            )
        return found.stdout

    def _words(self, arguments: Sequence[str]) -> list[str]:
        return self._argv(["git", *self._options, "--git-dir", self.repository, *arguments])

    @staticmethod
    def _argv(words: Sequence[str]) -> list[str]:
        return ["/bin/sh", "-c", _LIMITED, words[0], str(LARGEST_PACK // 512), str(MEMORY // 1024), *words]


async def _give(process: Process, data: bytes) -> None:
    stdin = cast("asyncio.StreamWriter", process.stdin)
    with contextlib.suppress(ConnectionError):
        stdin.write(data)
        await stdin.drain()
    stdin.close()


async def _take(stream: asyncio.StreamReader, most: int) -> bytes:
    parts, size = [], 0
    while chunk := await stream.read(1 << 20):
        parts.append(chunk)
        size += len(chunk)
        if size > most:
            raise GitFailed(f"git says more than the {most >> 20} MiB that are read of it")
    return b"".join(parts)


async def _drain(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while chunk := await stream.read(1 << 16):
        kept = (kept + chunk)[:_COMPLAINT]
    return kept


async def _end(process: Process) -> None:
    """End it with all that it has started, and see that it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    # Of what it has printed and nobody has read, no end would ever be heard, and it would be waited for as long as
    # there is time: asyncio calls a process gone when its pipes are, and a pipe that is full is not looked at.
    cast("Any", process)._transport.close()  # noqa: SLF001 - nothing public closes them
    await asyncio.shield(process.wait())
