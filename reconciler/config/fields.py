"""Parts of a valid document to the model's objects: metadata, the common fields, the path and the claims."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any

from reconciler.config.builtin import COMMON
from reconciler.config.durations import seconds
from reconciler.model.catalog import Kind
from reconciler.model.names import DEFAULT_NAMESPACE
from reconciler.model.resource import Adopt, CommonSpec, Deletion, Metadata, Policy

PLAIN = CommonSpec()
"""What a manifest has that writes none of the common fields."""

_CLAIM_FIELD = re.compile(r"\{(\w+)\}")


def metadata_of(written: Mapping[str, Any]) -> Metadata:
    """The metadata."""
    return Metadata(
        written["name"],
        written.get("namespace", DEFAULT_NAMESPACE),
        written.get("labels", {}),
        written.get("annotations", {}),
    )


def common_of(spec: Mapping[str, Any]) -> CommonSpec:
    """The common fields of a spec."""
    if (spec.keys() & COMMON.keys()) <= {"target", "targets"}:
        return PLAIN
    interval = spec.get("interval")
    return CommonSpec(
        require=tuple(spec.get("require", ())),
        before=tuple(spec.get("before", ())),
        notify=tuple(spec.get("notify", ())),
        interval=seconds(interval) if interval is not None else None,
        policy=Policy(spec.get("policy", PLAIN.policy)),
        adopt=Adopt(spec.get("adopt", PLAIN.adopt)),
        deletion=Deletion(spec.get("deletion", PLAIN.deletion)),
        ignore_fields=tuple(spec.get("ignoreFields", ())),
        infer_edges=spec.get("inferEdges", PLAIN.infer_edges),
    )


def path_of(kind: Kind, spec: Mapping[str, Any]) -> str:
    """The path that an instance puts in place, in its one spelling; "" if it has none."""
    return _normal(spec[kind.path_field]) if kind.path_field in spec else ""


def claims_of(kind: Kind, spec: Mapping[str, Any]) -> tuple[str, ...]:
    """What an instance is the one owner of. A claim on a field that is not there is none."""
    claims = (_claim(kind, spec, template) for template in kind.claims)
    return tuple(claim for claim in claims if claim is not None)


def claiming_field(kind: Kind, spec: Mapping[str, Any], claim: str) -> str:
    """The field that a claim of such a spec is made by: the last of those that it is made of; "" if of none."""
    for template in kind.claims:
        if _claim(kind, spec, template) == claim:
            return (_CLAIM_FIELD.findall(template) or ("",))[-1]
    return ""


def _claim(kind: Kind, spec: Mapping[str, Any], template: str) -> str | None:
    names = _CLAIM_FIELD.findall(template)
    if not all(name in spec for name in names):
        return None
    values = {name: _normal(spec[name]) if name == kind.path_field else str(spec[name]) for name in names}
    return template.format_map(values)


def _normal(path: str) -> str:
    """One spelling for a path, so that two manifests that mean the same one are seen to."""
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path
