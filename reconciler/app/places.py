"""Where things are kept on the controller. Imports next to nothing: the fast path of the command line needs it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import UsageError
from reconciler.model.names import SourceName

IDENTITY = "age.key"
"""What a file is called that holds identities."""
KEY_FILE = "FROYO_AGE_KEY_FILE"
"""The environment variable that names such files."""


@dataclass(frozen=True, slots=True)
class Places:
    """The controller's own directories.

    Attributes:
        state: what must outlive the process: the database, blobs, recorded host keys, the socket.
        cache: what can be made again: compiled providers.
        artifacts: what the build has made: runners, the provider runtime, the built-in packages.
        sources: where manifests are going to be read.
        address: of the database, where the store is on a server; None where it is in the state directory.
        given_key: the key with which secrets are digested, where somebody else keeps it; None where it is in the state
            directory.
        identities: files that may hold what opens ciphertexts.
        identities_given: whether somebody has named these; else they are where such files are looked for.
    """

    state: Path
    cache: Path
    artifacts: Path
    sources: tuple[Path, ...] = ()
    address: str | None = None
    given_key: Path | None = None
    identities: tuple[Path, ...] = ()
    identities_given: bool = False

    @property
    def own_paths(self) -> tuple[str, ...]:
        """What no declaration may take away from under us."""
        own = [os.path.realpath(self.state)]
        for source in self.sources:
            own += [str(source), os.path.realpath(source)]
        return tuple(dict.fromkeys(own))

    @property
    def database(self) -> Path:
        """The store, where it is in the state directory."""
        return self.state / "froyo.db"

    @property
    def store(self) -> Path | str:
        """Where the store is, as `Store.open` takes it."""
        return self.database if self.address is None else self.address

    @property
    def has_store(self) -> bool:
        """Whether there may be one. Who opens it sees."""
        return self.address is not None or self.database.exists()

    @property
    def is_in_use(self) -> bool:
        """Whether a process on this machine has the store for itself, as far as that can be seen from outside."""
        from reconciler.store.sqlite.lock import is_held

        return self.address is None and is_held(self.database.with_suffix(".lock"))

    @property
    def kept_in(self) -> str:
        """Where the store is, for a person."""
        return str(self.state) if self.address is None else self.address

    @property
    def option(self) -> str:
        """What names another one."""
        return "--state" if self.address is None else "--store"

    @property
    def socket(self) -> Path:
        """Where the daemon listens."""
        return self.state / "froyo.sock"

    @property
    def packages(self) -> tuple[Path, ...]:
        """Where provider packages are, one directory each: the built-in ones, and the operator's own."""
        return (self.artifacts / "providers", self.state / "packages")

    @property
    def grants(self) -> Path:
        """What the operator grants to packages, beyond what the built-in ones need."""
        return self.state / "grants.json"

    @property
    def retention(self) -> Path:
        """How much of the past is kept, where the operator wants it otherwise."""
        return self.state / "retention.json"

    @property
    def recipients(self) -> Path:
        """Whom backups and saved plans are for, where the operator wants them encrypted."""
        return self.state / "recipients"

    @property
    def secrets(self) -> Path:
        """Where secrets are that are named by no absolute path."""
        return self.state / "secrets"

    @property
    def alert_commands(self) -> Path:
        """Where the programs are that alerts may be given to; nothing here ever puts one there."""
        return self.state / "alerts" / "commands"

    @property
    def alert_files(self) -> Path:
        """Where the files are that alerts are appended to."""
        return self.state / "alerts" / "files"

    @property
    def repositories(self) -> Path:
        """Where the git repositories are fetched to that are sources."""
        return self.state / "git"

    @property
    def secrets_key(self) -> Path:
        """The key with which secrets are digested."""
        return self.given_key or self.state / "secrets.key"


