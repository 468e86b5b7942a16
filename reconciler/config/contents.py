"""A spec in which all is known to what instances are made of: defaults in, body and common fields out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.builtin import COMMON
from reconciler.config.declared import Content
from reconciler.config.fields import subjects_of
from reconciler.config.schemas import CompiledKind
from reconciler.model.blob import Blob


def content_of(compiled: CompiledKind, spec: Mapping[str, Any], body: Blob | str | None) -> Content:
    """What a resource is.

    Args:
        compiled: its kind.
        spec: valid.
        body: the content that it carries itself, the path of what is it in the source, or None.
    """
    kind = compiled.kind
    own = compiled.fill({name: item for name, item in spec.items() if name not in COMMON})
    for name in (kind.body.text, kind.body.base64, kind.body.file, kind.body.tree, kind.body.template):
        own.pop(name, None)
    blob = body if isinstance(body, Blob) else None
    if blob is not None:
        own["body"] = {"digest": blob.digest, "size": blob.size}
        if blob.revealed is not None:
            own["body"]["secret"] = True
            if "sensitive" in compiled.fields:
                own["sensitive"] = True
            if "mode" in compiled.fields:
                own.setdefault("mode", "0600")
    return Content(
        spec=own,
        blob=blob,
        body_path=body if isinstance(body, str) else "",
        provides=subjects_of(kind.provides, own),
        shares=subjects_of(kind.shares, own),
        uses=subjects_of(kind.uses, own),
        contains=subjects_of(kind.contains, own),
    )
