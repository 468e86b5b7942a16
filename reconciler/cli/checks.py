"""What `froyo doctor` looks at: one function a thing, each of which changes nothing and says what to do.

There is a function for each thing that can be wrong with an installation, and so it is longer than a module should be.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import resource
import shutil
import stat
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.api.client import Silent
from reconciler.app.places import must_be_ours
from reconciler.cli.asking import Asking
from reconciler.errors import ConfigError, FroyoError, StoreError, UsageError, in_words, why

if TYPE_CHECKING:
    from reconciler.store.records import StoreStats
    from reconciler.store.store import Store

OK, WARN, FAIL = "ok", "warn", "fail"

WAL_WARN = 64 << 20
"""Bytes: a log of that size has not been cut back for long."""
FILES_WANTED = 4096
"""Open files for some thousand targets; each takes a few."""
WATCHES_WANTED = 8192
INSTANCES_WANTED = 64
ROOM = 1 << 20
"""Bytes without which next to nothing can be put on record."""
PATH_MAX_OF_SOCKETS = 107


_GIT = {
    "git": "a source in git",
    "ssh": "one over SSH",
    "ssh-keygen": "a signature with an SSH key",
    "gpg": "one with OpenPGP",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What was found.

    Attributes:
        name: of what was looked at.
        level: "ok", "warn" or "fail".
        message: what was found.
        todo: what to do about it, or "".
    """

    name: str
    level: str
    message: str
    todo: str = ""


def every_check(asking: Asking) -> list[Check]:
    """Everything, in order. A check that fails in a way that nobody thought of has found something, too."""
    found: list[Check] = []
    for look in (
        _python,
        _wasmtime,
        _artifacts,
        _compiler,
        _identities,
        _built,
        _packages,
        _state,
        _socket,
        _settings,
        _store,
        _soundness,
        _daemon,
        _cache,
        _git,
        _inotify,
        _files,
    ):
        try:
            found += look(asking)
        except FroyoError as error:
            found.append(Check(look.__name__.strip("_"), FAIL, str(error)))
        except Exception as error:  # noqa: BLE001 - it is what was found
            found.append(Check(look.__name__.strip("_"), FAIL, f"could not be looked at: {in_words(error)}"))
    return found


def _python(_asking: Asking) -> Iterator[Check]:
    version = platform.python_version()
    told = f"froyo {__version__} on Python {version}, {platform.system()} {platform.machine()}"
    yield Check("python", OK, told)


def _wasmtime(_asking: Asking) -> Iterator[Check]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("wasmtime")
    except PackageNotFoundError:
        yield Check("wasmtime", FAIL, "it is not installed", "install openfroyo anew: pip install openfroyo")
        return
    yield Check("wasmtime", OK, f"version {found}")


def _artifacts(asking: Asking) -> Iterator[Check]:
    from reconciler.errors import TransportError
    from reconciler.targets.artifacts import Artifacts, architecture

    artifacts = Artifacts(asking.where.artifacts)
    for arch in ("amd64", "arm64"):
        try:
            runner = artifacts.packed(arch)
        except TransportError as error:
            yield Check(f"runner {arch}", FAIL, str(error))
        else:
            yield Check(f"runner {arch}", OK, f"signature verified, sha256 {runner.sha256[:12]}")
    try:
        architecture(os.uname().machine)
    except TransportError as error:
        yield Check("this machine", WARN, str(error), "local targets cannot be used here; others can")
    wasm = asking.where.artifacts / "python-runtime.wasm"
    if wasm.exists():
        yield Check("provider runtime", OK, f"{wasm.stat().st_size / 1e6:.0f} MB")
    else:
        yield Check("provider runtime", FAIL, f"{wasm} is missing", "build it: python hatch_build.py")


def _compiler(_asking: Asking) -> Iterator[Check]:
    from reconciler.config.compiler import Compiler, CompilerError

    compiler = Compiler()
    if compiler.missing:
        yield Check("compiler", WARN, "sources in CUE and policies in Rego cannot be used", compiler.missing)
        return
    try:
        compiler.ask("cue.format", {"files": {}})
    except CompilerError as error:
        yield Check("compiler", FAIL, str(error), "sources in CUE and policies in Rego cannot be used")
    else:
        yield Check("compiler", OK, f"of CUE and Rego, {compiler.binary.stat().st_size / 1e6:.0f} MB")
    finally:
        compiler.close()


