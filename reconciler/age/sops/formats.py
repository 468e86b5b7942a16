"""The files that SOPS writes, as trees: what is encrypted in them is as it stands there.

Which format one has, its name says, as with SOPS itself: YAML, JSON, dotenv, and for all other names JSON with the
content as one value.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.documents.reading import read_documents
from reconciler.model.secrets import SecretError

SOPS = "sops"
ENCRYPTED = re.compile(r"ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]")
LARGEST = 4 * 1024 * 1024
"""Bytes of a file."""

_BINARY = "data"
_ENDINGS = (".yaml", ".yml", ".json")
_OF_AGE = re.compile(r"sops_age__list_(\d+)__map_(recipient|enc)")
_ANEW = "encrypt it anew: sops encrypt"


@dataclass(frozen=True, slots=True)
class SopsFile:
    """A file that SOPS has encrypted.

    Attributes:
        path: of it.
        tree: what it holds, without what SOPS says of itself; encrypted texts are `ENC[…]`.
        metadata: what SOPS says of itself.
        json: numbers are those of JSON, all of which are fractions to SOPS.
    """

    path: str
    tree: Mapping[str, Any]
    metadata: Mapping[str, Any]
    json: bool = False

    def at(self, key: str) -> tuple[tuple[str, ...], Any]:
        """What a key such as `db.password` or `hosts.0.token` leads to, and step by step how.

        Args:
            key: "" for all there is; in a file that is no mapping to SOPS, for its content.

        Raises:
            SecretError: there is nothing.
        """
        if not key:
            return ((_BINARY,), self.tree[_BINARY]) if self.is_binary else ((), self.tree)
        found = _at(self.tree, key)
        if found is None:
            known = ", ".join(map(str, list(self.tree)[:10]))
            raise SecretError(f"there is no {key} in {self.path}", f"there is: {known}" if known else "")
        return found

    @property
    def is_binary(self) -> bool:
        """Whether its content is one value."""
        return not self.path.endswith((*_ENDINGS, ".env")) and self.tree.keys() == {_BINARY}


def _at(tree: Any, key: str) -> tuple[tuple[str, ...], Any] | None:
    """A key may have dots in it: the longest that there is counts."""
    if isinstance(tree, list):
        tree = {str(index): item for index, item in enumerate(tree)}
    if not isinstance(tree, Mapping):
        return None
    if key in tree:
        return (key,), tree[key]
    dot = key.rfind(".")
    while dot > 0:
        if key[:dot] in tree and (found := _at(tree[key[:dot]], key[dot + 1 :])) is not None:
            return (key[:dot], *found[0]), found[1]
        dot = key.rfind(".", 0, dot)
    return None


def _is_of_sops(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get(SOPS), dict) and "mac" in value[SOPS]


@functools.lru_cache(maxsize=16)
def parsed(path: str, content: bytes) -> SopsFile:
    """A file of SOPS.

    Raises:
        SecretError: it is none.
    """
    if len(content) > LARGEST:
        raise SecretError(f"{path} has {len(content)} bytes, and a file of secrets has {LARGEST} at most")
    if path.endswith(".ini"):
        raise SecretError(f"{path}: INI is not read", "keep it as YAML, JSON or dotenv")
    if path.endswith(".env"):
        tree, metadata = _dotenv(path, content)
        return SopsFile(path, tree, metadata)
    json = not path.endswith((".yaml", ".yml"))
    read = read_documents(path if path.endswith(_ENDINGS) else f"{path}.json", content)
    if read.problems:
        problem = read.problems[0]
        raise SecretError(f"{path}:{problem.line}: {problem.message}", problem.hint)
    if len(read.documents) != 1 or not _is_of_sops(read.documents[0].value):
        several = " of one document" if len(read.documents) > 1 else ""
        raise SecretError(f"{path} is no file{several} that sops has encrypted", _ANEW)
    tree = dict(read.documents[0].value)
    return SopsFile(path, tree, tree.pop(SOPS), json)


def _dotenv(path: str, content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Lines `KEY=VALUE`; what SOPS says of itself is flattened into some that begin with `sops_`."""
    tree: dict[str, str] = {}
    metadata: dict[str, Any] = {}
    age: dict[int, dict[str, str]] = {}
    for number, line in enumerate(content.decode(errors="replace").split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals:
            raise SecretError(f"{path}:{number}: this is no line of a .env file", "write KEY=VALUE")
        value = value.replace("\\n", "\n")
        if (found := _OF_AGE.fullmatch(key)) is not None:
            age.setdefault(int(found[1]), {})[found[2]] = value
        elif key.startswith("sops_"):
            metadata[key.removeprefix("sops_")] = value == "true" if value in ("true", "false") else value
        else:
            tree[key] = value
    if "mac" not in metadata:
        raise SecretError(f"{path} is no file that sops has encrypted", _ANEW)
    return tree, {**metadata, "age": [age[index] for index in sorted(age)]}
