"""The whole of a state directory as one file, and back.

Invariants: the copy of the database is one moment of it (SQLite's online backup), whoever writes meanwhile. A backup is
called one only after it was restored beside itself and found sound. Restoring writes into an empty place only, and what
is not as the backup says puts nothing there.

    backup.tar, 0600:  contents.json, froyo.db, blobs/ab/ab12…, and whatever else lies in the directory but secrets

Writing a backup and reading it are the two sides of one format, and so it is longer than a module should be.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.errors import ErrorClass, StoreError
from reconciler.store import audit, migrate, queries
from reconciler.store.blobs import BlobFiles
from reconciler.store.durable import sync_directory
from reconciler.store.failures import failure
from reconciler.store.sqlite.connection import connect_reader
from reconciler.store.sqlite.database import SQLiteDatabase
from reconciler.store.sqlite.failures import explain

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE = "froyo.db"
CONTENTS = "contents.json"
_FORMAT = 1
_LEFT_OUT = frozenset(
    {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "froyo.lock", "froyo.sock", CONTENTS, "secrets.key"}
)
_DIRECTORIES_LEFT_OUT = frozenset({"blobs", "secrets"})
"""Of these the bodies are written by what the database says, and secrets are nobody's who is given a backup."""
_WORK = ".froyo-backup-"
"""How the directory begins in which one is put together."""
Seal = Callable[[Path, Path], None]
_ATTEMPTS = 5
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in a backup.

    Attributes:
        path: of the file.
        taken_at: seconds since the epoch.
        version: of the froyo that took it.
        schema: of the database.
        files: how many there are, the database included.
        bytes: all of them together.
        audit: records of the audit log, which was found unbroken.
    """

    path: Path
    taken_at: float
    version: str
    schema: str
    files: int
    bytes: int
    audit: int


def take(state: Path, destination: Path, *, now: float, seal: Seal | None = None) -> Backup:
    """Write everything in `state` to `destination`, and see that it can be had back.

    Args:
        state: the directory.
        destination: where nothing is yet.
        now: seconds since the epoch.
        seal: writes what was made, and is sound, to its destination in another form. What was made is in the state
            directory then, and nowhere else.

    Raises:
        StoreError: it cannot be read or written, or what was written is not sound; then there is no file.
    """
    destination = destination.absolute()
    if destination.exists():
        raise failure(destination, "it is there already", "name a file that is not")
    if destination.parent.resolve().is_relative_to(state.resolve()):
        raise failure(destination, "a backup inside of what it backs up is none", "name a file elsewhere")
    try:
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=state if seal else destination.parent) as work:
            made = Path(work, "backup.tar")
            _write(state, Path(work, DATABASE), made, now=now)
            found = restore(made, Path(work, "restored"))
            (seal or os.link)(made, destination)
            sync_directory(destination.parent)
    except (OSError, sqlite3.Error) as error:
        raise explain(error, destination) from error
    return Backup(
        destination, found.taken_at, found.version, found.schema, found.files, found.bytes, found.audit
    )


def restore(backup: Path, state: Path) -> Backup:
    """Put all of a backup into `state`, which must not be there or be empty.

    Raises:
        StoreError: it is no backup, is damaged, or was taken by a newer froyo, or `state` is in use.
            Nothing is put there then.
    """
    with suppress(FileNotFoundError), os.scandir(state) as entries:
        if any(entries):
            raise failure(
                state, "a state is there already", "move it away first, or name another --state directory"
            )
    work = state.with_name(f".{state.name}.restoring-{os.getpid()}")
    try:
        state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        work.mkdir(mode=0o700)
        try:
            contents = _extract(backup, work)
            found = _checked(work)
            if state.is_dir():
                state.rmdir()
            work.rename(state)
            sync_directory(state.parent)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except (tarfile.TarError, EOFError) as error:
        raise _damaged(backup, str(error)) from error
    except (OSError, sqlite3.Error) as error:
        raise explain(error, backup) from error
    sizes = [entry["size"] for entry in contents["files"].values()]
    return Backup(
        backup, contents["takenAt"], contents["version"], found.schema, len(sizes), sum(sizes), found.audit
    )


# --- Writing ----------------------------------------------------------------------------------------------------------


def _write(state: Path, copy: Path, destination: Path, *, now: float) -> None:
    for attempt in range(_ATTEMPTS):
        copy.unlink(missing_ok=True)
        _copy_database(state / DATABASE, copy)
        handle = os.open(destination, os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                _archive(state, copy, file, now=now)
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            # A content that nothing needs any more may be taken away between the copy and this: the next copy knows.
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _copy_database(source: Path, copy: Path) -> None:
    """One moment of the database. Whose lease it was holds nobody up where it is restored."""
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    with closing(connect_reader(source)) as reader, closing(sqlite3.connect(copy)) as writer:
        database = SQLiteDatabase(reader, source)
        migrate.must_be_known(database)
        if not database.revision():
            raise failure(
                source, "nothing was ever put into it", "apply something first, or name another one"
            )
        reader.backup(writer)
        writer.execute("PRAGMA journal_mode = DELETE")
        with writer:
            writer.execute("UPDATE lease SET expires = 0, locked = 0")


def _archive(state: Path, database: Path, file: Any, *, now: float) -> None:
    files: dict[str, dict[str, Any]] = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        members = [(DATABASE, database), *_blobs(state, database), *_others(state)]
        for name, path in members:
            files[name] = _add(archive, name, path)
        contents = {"format": _FORMAT, "takenAt": now, "version": __version__, "files": files}
        text = json.dumps(contents, indent=1).encode()
        info = tarfile.TarInfo(CONTENTS)
        info.size, info.mode = len(text), 0o600
        archive.addfile(info, io.BytesIO(text))


def _add(archive: tarfile.TarFile, name: str, path: Path) -> dict[str, Any]:
    hasher = hashlib.sha256()
    with path.open("rb") as file:
        found = os.fstat(file.fileno())
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = found.st_size, stat.S_IMODE(found.st_mode), int(found.st_mtime)
        archive.addfile(info, _Hashing(file, hasher))  # type: ignore[arg-type] # all that is needed of a file is read
    return {"size": found.st_size, "sha256": hasher.hexdigest()}


class _Hashing:
    """A file that is digested as it is read."""

    def __init__(self, file: Any, hasher: Any) -> None:
        self._file = file
        self._hasher = hasher

    def read(self, size: int) -> bytes:
        chunk: bytes = self._file.read(size)
        self._hasher.update(chunk)
        return chunk


def _blobs(state: Path, database: Path) -> Iterator[tuple[str, Path]]:
    files = BlobFiles(state / "blobs")
    with closing(sqlite3.connect(database)) as connection:
        for (digest,) in connection.execute("SELECT digest FROM blobs WHERE data IS NULL"):
            path = files.path(digest)
            yield str(path.relative_to(state)), path


def _others(state: Path) -> Iterator[tuple[str, Path]]:
    """Host keys, grants, packages, whatever else was put there; nothing that only lives as long as a process."""
    for directory, names, found in os.walk(state):
        here = Path(directory)
        top = here == state
        if top:
            left_out = {name for name in names if name.startswith(_WORK)} | _DIRECTORIES_LEFT_OUT
            names[:] = [name for name in names if name not in left_out]
        for name in sorted(found):
            path = here / name
            if not (top and name in _LEFT_OUT) and stat.S_ISREG(path.lstat().st_mode):
                yield str(path.relative_to(state)), path


# --- Reading ----------------------------------------------------------------------------------------------------------


def _extract(backup: Path, work: Path) -> dict[str, Any]:
    """All files of a backup, each held to its digest; gives what the backup says of itself."""
    digests: dict[str, tuple[int, str]] = {}
    contents: dict[str, Any] | None = None
    with tarfile.open(backup, "r:") as archive:
        for member in archive:
            source = archive.extractfile(member) if member.isreg() else None
            if source is None:
                raise _damaged(backup, f"{member.name!r} in it is no file")
            if member.name == CONTENTS:
                contents = _contents(source.read(), backup)
                continue
            parts = PurePosixPath(member.name).parts
            if member.name.startswith("/") or ".." in parts or not parts:
                raise _damaged(backup, f"{member.name!r} in it leads out of it")
            digests[member.name] = _put(source, work.joinpath(*parts), member.mode)
    if contents is None:
        raise _damaged(backup, f"it has no {CONTENTS}")
    told = {name: (entry["size"], entry["sha256"]) for name, entry in contents["files"].items()}
    for name in sorted(told.keys() | digests.keys()):
        if told.get(name) != digests.get(name):
            raise _damaged(backup, f"{name} in it is not what was backed up")
    return contents


def _contents(text: bytes, backup: Path) -> dict[str, Any]:
    try:
        contents: dict[str, Any] = json.loads(text)
        known = contents["format"] == _FORMAT
        _ = (
            contents["takenAt"],
            contents["version"],
            [(e["size"], e["sha256"]) for e in contents["files"].values()],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(backup, f"its {CONTENTS} cannot be understood") from error
    if not known:
        raise failure(
            backup,
            f"it was taken by froyo {contents['version']}, in a form that this one does not know",
            f"restore it with froyo {contents['version']}",
            ErrorClass.PERMANENT,
        )
    return contents


def _put(source: Any, path: Path, mode: int) -> tuple[int, str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    hasher, size = hashlib.sha256(), 0
    handle = os.open(
        path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW, mode & 0o700 | 0o600
    )
    with os.fdopen(handle, "wb") as file:
        while chunk := source.read(_CHUNK):
            hasher.update(chunk)
            size += len(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, hasher.hexdigest()


@dataclass(frozen=True, slots=True)
class _Found:
    schema: str
    audit: int


def _checked(state: Path) -> _Found:
    """See that a store is sound: the database, the chain of its audit log, and every content that is a file."""
    path = state / DATABASE
    with closing(connect_reader(path)) as connection:
        database = SQLiteDatabase(connection, path)
        migrate.must_be_known(database)
        if wrong := queries.damages(database):
            raise _damaged(path, wrong[0])
        head = audit.verify(database, path)
        files = BlobFiles(state / "blobs")
        for (digest,) in connection.execute("SELECT digest FROM blobs WHERE data IS NULL"):
            with files.path(digest).open("rb") as file:
                if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" != digest:
                    raise _damaged(path, f"the content {digest} is another one")
        return _Found(database.revision(), head.records)


def _damaged(path: Path, why: str) -> StoreError:
    return failure(
        path, f"it is no backup, or a damaged one: {why}", "take another one", ErrorClass.PERMANENT
    )
