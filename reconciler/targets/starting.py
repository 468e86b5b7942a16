"""How a runner is started on this machine: its command line, its environment, and where its bytes are.

Nothing of it is ever on a disk: the verified bytes go into a sealed piece of anonymous memory, which is
executed from there; where the kernel forbids that, into a file in a private directory which both have lost
their names before the runner starts. Who starts it is not known here. Imports next to nothing: the short way of `apply`
needs it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.errors import TransportError, why
from reconciler.model.target import LocalTransport
from reconciler.targets.artifacts import Runner

_MFD_EXEC = 0x10  # Linux 6.3: says that it is meant to be executed; refused by older ones
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PASSED_ON = ("HOME", "USER", "LOGNAME", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, slots=True)
class Start:
    """All that it takes. It is to have a session of its own, and `/` as its working directory.

    Attributes:
        argv: the command line.
        environment: little of ours.
        descriptor: of the runner, open in this process; to be closed once it runs.
        passed_over: the places that it cannot be run from, and why, before the one where it can.
        sudoer: who becomes root, or "".
    """

    argv: list[str]
    environment: dict[str, str]
    descriptor: int
    passed_over: str
    sudoer: str


def prepare(runner: Runner, transport: LocalTransport, environ: Mapping[str, str], ttl: float) -> Start:
    """Put the runner where it can be executed.

    Args:
        runner: verified.
        transport: says as whom it runs.
        environ: the process's environment, of which the runner gets little.
        ttl: seconds that the runner lives before it is first renewed.

    Raises:
        TransportError: there is no such place, or no sudo; says what to do.
    """
    before: list[str] = []
    if transport.become and os.geteuid() != 0:
        import shutil  # takes as long to import as all else that the short way needs of this

        sudo = shutil.which("sudo", path=environ.get("PATH", os.defpath))
        if sudo is None:
            raise TransportError(
                "`become: sudo`, but there is no sudo here: install it, or run froyo as root"
            )
        before = [sudo, "-n", "--"]
    descriptor, passed_over = _executable(runner.content, environ)
    arguments = [
        "--sha256",
        runner.sha256,
        "--signature",
        runner.signature,
        "--ttl",
        f"{round(ttl * 1000)}ms",
    ]
    return Start(
        # By our own table of descriptors, because sudo hands none on.
        argv=[*before, f"/proc/{os.getpid()}/fd/{descriptor}", "serve", *arguments],
        environment={name: environ[name] for name in _PASSED_ON if name in environ} | {"PATH": _SBIN},
        descriptor=descriptor,
        passed_over=passed_over,
        sudoer=environ.get("USER", "this user") if before else "",
    )


def _executable(content: bytes, environ: Mapping[str, str]) -> tuple[int, str]:
    """A descriptor, for reading only, of an executable file without a name, and which places were passed over."""
    refusals: list[str] = []
    for place in (None, *_directories(environ)):
        try:
            descriptor = _in_memory(content) if place is None else _on_disk(content, place)
        except OSError as error:
            refusals.append(f"{place or 'memory'} ({why(error)})")
            continue
        if os.access(f"/proc/self/fd/{descriptor}", os.X_OK):
            return descriptor, " ".join(refusals)
        os.close(descriptor)
        refusals.append(f"{place or 'memory'} (mounted noexec)")
    raise TransportError(f"there is no place on this machine to run the runner from ({', '.join(refusals)})")


def _directories(environ: Mapping[str, str]) -> list[str]:
    places = (environ.get("XDG_RUNTIME_DIR"), "/dev/shm", "/tmp", "/var/tmp")  # noqa: S108 - mkdtemp is used
    return [place for place in places if place]


def _in_memory(content: bytes) -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        memory = os.memfd_create("froyo-runner", flags | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        memory = os.memfd_create("froyo-runner", flags)
    with open(memory, "wb") as file:
        file.write(content)
        file.flush()
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
        # What is open for writing cannot be executed.
        return os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)


def _on_disk(content: bytes, place: str) -> int:
    import tempfile  # as above

    directory = tempfile.mkdtemp(prefix=".froyo-", dir=place)
    path = os.path.join(directory, "runner")
    try:
        with open(path, "xb", opener=lambda name, flags: os.open(name, flags, 0o700)) as file:
            file.write(content)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.rmdir(directory)