def _identities(asking: Asking) -> Iterator[Check]:
    from reconciler.app.identities import found_here
    from reconciler.model.secrets import SecretError

    try:
        found = found_here(asking.where)
    except SecretError as error:
        yield Check(
            "identities", FAIL, error.message, error.hint or "nothing that is encrypted is opened here"
        )
        return
    told = ", ".join(map(str, found)) or "none: nothing that is encrypted with age is opened here"
    yield Check("identities", OK, told)


def _built(asking: Asking) -> Iterator[Check]:
    from reconciler.built import stale

    if found := stale(asking.where.artifacts):
        message = f"built from other sources than lie here: {', '.join(found)}"
        yield Check("artefacts", FAIL, message, "build them anew: make build")


def _packages(asking: Asking) -> Iterator[Check]:
    from reconciler.app.declaring import evaluation

    packages, kinds, _ = evaluation(asking.where, os.environ)
    names = ", ".join(sorted(kind.kind for kind in kinds.kinds.values()))
    yield Check(
        "providers",
        OK if packages else FAIL,
        f"{', '.join(str(package.name) for package in packages)}: {names}" if packages else "there are none",
        "" if packages else "build them: python hatch_build.py",
    )


def _state(asking: Asking) -> Iterator[Check]:
    directory = asking.where.state
    try:
        found = directory.stat()
    except FileNotFoundError:
        yield Check("state directory", OK, f"{directory}: made by the first `froyo apply`")
        return
    problem = ""
    if found.st_uid != os.geteuid():
        problem = f"it belongs to uid {found.st_uid}, and you are {os.geteuid()}"
    elif not os.access(directory, os.W_OK | os.X_OK):
        problem = "it cannot be written"
    elif shutil.disk_usage(directory).free < ROOM:
        problem = "its disk has no room left"
    if problem:
        yield Check(
            "state directory", FAIL, f"{directory}: {problem}", "mend that, or use another one: --state DIR"
        )
    elif stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        yield Check("state directory", WARN, f"{directory}: mode {mode:04o}", f"chmod 0700 {directory}")
    else:
        yield Check("state directory", OK, f"{directory}: mode 0700, yours")


def _socket(asking: Asking) -> Iterator[Check]:
    if len(os.fsencode(asking.where.socket)) > PATH_MAX_OF_SOCKETS:
        yield Check(
            "socket", FAIL, f"{asking.where.socket}: too long for a socket", "choose a shorter --state"
        )


def _settings(asking: Asking) -> Iterator[Check]:
    """The operator's files, as `apply` and `up` read them."""
    from reconciler.app.grants import read_grants
    from reconciler.app.retention import retention

    for path, read in ((asking.where.retention, retention), (asking.where.grants, read_grants)):
        try:
            if path.exists():
                must_be_ours(path)
                read(path)
                yield Check(path.name, OK, "understood")
        except (UsageError, ConfigError) as error:
            first, *others = error.problems if isinstance(error, ConfigError) else [error]
            wrong = f"{first}; {len(others)} more" if others else str(first)
            yield Check(
                path.name, FAIL, wrong, "until it is put right, `froyo apply` and `froyo up` are refused"
            )


def _store(asking: Asking) -> Iterator[Check]:
    if not asking.where.has_store:
        yield Check("store", OK, "none yet")
        return
    stats = asyncio.run(_stats(asking))
    rows = f"{stats.rows.get('resource_state', 0):,} instances, {stats.rows.get('events', 0):,} events"
    yield Check(
        "store",
        OK,
        f"schema {stats.schema}, {_size(stats.database_bytes)}, blobs {_size(stats.blob_bytes)}, {rows}",
    )
    if asking.where.address is not None:
        return
    if stats.wal_bytes > WAL_WARN:
        yield Check(
            "write-ahead log",
            WARN,
            f"{_size(stats.wal_bytes)}: somebody reads for very long, or nobody has cut it back",
            "find who has it open: fuser " + str(asking.where.database),
        )
    else:
        yield Check("write-ahead log", OK, _size(stats.wal_bytes))


async def _stats(asking: Asking) -> StoreStats:
    async with _opened(asking) as store:
        return await store.stats()


