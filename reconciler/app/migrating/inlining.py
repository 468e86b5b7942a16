"""A resource whose body is a file of the source as one that has it in itself."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from reconciler.config.bodies import BadBody, body_of, given
from reconciler.config.expressions import meant
from reconciler.core.spoken import with_article

if TYPE_CHECKING:
    from reconciler.app.migrating.carriage import Carriage, Json
    from reconciler.model.catalog import Kind

_READS_OTHERS = re.compile(r"\{%-?\+?\s*(?:include|import|from|extends)\b")
_ODD = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def resource(carriage: Carriage, kind: Kind, spec: Json) -> Json:
    """The spec that a resource has in a cluster."""
    body = kind.body
    names = given(body, spec)
    if not names or names[0] not in (body.file, body.tree):
        return spec
    name = names[0]
    made = {key: item for key, item in spec.items() if key != name}
    if name == body.tree:
        message = f"spec.{name}: a directory that is a body has no place in a cluster"
        carriage.problem(
            ("spec", name),
            message,
            "keep it in a git repository, which a Source names; or write out its files",
        )
        return made
    if "${" in spec[name].replace("$${", ""):
        message = f"spec.{name}: which file it is depends on the target, and in a cluster it is no file"
        carriage.problem(("spec", name), message, "write an object for each, with its content")
        return made
    path = body_of(body, {name: spec[name].replace("$${", "${")}, carriage.file)
    assert not isinstance(path, BadBody)  # noqa: S101 - it was loaded
    content = carriage.snapshot.files[str(path)].read()
    template = bool(body.template) and spec.get(body.template) is True
    text = _text(content) if body.text else None
    if text is not None and not (template and _READS_OTHERS.search(text)):
        made[body.text] = text if template else meant(text)
        if body.template and not template and ("{{" in text or "{%" in text):
            made[body.template] = False
    elif template:
        message = f"spec.{name}: a template that reads other files of the source has no place in a cluster"
        carriage.problem(("spec", name), message, "put into it what it reads")
    elif body.base64:
        made[body.base64] = base64.b64encode(content).decode()
    else:
        message = f"spec.{name}: {path} is no text, and nothing else can stand in {with_article(kind.kind)}"
        carriage.problem(("spec", name), message, "keep it in a git repository, which a Source names")
    return made


def _text(content: bytes) -> str | None:
    """A content as text; None for what is none, or would not come through as it is."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if _ODD.search(text) or "\r" in text else text
