"""The secrets of this controller: where they are to be had, and the key with which they are digested."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.app.keeping_secrets import KeptSecrets, not_in_a_cluster
from reconciler.app.places import Places, must_be_ours
from reconciler.core.redaction import Redactor
from reconciler.core.vault import Vault
from reconciler.errors import TransportError, UsageError, why
from reconciler.model.secrets import Encrypted, KeyRef, SecretError, Whereabouts
from reconciler.model.target import LocalTransport, Target

if TYPE_CHECKING:
    from watchers.kubernetes.referred import Referred

KEY_BYTES = 32


class Secrets:
    """See the module.

    Args:
        places: where things are kept.
        redactor: is told of all that is read.

    Attributes:
        vault: has their values.
        referred: reads those in a cluster; None where there is none.
    """

    def __init__(self, places: Places, redactor: Redactor | None = None) -> None:
        self._key = places.secrets_key
        self._key_is_given = places.given_key is not None
        self.referred: Referred | None = None
        self._kept = KeptSecrets(places, self.hide, self._referred)
        self.vault = Vault(self._kept.read, self._first, redactor)
        self._redactor = redactor or Redactor()
        self._known: set[str] = set()

    def in_cluster(self) -> None:
        """Read what objects of a cluster refer to there, from now on. Called on the loop."""
        if self.referred is None:
            from watchers.kubernetes.referred import Referred

            self.referred = Referred()

    async def changes(self) -> AsyncIterator[set[str]]:
        """Tell of those whose files have become others, for ever; see `SecretFiles.changes`."""
        async for files in self._kept.changes():
            yield files

    def _referred(self, key: KeyRef) -> str:
        if self.referred is None:
            return not_in_a_cluster(key)
        return self.referred.read(key)

    async def at_hand(self, target: Target) -> Target:
        """A target with files in the place of the objects of a cluster that it is reached with.

        Raises:
            TransportError: one of them cannot be had.
        """
        transport = target.transport
        if self.referred is None or isinstance(transport, LocalTransport):
            return target
        found: dict[str, Any] = {}
        for field in ("identity_file", "known_hosts"):
            if (key := KeyRef.parsed(getattr(transport, field))) is not None:
                try:
                    found[field] = await self.referred.path(key)
                except SecretError as error:
                    raise TransportError(f"{target.name}: {error.message}") from error
        return replace(target, transport=replace(transport, **found)) if found else target

    async def close(self) -> None:
        """Follow nothing any more."""
        if self.referred is not None:
            await self.referred.close()

    async def known(self, secret: Whereabouts) -> str:
        """What a secret is now that the controller itself needs; from now on it is kept out of all that is told.

        Raises:
            SecretError: it cannot be had, or is none.
        """
        if self.referred is not None and (key := _key_of(secret)) is not None:
            await self.referred.have(key)
        value = self._kept.read(secret)
        if not value:
            raise SecretError(f"{secret.file} is empty")
        self.hide(value)
        return value

    def hide(self, value: str) -> None:
        """Keep a text out of all that is told from now on."""
        if value not in self._known:
            keep_out_of_core_files()
            self._known.add(value)
            self._redactor.add(value)

    def masked(self, text: str) -> str:
        """A text as it may be told."""
        return self._redactor.text(text)

    def _first(self) -> bytes:
        """The key, for the first secret: from now on there is something that no core file may have in it."""
        keep_out_of_core_files()
        return _given(self._key) if self._key_is_given else _key(self._key)


def _key_of(secret: Whereabouts) -> KeyRef | None:
    """The key of an object that is read for a secret."""
    return (
        secret.identity if isinstance(secret, Encrypted) else secret if isinstance(secret, KeyRef) else None
    )


def as_declared(text: str, target: Target, found: Target) -> str:
    """What is said of how a target is reached, with what is declared in the place of what is at hand.

    Args:
        text: what is said, perhaps with the path of a file that this process alone has.
        target: as it is declared.
        found: the same with what is at hand.
    """
    before, after = target.transport, found.transport
    if isinstance(before, LocalTransport) or isinstance(after, LocalTransport):
        return text
    for written, path in (
        (before.identity_file, after.identity_file),
        (before.known_hosts, after.known_hosts),
    ):
        if (key := KeyRef.parsed(written)) is not None:
            text = re.sub(rf"{re.escape(path)}(?!\d)", f"the {key.file}", text)
    return text


def keep_out_of_core_files() -> None:
    """Let the kernel write no memory of this process to a disk.

    By the limit, which whoever is begun by it begins with, and can raise again. A process that is not dumpable at all
    would be the other way: nobody but root could begin a runner from its descriptors then (`targets/starting.py`).
    """
    import resource

    _, highest = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, highest))


def _key(path: Path) -> bytes:
    """The key, which is made when it is first needed. With another one, each secret would look like a new one.

    Raises:
        SecretError: there is none, and none can be made.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(descriptor, "wb") as file:
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # somebody else has made one just now
                os.link(fresh, path)
        finally:
            os.unlink(fresh)
        return _read(path)
    except UsageError as error:
        raise SecretError(str(error)) from None
    except OSError as error:
        raise SecretError(f"the key of secrets, {path}, cannot be had: {why(error)}") from None


def _given(path: Path) -> bytes:
    """The key that somebody else keeps, as for several controllers of one store: its group may be ours.

    Raises:
        SecretError: there is none, or it is none.
    """
    try:
        return _read(path, others=0o007)
    except UsageError as error:
        raise SecretError(str(error)) from None
    except OSError as error:
        raise SecretError(
            f"the key of secrets, {path}, cannot be had: {why(error)}",
            "FROYO_SECRETS_KEY_FILE says where it is; make one with: openssl rand 32",
        ) from None


def _read(path: Path, *, others: int = 0o077) -> bytes:
    must_be_ours(path)
    if path.stat().st_mode & others:
        raise SecretError(
            f"the key of secrets, {path}, is none: others can read it", f"run: chmod 600 {path}"
        )
    content = path.read_bytes()
    if len(content) != KEY_BYTES:
        raise SecretError(
            f"the key of secrets, {path}, is not whole",
            "remove it: each secret is written to its targets once more",
        )
    return content