def must_be_ours(path: Path) -> None:
    """See that nobody else can write at `path`, if it is there: what lies there decides what is done as this user.

    Raises:
        UsageError: somebody else can.
    """
    try:
        found = path.stat()
    except OSError:
        return
    if found.st_uid not in (0, os.geteuid()):
        raise UsageError(
            f"{path}: it belongs to somebody else (uid {found.st_uid}); name another --state directory"
        )
    if found.st_mode & 0o022:
        raise UsageError(
            f"{path}: others can write there (mode {stat.S_IMODE(found.st_mode):04o}), and could have anything done "
            f"in your name; run: chmod go-w {path}"
        )


def source_name(directory: str | Path) -> SourceName:
    """What the source in a directory is called. Bytes of its path that are no text are written out."""
    return SourceName(os.fsencode(directory).decode("utf-8", "backslashreplace"))


def source_root(directory: str, environ: Mapping[str, str]) -> Path:
    """Where the manifests of a directory are looked for, and what the source is called.

    Links that lead to it are followed. One that it is itself is not: it is swapped for another one to deploy a release.

    Args:
        directory: as it was given.
        environ: `PWD` says by which name the shell came to where it is.
    """
    above, name = os.path.split(directory.rstrip("/") or "/")
    if name in ("", "."):
        came_by = environ.get("PWD", "")
        if name == "." and not above and os.path.isabs(came_by) and os.path.realpath(came_by) == os.getcwd():
            above, name = os.path.split(came_by.rstrip("/"))
    if name in ("", ".", ".."):
        return Path(os.path.realpath(directory))
    return Path(os.path.realpath(above or "."), name)


def _is_among(state: str, source: Path) -> bool:
    """Whether the state directory would be part of a source, which leaves hidden directories out."""
    among = Path(os.path.realpath(source))
    kept = Path(os.path.realpath(state))
    return kept.is_relative_to(among) and not any(
        part.startswith(".") for part in kept.relative_to(among).parts
    )


def places(environ: Mapping[str, str], *, state: str | None = None, sources: Sequence[Path] = ()) -> Places:
    """The places of this user.

    Args:
        environ: FROYO_STATE, FROYO_STORE, FROYO_SECRETS_KEY_FILE, FROYO_AGE_KEY_FILE, FROYO_CACHE, FROYO_ARTIFACTS, the
            XDG directories and HOME are looked at.
        state: as given on the command line; it goes before all else.
        sources: where manifests are going to be read.

    Raises:
        UsageError: the state would be kept among the manifests, or FROYO_STORE is no address.
    """
    home = environ.get("HOME") or os.path.expanduser("~")
    chosen = state or environ.get("FROYO_STATE")
    if not chosen:
        xdg = environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
        chosen = f"{xdg}/froyo"
    for source in sources:
        if _is_among(chosen, source):
            raise UsageError(
                f"{chosen}: that is where the manifests are, in {source}; name another --state directory"
            )
    cache = environ.get("FROYO_CACHE")
    if not cache:
        xdg = environ.get("XDG_CACHE_HOME") or f"{home}/.cache"
        cache = f"{xdg}/froyo"
    artifacts = environ.get("FROYO_ARTIFACTS") or os.path.join(
        os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "_artifacts"
    )
    address = environ.get("FROYO_STORE") or None
    if address is not None:
        from reconciler.store.postgresql.address import checked

        address = checked(address)
    key = environ.get("FROYO_SECRETS_KEY_FILE")
    given = [Path(os.path.abspath(one)) for one in environ.get(KEY_FILE, "").split(os.pathsep) if one]
    return Places(
        Path(os.path.abspath(chosen)),
        Path(os.path.abspath(cache)),
        Path(artifacts),
        tuple(sources),
        address,
        Path(os.path.abspath(key)) if key else None,
        tuple(given) or (Path("/etc/froyo", IDENTITY), own_identity(environ)),
        bool(given),
    )


def own_identity(environ: Mapping[str, str]) -> Path:
    """Where a person keeps what they open ciphertexts with."""
    home = environ.get("HOME") or os.path.expanduser("~")
    return Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config", "froyo", IDENTITY)
