"""Secrets of a simulation: values that nobody is to learn but the machines, and who looks whether anybody has."""

import hashlib
import hmac
import random
import sqlite3
from collections.abc import Iterator

from reconciler.core.vault import Vault
from reconciler.model.blob import Blob
from reconciler.model.names import Digest
from reconciler.model.secrets import Secret

PLACEHOLDER = "${vars.token}"
"""What stands in what is written for a secret."""
FILE = Secret("token")


KEY = b"key" * 11


def keyed(digest: str) -> str:
    """What stands for a digest of something in which a secret may be."""
    return "sha256:" + hmac.new(KEY, digest.encode(), hashlib.sha256).hexdigest()


class Secrets:
    """All that is secret in a world.

    Args:
        seed: of the world.

    Attributes:
        value: of the secret, by now.
        ever: all that it was.
        real: by the digest of a body with marks in it, that of what it is on a machine.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"{seed}/secrets")
        self.ever: list[str] = []
        self.value = ""
        self.real: dict[str, str] = {}
        self.renew()

    def renew(self) -> None:
        """It is another one."""
        self.value = f"canary-{self._random.randrange(10**12):012d}"
        self.ever.append(self.value)

    def told(self, text: str) -> str:
        """What of them is in a text: a value, or a digest that one could be found by; or ""."""
        if "canary-" not in text and "sha256:" not in text:
            return ""
        return next((one for one in (*self.ever, *self.real.values()) if one in text), "")

    def kept(self, account: sqlite3.Connection) -> Iterator[str]:
        """Where in a store any of them is."""
        tables = account.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in account.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    text = cell.decode("latin-1") if isinstance(cell, bytes) else cell
                    if isinstance(text, str) and (found := self.told(text)):
                        yield f"{table}: {found}"


class ProcessVault(Vault):
    """The secrets of one process.

    Args:
        secrets: of the world.

    Attributes:
        bodies: made with secrets, by their digests.
    """

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(lambda _secret: secrets.value, lambda: KEY)
        self._secrets = secrets
        self.bodies: dict[Digest, Blob] = {}

    def body(self, blob: Blob) -> Blob:
        made = super().body(blob)
        if made.revealed is not None:
            self._secrets.real[made.digest] = made.revealed
        self.bodies[made.digest] = made
        return made
