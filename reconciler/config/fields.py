"""Parts of a document to the model's objects: metadata, the common fields, what it names, and the subjects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from reconciler.config.builtin import COMMON, REFERENCE
from reconciler.config.durations import moment, seconds
from reconciler.model.catalog import BODY, Kind, ProbeFields
from reconciler.model.names import DEFAULT_NAMESPACE, Reference, reference
from reconciler.model.resource import (
    Adopt,
    CommonSpec,
    Deletion,
    Metadata,
    Patience,
    Policy,
    Suspended,
    Window,
)
from reconciler.model.subjects import Subject, subject

PLAIN = CommonSpec()
"""What a manifest has that writes none of the common fields."""
ANYWHERE = Window()
"""What a window is that says nothing."""

_REFERENCE = re.compile(REFERENCE)
_FIELD = re.compile(r"\{(\w+)\}")
_CONDITION = re.compile(r"\{(\w+)(?:(=[\w-]+)?\?|(!))\}")


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
        windows=tuple(map(_window_of, spec.get("windows", ()))),
        suspend=_suspended_of(spec["suspend"]) if "suspend" in spec else None,
    )


def _suspended_of(written: Mapping[str, Any]) -> Suspended:
    until = written.get("until")
    return Suspended(written["reason"], None if until is None else moment(until))


def _window_of(written: Mapping[str, Any]) -> Window:
    return Window(
        tuple(written.get("days", ())),
        written.get("from", ""),
        written.get("to", ""),
        written.get("timezone", ANYWHERE.timezone),
    )


def patience_of(fields: ProbeFields, spec: Mapping[str, object]) -> Patience:
    """How patiently an instance is probed, as its spec says."""

    def number(field: str) -> int:
        value = spec.get(field)
        return value if isinstance(value, int) else 0

    return Patience(float(number(fields.within)), number(fields.retries))


def name_of(value: Mapping[str, Any]) -> Reference:
    """What a document declares, whatever else is wrong with it."""
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    namespace = metadata.get("namespace") if isinstance(metadata, dict) else None
    return reference(str(value["kind"]), str(name), str(namespace or DEFAULT_NAMESPACE))


def named_in(spec: Mapping[str, Any]) -> Iterator[tuple[str, int, Reference]]:
    """What a spec names that may be wrong in other ways; what is no reference has been complained about."""
    for field in ("require", "before", "notify"):
        written = spec.get(field)
        for index, name in enumerate(written if isinstance(written, list) else ()):
            if isinstance(name, str) and _REFERENCE.fullmatch(name):
                yield field, index, Reference(name)


def subjects_of(templates: Iterable[str], spec: Mapping[str, Any]) -> tuple[Subject, ...]:
    """The subjects that a kind's templates give for a spec.

    Args:
        templates: such as `path:{path}`. One on a field that is not there gives none; on a list, one for each item; on
            `body`, the digest of that. `{field?}` gives nothing itself, but there is no subject without that field;
            with `{field=value?}` none unless it has that value, with `{field!}` none where it is set.
        spec: the provider's fields.
    """
    found: dict[Subject, None] = {}
    for template in templates:
        for one in _subjects(template, spec):
            found[one] = None
    return tuple(found)


def providing_field(kind: Kind, spec: Mapping[str, Any], wanted: Subject) -> str:
    """The field by which such a spec provides a subject: the last of those that it is made of; "" if of none."""
    for template in kind.provides:
        if wanted in _subjects(template, spec):
            field = ([one for one in fields_of(template) if one in spec or one == BODY] or [""])[-1]
            return kind.body.text if field == BODY else field
    return ""


def fields_of(template: str) -> list[str]:
    """The fields of a spec that a template is made of, and those that there have to be."""
    return [*_FIELD.findall(template), *(field for field, *_ in _CONDITION.findall(template))]


def _subjects(template: str, spec: Mapping[str, Any]) -> Sequence[Subject]:
    scheme, name, fields, conditions = _parts(template)
    if not all(_holds(condition, spec) for condition in conditions):
        return ()
    if len(fields) == 1 and isinstance(value := spec.get(fields[0]), str):  # as with almost all of them
        return (subject(scheme, name.format(value)),)
    values = []
    for field in fields:
        if field not in spec:
            return ()
        value = spec[field]["digest"] if field == BODY else spec[field]
        values.append(value if isinstance(value, list) else (value,))
    return [subject(scheme, name.format(*chosen)) for chosen in product(*values)]


def _holds(condition: tuple[str, str, str], spec: Mapping[str, Any]) -> bool:
    """Whether a field is set, has a value, or is not set."""
    field, value, unset = condition
    if unset or not value:
        return (field in spec) is not bool(unset)
    return spec.get(field) == value.removeprefix("=")


@lru_cache(maxsize=1024)
def _parts(template: str) -> tuple[str, str, tuple[str, ...], tuple[tuple[str, str, str], ...]]:
    """Scheme, name with a `{}` for each field, fields, conditions: there are few templates, and many resources."""
    scheme, _, name = template.partition(":")
    conditions = tuple(_CONDITION.findall(name))
    name = _CONDITION.sub("", name)
    return scheme, _FIELD.sub("{}", name), tuple(_FIELD.findall(name)), conditions
