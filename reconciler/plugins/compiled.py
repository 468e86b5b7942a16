"""Compiled components on disk, so that each is compiled once for a machine and mapped from then on.

A compiled component is native code that runs with all our rights. So the directory has to be ours alone; a
file is put there whole or not at all, and is used only while it is, to the byte, what was put there. Its
digest is remembered with what `stat` says of it, and computed again when that has moved. Whatever else is
the matter, the component is compiled again: nothing here needs to be repaired by a person.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.errors import ProviderError, UsageError
from reconciler.plugins import compiling

KEPT = 8
"""How many compiled components are kept: each is some 50 MB."""
LOOK_SECONDS = 0.1
"""How often it is looked whether anybody still waits for what takes long."""


class CompiledCache:
    """A directory of compiled components.

    Args:
        directory: made when it is missing.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def find(self, component: Path) -> Path | None:
        """The compiled form, if it is there and beyond doubt. Costs some stats."""
        self._check_trust()
        record = self._record(component)
        try:
            if record["engine"] != compiling.engine_name() or record["component"] != _signature(component):
                return None
            path = self._directory / str(record["compiled"])
            return path if record["signature"] == _signature(path) else None
        except (KeyError, OSError):
            return None

    def make(self, component: Path, given_up: threading.Event) -> Path:
        """The compiled form, compiled if need be. May take many seconds.

        Args:
            component: what is compiled.
            given_up: is set when nobody waits for it any more, be it before this begins: then it ends at once.

        Raises:
            ProviderError: it cannot be compiled, or was given up.
        """
        self._check_trust()
        with self._turn(given_up):
            found = self.find(component)
            return found or self._verified(component) or self._compile(component, given_up)

    def discard(self, component: Path) -> None:
        """Forget the compiled form: it turned out to be of no use."""
        with contextlib.suppress(OSError):
            self._record_path(component).unlink()

    def _verified(self, component: Path) -> Path | None:
        """The compiled form, if what stat says has moved but not what is in it."""
        record = self._record(component)
        try:
            path = self._directory / str(record["compiled"])
            if (
                record["engine"] != compiling.engine_name()
                or record["component_sha256"] != _sha256(component)
                or record["sha256"] != _sha256(path)
            ):
                return None
            return self._remember(component, path, record["component_sha256"], record["sha256"])
        except (KeyError, OSError):
            return None

    def _compile(self, component: Path, given_up: threading.Event) -> Path:
        digest = _sha256(component)
        descriptor, scratch = tempfile.mkstemp(dir=self._directory, prefix=".compiling-")
        os.close(descriptor)
        try:
            _compile_in_process(component, scratch, given_up)
            path = self._directory / f"{digest[:16]}-{_short(compiling.engine_name())}.cwasm"
            made = _sha256(Path(scratch))
            # It will be mapped by processes that run, and is not to be written to again.
            os.chmod(scratch, 0o400)
            os.rename(scratch, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(scratch)
        self._forget_oldest()
        return self._remember(component, path, digest, made)

    def _remember(self, component: Path, path: Path, component_sha256: str, sha256: str) -> Path:
        record = {
            "engine": compiling.engine_name(),
            "component": _signature(component),
            "component_sha256": component_sha256,
            "compiled": path.name,
            "signature": _signature(path),
            "sha256": sha256,
        }
        with tempfile.NamedTemporaryFile("w", dir=self._directory, prefix=".record-", delete=False) as file:
            json.dump(record, file)
        os.rename(file.name, self._record_path(component))
        return path

    def _record_path(self, component: Path) -> Path:
        return self._directory / f"{_short(str(component.absolute()))}.json"

    def _record(self, component: Path) -> dict[str, Any]:
        try:
            record = json.loads(self._record_path(component).read_bytes())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _forget_oldest(self) -> None:
        compiled = sorted(self._directory.glob("*.cwasm"), key=lambda path: path.stat().st_mtime_ns)
        # The rest of a compilation that was killed; nobody else compiles while it is our turn.
        for path in [
            *compiled[:-KEPT],
            *self._directory.glob(".compiling-*"),
            *self._directory.glob(".record-*"),
        ]:
            with contextlib.suppress(OSError):
                path.unlink()

    def _check_trust(self) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unusable(error) from error
        status = os.lstat(self._directory)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            raise UsageError(
                f"{self._directory} holds code that froyo runs, and others could change it: it has to be a "
                f"directory of user {os.geteuid()} with mode 0700, and is of user {status.st_uid} with mode "
                f"{stat.S_IMODE(status.st_mode):04o}. Remove it, and it is made anew"
            )

    @contextlib.contextmanager
    def _turn(self, given_up: threading.Event) -> Iterator[None]:
        try:
            lock = open(self._directory / ".lock", "w")  # noqa: SIM115 - closed below
        except OSError as error:
            raise self._unusable(error) from error
        with lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if given_up.wait(LOOK_SECONDS):
                        raise ProviderError("nobody waits for a compiled provider any more") from None
            yield

    def _unusable(self, error: OSError) -> UsageError:
        why = (error.strerror or str(error)).lower()
        return UsageError(
            f"{self._directory}: compiled providers cannot be kept there: {why}; make it writable, or name another "
            "directory with FROYO_CACHE"
        )


def _compile_in_process(component: Path, out: str, given_up: threading.Event) -> None:
    compiler = subprocess.Popen(
        [sys.executable, "-P", compiling.__file__, str(component), out],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C is ours alone
    )
    until, said = time.monotonic() + compiling.SECONDS_MAX, ""
    with compiler:
        while True:
            try:
                _, said = compiler.communicate(timeout=LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if given_up.is_set() or time.monotonic() > until:
                    compiler.kill()
                    why = "nobody waits for it" if given_up.is_set() else f"after {compiling.SECONDS_MAX} s"
                    raise ProviderError(f"{component}: not compiled; given up, {why}") from None
    if compiler.returncode != 0:
        last = (said.strip().splitlines() or [f"the compiler ended with {compiler.returncode}"])[-1]
        raise ProviderError(f"{component}: cannot be compiled: {last}")


def _signature(path: Path) -> list[int]:
    status = os.lstat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"{path} is no regular file")
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_uid]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
