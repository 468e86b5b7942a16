"""What lies in files of a controller, as keys of Secrets and ConfigMaps of a cluster.

Invariant: a key is made of the path of its file and of nothing else, so that a path with expressions in it becomes a
key with the same expressions. Two files never share one.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.secrets import KeyRef, SecretMissing, text_of

SECRETS = "froyo-secrets"
IDENTITIES = "froyo-identities"
HOSTS = "froyo-known-hosts"

LARGEST = 1_000_000
"""Bytes that an object of a cluster has at most: etcd takes a request of 1.5 MiB, and a Secret has base64 in it."""

_EXPRESSION = re.compile(r"(\$\{[^}]*\})")
_STRANGE = re.compile(r"[^-._a-zA-Z0-9]")


class SharedKey(Exception):
    """Two files would have one key; names the other."""


def key_of(file: str) -> str:
    """The key for a path: `/etc/froyo/db` is `etc.froyo.db`, and `db-${target.name}` itself."""
    parts = _EXPRESSION.split(file.strip("/"))
    for index in range(0, len(parts), 2):
        parts[index] = _STRANGE.sub("_", parts[index].replace("/", "."))
    return "".join(parts)


def expanded(file: str) -> re.Pattern[str] | None:
    """What the path of a file with expressions in it can come to; None for a path that has none."""
    parts = _EXPRESSION.split(file)
    if len(parts) == 1:
        return None
    return re.compile("".join(".+" if index % 2 else re.escape(one) for index, one in enumerate(parts)))


@dataclass(slots=True)
class KeptData:
    """Secrets and ConfigMaps.

    Attributes:
        namespace: that they are in.
        data: by sort (`Secret`, `ConfigMap`) and name, the texts by key.
    """

    namespace: str
    data: dict[tuple[str, str], dict[str, bytes]] = field(default_factory=dict, repr=False)
    _files: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def put(self, sort: str, name: str, file: str, content: bytes) -> str:
        """Keep the content of a file; the key.

        Raises:
            SharedKey: another file has that.
        """
        key = key_of(file)
        other = self._files.setdefault((sort, name, key), file)
        if other != file:
            raise SharedKey(other)
        self.data.setdefault((sort, name), {})[key] = content
        return key

    def read(self, ref: KeyRef) -> str:
        """The text of a key, as an operator would read it.

        Raises:
            SecretMissing: it is not among them.
        """
        found = self.data.get((ref.kind, ref.name), {}).get(ref.key)
        if found is None:
            raise SecretMissing(f"{ref.file} is not among what was carried over")
        return text_of(ref.file, found)

    def objects(self, sort: str) -> list[dict[str, Any]]:
        """The objects of a sort."""
        found = []
        for (kind, name), data in sorted(self.data.items()):
            if kind == sort:
                found.append(
                    {
                        "apiVersion": "v1",
                        "kind": kind,
                        "metadata": {"name": name, "namespace": self.namespace},
                        **_written(kind, data),
                    }
                )
        return found

    def size(self) -> Mapping[str, int]:
        """How many bytes each has."""
        return {f"{kind} {name}": sum(map(len, one.values())) for (kind, name), one in self.data.items()}


def _written(kind: str, data: Mapping[str, bytes]) -> dict[str, Any]:
    if kind == "Secret":
        return {
            "type": "Opaque",
            "data": {key: base64.b64encode(one).decode() for key, one in sorted(data.items())},
        }
    return {"data": {key: one.decode() for key, one in sorted(data.items())}}
