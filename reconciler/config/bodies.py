"""Bodies: what is to be in files, taken out of the spec, which keeps only its digest and size.

A body is written as text, in base64, or as the name of a file, or of a directory, of the same source. That is looked up
in the snapshot and nowhere else, so no `..` and no symbolic link can lead out of the source's root.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.model.blob import Blob
from reconciler.model.catalog import BodyFields
from reconciler.model.names import Digest

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class BadBody:
    """Why there is no body.

    Attributes:
        field: the spec field to blame.
        message: what is wrong.
        hint: what to do about it.
    """

    field: str
    message: str
    hint: str = ""


def given(body: BodyFields, spec: Mapping[str, Any]) -> list[str]:
    """The body fields that a spec has; one at most may be there."""
    return [name for name in (body.text, body.base64, body.file, body.tree) if name and name in spec]


def body_of(body: BodyFields, spec: Mapping[str, Any], manifest: str) -> Blob | str | BadBody | None:
    """The body that a spec carries: the blob itself, the path in the source of what is it, or None.

    Args:
        body: which fields carry one.
        spec: the spec.
        manifest: path of the file that it stands in.
    """
    name = next(iter(given(body, spec)), None)
    value = spec.get(name) if name else None
    if name is None or not isinstance(value, str):
        return None
    if name == body.text:
        return blob(value.encode())
    if name == body.base64:
        try:
            return blob(base64.b64decode(_SPACE.sub("", value), validate=True))
        except (binascii.Error, ValueError):
            return BadBody(
                body.base64, "this is not base64", "its letters are A-Z, a-z, 0-9, + and /, padded with ="
            )
    return beside(name, value, manifest, what="directory" if name == body.tree else "file")


def blob(content: bytes) -> Blob:
    """A blob of its own content."""
    return Blob(Digest(f"sha256:{hashlib.sha256(content).hexdigest()}"), len(content), lambda: content)


def beside(name: str, value: str, manifest: str, *, what: str) -> str | BadBody:
    """The path in the source of a file or directory that a manifest names."""
    if value.startswith(("/", "~")):
        return BadBody(
            name, f"{value!r} is not below the source's root", f"name a {what} relative to this manifest"
        )
    path = posixpath.normpath(posixpath.join(posixpath.dirname(manifest), value))
    if path == ".." or path.startswith("../"):
        return BadBody(name, f"{value!r} leads out of the source's root", f"put the {what} below the root")
    return path