def _soundness(asking: Asking) -> Iterator[Check]:
    if asking.where.has_store:
        with contextlib.suppress(StoreError):  # it cannot be opened, which the check before has said
            yield from asyncio.run(_sound(asking))


async def _sound(asking: Asking) -> list[Check]:
    async with _opened(asking) as store:
        todo = "move it away and start again (everything is observed anew), or restore a backup"
        found = [Check("store", FAIL, damage, todo) for damage in await store.damages()]
        try:
            head = await store.verify_audit()
        except StoreError as error:
            return [*found, Check("audit log", FAIL, str(error))]
        # Who notes the head down elsewhere can tell later whether something was cut off at the end.
        told = f"{head.records:,} records, unbroken, head {head.hash[:12]}" if head.records else "empty"
        return [*found, Check("audit log", OK, told)]


@contextlib.asynccontextmanager
async def _opened(asking: Asking) -> AsyncIterator[Store]:
    from reconciler.app.opening import reading

    async with reading(asking.where) as (store, _):
        yield store


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.0f} kB"


def _daemon(asking: Asking) -> Iterator[Check]:
    path = asking.where.socket
    if asking.daemon is None:
        if path.exists():
            yield Check("daemon", WARN, f"none runs; it left {path}", "the next `froyo up` takes it over")
        else:
            yield Check("daemon", OK, "none runs; `froyo up DIR` starts one")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Check("socket", FAIL, f"{path}: mode {mode:04o}", f"chmod 0600 {path}")
    try:
        health = asking.daemon.get("/v1/healthz")
    except Silent as error:
        yield Check("daemon", FAIL, *str(error).split("? ", 1))
        return
    if health["healthy"]:
        yield Check("daemon", OK, f"runs as pid {health['pid']}, and all of it lives")
        return
    for name, trouble in health["problems"].items():
        yield Check(f"daemon: {name}", FAIL, trouble, "its log says more; if it lasts, start it again")


def _cache(asking: Asking) -> Iterator[Check]:
    directory = asking.where.cache / "components"
    try:
        found = directory.stat()
    except FileNotFoundError:
        yield Check("compiled providers", OK, "none yet; the first apply makes them, in some ten seconds")
        return
    if found.st_uid != os.geteuid() or found.st_mode & 0o022:
        yield Check(
            "compiled providers",
            FAIL,
            f"{directory}: others may write what we would run",
            f"remove it: rm -r {directory}",
        )
        return
    kept = sum(entry.stat().st_size for entry in os.scandir(directory) if entry.is_file())
    yield Check("compiled providers", OK, f"{directory}: {_size(kept)}")


def _git(asking: Asking) -> Iterator[Check]:
    """What a source in git needs of this machine, where there is one."""
    if not asking.where.has_store:
        return
    try:
        sources = asking.get("/v1/sources")["items"]
    except FroyoError:
        return  # what is wrong with the store is said of the store
    if not any(one["name"].startswith("git+") for one in sources):
        return
    for program, what in _GIT.items():
        found = shutil.which(program)
        told = found or f"is not installed, and {what} needs it"
        yield Check(program, OK if found else WARN, told, "" if found else f"install {program}")


def _inotify(_asking: Asking) -> Iterator[Check]:
    for name, wanted in (("max_user_watches", WATCHES_WANTED), ("max_user_instances", INSTANCES_WANTED)):
        try:
            with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as file:
                found = int(file.read())
        except OSError as error:
            yield Check(f"inotify {name}", WARN, f"cannot be read: {why(error)}")
            continue
        if found < wanted:
            yield Check(
                f"inotify {name}",
                WARN,
                f"{found:,}",
                f"sysctl fs.inotify.{name}={wanted * 8}, for large sources",
            )
        else:
            yield Check(f"inotify {name}", OK, f"{found:,}")


def _files(_asking: Asking) -> Iterator[Check]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = f"{soft:,} (at most {hard:,})" if hard != resource.RLIM_INFINITY else f"{soft:,}"
    if soft < FILES_WANTED and soft != resource.RLIM_INFINITY:
        yield Check("open files", WARN, told, f"ulimit -n {FILES_WANTED}, for hundreds of targets")
    else:
        yield Check("open files", OK, told)
