"""Manifests that SOPS has encrypted in place: what it says of itself, and a Vars whose values are secrets by that.

Example: `sops encrypt --encrypted-regex '^values$' --in-place shop.yaml`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.config.secret_values import SECRET, SOPS

if TYPE_CHECKING:
    from reconciler.documents.reading import Document

Path = tuple[str | int, ...]

_ENCRYPTED = re.compile(r"ENC\[AES256_GCM,")
_HINT = "encrypt the values of a Vars alone: sops encrypt --encrypted-regex '^values$'"


def _nobody(_path: Path, _message: str, _hint: str) -> None:
    """Has been told elsewhere."""


def manifest_in(
    document: Document, file: str, complain: Callable[[Path, str, str], None] = _nobody
) -> Document | None:
    """The manifest that a document is, in which each value that SOPS has encrypted is a secret of this file.

    Args:
        document: as it is written.
        file: path of the file that it stands in.
        complain: told of what is encrypted and cannot be.

    Returns:
        Most documents as they are; None for a file of secrets, which is for whoever names it.
    """
    metadata = document.value.get(SOPS) if isinstance(document.value, dict) else None
    if not isinstance(metadata, dict) or "mac" not in metadata:
        return document
    if not {"apiVersion", "kind"} & document.value.keys():
        return None
    manifest = {key: item for key, item in document.value.items() if key != SOPS}
    vars_ = manifest.get("kind") == "Vars"
    name = posixpath.basename(file)

    def put(item: Any, path: Path) -> Any:
        if isinstance(item, dict):
            return {key: put(one, (*path, key)) for key, one in item.items()}
        if isinstance(item, list):
            return [put(one, (*path, index)) for index, one in enumerate(item)]
        if not isinstance(item, str) or not _ENCRYPTED.match(item):
            return item
        if not vars_ or path[:2] != ("spec", "values"):
            complain(path, "this is encrypted, and has to be read before anything can be opened", _HINT)
            return item
        return {SECRET: {SOPS: name, "key": ".".join(map(str, path))}}

    return replace(document, value={key: put(item, (key,)) for key, item in manifest.items()})
