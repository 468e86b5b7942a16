"""One manifest file to what it declares, looked at by itself, before any target.

Everything is valid and typed then, with defaults and bodies. Invariant: the result depends on the file's
content and path, the catalog and the controller's directories only, so that it can be kept by digest and
shared between loads. What needs other files (targets, references, claims, bodies that are files) is for
`expand`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.config.bodies import BadBody, body_of, given
from reconciler.config.builtin import COMMON, FIELD_PATH, TARGET
from reconciler.config.declared import FileDeclarations, Manifest, Sketch
from reconciler.config.durations import HINT, is_written, refusal, seconds
from reconciler.config.explain import explain, shown
from reconciler.config.fields import common_of, metadata_of, name_of, named_in, subjects_of
from reconciler.config.schemas import CompiledKind, Kinds
from reconciler.config.selectors import selector
from reconciler.config.slips import looked_through, may_have_slips
from reconciler.config.targets import ControllerPaths, source, target
from reconciler.core.spoken import with_article
from reconciler.core.suggest import closest, did_you_mean
from reconciler.documents.reading import Document, Locator, read_documents
from reconciler.model.blob import Blob
from reconciler.model.names import TargetName, reference
from reconciler.model.origin import Origin
from reconciler.model.selector import LABEL_KEY_HINT, Selector, is_label_key

_FIELD_PATH = re.compile(FIELD_PATH)


def evaluate(path: str, data: bytes, kinds: Kinds, controller: ControllerPaths) -> FileDeclarations:
    """What a file declares. Problems are returned, never raised."""
    read = read_documents(path, data)
    declared = FileDeclarations(problems=list(read.problems), lost=read.lost)
    if read.places is not None:
        evaluator = _Evaluator(read.places, kinds, controller, declared)
        for document in read.documents:
            evaluator.document(document)
    return declared


class _Evaluator:
    def __init__(
        self, places: Locator, kinds: Kinds, controller: ControllerPaths, declared: FileDeclarations
    ) -> None:
        self.places = places
        self.kinds = kinds
        self.controller = controller
        self.declared = declared
        self.suspicious = may_have_slips(places.file.text)

    def problem(
        self,
        document: Document,
        path: tuple[str | int, ...],
        message: str,
        hint: str = "",
        *,
        key: bool = False,
    ) -> None:
        problem = self.places.problem(document, path, message, hint, key=key)
        if problem is not None:
            self.declared.problems.append(problem)

    def origin(self, document: Document) -> Origin:
        """Where a document stands."""
        return Origin(self.places.file.path, document.line, document.index, self.controller.root)

    def document(self, document: Document) -> None:
        before = len(self.declared.problems)
        if self.suspicious and not _is_list(document.value):
            document = looked_through(self.places, document, self.kinds, self.declared.problems)
        slipped = len(self.declared.problems) > before
        value = document.value
        if not isinstance(value, dict):
            self.problem(
                document, (), "this is no manifest", "a manifest is a mapping with apiVersion and kind"
            )
            return
        if _is_list(value):
            self.items(document)
            return
        api_version, kind = value.get("apiVersion"), value.get("kind")
        compiled = (
            self.kinds.get(api_version, kind)
            if isinstance(api_version, str) and isinstance(kind, str)
            else None
        )
        if compiled is None:
            self.unknown(document, api_version, kind)
            return
        self.declared.foreign = False
        valid = compiled.accepts(value)
        if not valid:
            self.declared.problems += explain(self.places, document, compiled)
        self.label_keys(document, value.get("metadata"))
        if compiled.kind.package:
            self.resource(document, compiled, valid=valid, slipped=slipped)
        elif valid:
            self.own(document, compiled)
        if not valid or len(self.declared.problems) > before:
            self.declared.broken.add(name_of(value))

    def items(self, document: Document) -> None:
        """A Kubernetes List: what `kubectl get -o yaml` prints."""
        items = document.value.get("items")
        if not isinstance(items, list):
            self.problem(document, (), "a List has a list of items", key=True)
            return
        for index, item in enumerate(items):
            path = (*document.path, "items", index)
            located = self.places.locate(replace(document, path=()), path)
            line = self.places.file.place(located.node.index)[0]
            self.document(Document(item, document.index, line, document.chunk, path))

    def unknown(self, document: Document, api_version: Any, kind: Any) -> None:
        if not isinstance(kind, str) or not isinstance(api_version, str):
            missing = "kind" if isinstance(api_version, str) else "apiVersion"
            if (given := document.value.get(missing)) is not None:
                hint = "" if isinstance(given, list | dict) else "quote it"
                self.problem(document, (missing,), f"{missing} is text", hint)
                return
            meant = closest(missing, [key for key in document.value if key not in {"metadata", "spec"}])
            self.problem(
                document,
                (meant,) if meant else (),
                f"this is no manifest: it has no {missing}",
                f"write {missing} for {meant}"
                if meant
                else "add it, name the file in .froyoignore, or name it as the body of some manifest",
                key=True,
            )
            return
        known = self.kinds.known
        names = [name for _, name in known]
        self.declared.broken.add(name_of({**document.value, "kind": closest(kind, names) or kind}))
        versions = [version for version, name in known if name == kind]
        if versions:
            self.problem(
                document,
                ("apiVersion",),
                f"there is no {kind} in {api_version}",
                did_you_mean(api_version, versions) or f"there is one in {', '.join(sorted(versions))}",
            )
            return
        own = [name for version, name in known if version == api_version]
        hint = did_you_mean(kind, own or names) or (f"there are {', '.join(sorted(own))}" if own else "")
        self.problem(document, ("kind",), f"there is no kind {kind} in {api_version}", hint)

    def label_keys(self, document: Document, metadata: Any) -> None:
        """What no schema that a custom resource may have can say: it leaves the keys of a mapping alone."""
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        for key in labels if isinstance(labels, dict) else ():
            if isinstance(key, str) and not is_label_key(key):
                self.problem(
                    document,
                    ("metadata", "labels", key),
                    f"no label can be called {key!r}",
                    LABEL_KEY_HINT,
                    key=True,
                )

    def own(self, document: Document, compiled: CompiledKind) -> None:
        value = document.value
        origin = self.origin(document)
        kept = replace(document, value=None)

        def complain(path: tuple[str | int, ...], message: str, hint: str) -> None:
            self.problem(document, ("spec", *path), message, hint)

        arguments = (value["metadata"], value["spec"], origin, self.controller, complain)
        if compiled.kind is TARGET:
            self.declared.targets.append((target(*arguments), kept))
        else:
            self.declared.sources.append((source(*arguments), kept))

    def resource(self, document: Document, compiled: CompiledKind, *, valid: bool, slipped: bool) -> None:
        """A provider's kind. One that is invalid by its schema is only searched for more problems.

        What it names is not looked for where something slipped in: it may be what was meant.
        """
        value = document.value
        spec = value.get("spec")
        if not isinstance(spec, dict):
            return
        kind = compiled.kind
        origin = self.origin(document)
        before = len(self.declared.problems)
        where = None if slipped else self.where(document, spec, valid=valid)
        self.common_problems(document, compiled, spec)
        body = body_of(kind.body, spec, origin.file)
        bodies = given(kind.body, spec)
        if valid and len(bodies) > 1:
            path = ("spec", bodies[1])
            self.problem(document, path, f"{' and '.join(bodies)} do not go together", "keep one", key=True)
        if isinstance(body, BadBody):
            self.problem(document, ("spec", body.field), f"spec.{body.field}: {body.message}", body.hint)
        elif isinstance(body, str):
            (self.declared.trees if kind.body.tree else self.declared.bodies).add(body)
        if not valid or where is None or len(self.declared.problems) > before:
            sketch = Sketch(
                document=replace(document, value=None),
                compiled=compiled,
                where=None if isinstance(where, Selector) else where,
                references=() if slipped else tuple(named_in(spec)),
                body_path=body if isinstance(body, str) and body != "." else "",
                origin=origin,
            )
            self.declared.sketches.append(sketch)
            return
        metadata = metadata_of(value["metadata"])
        own = compiled.fill({name: item for name, item in spec.items() if name not in COMMON})
        for name in (kind.body.text, kind.body.base64, kind.body.file, kind.body.tree):
            own.pop(name, None)
        blob = body if isinstance(body, Blob) else None
        if blob is not None:
            own["body"] = {"digest": blob.digest, "size": blob.size}
        self.declared.manifests.append(
            Manifest(
                document=replace(document, value=None),
                compiled=compiled,
                ref=reference(kind.kind, metadata.name, metadata.namespace),
                metadata=metadata,
                common=common_of(spec),
                spec=own,
                where=where,
                blob=blob,
                body_path=body if isinstance(body, str) else "",
                origin=origin,
                provides=subjects_of(kind.provides, own),
                uses=subjects_of(kind.uses, own),
                contains=subjects_of(kind.contains, own),
            )
        )

    def where(
        self, document: Document, spec: Mapping[str, Any], *, valid: bool
    ) -> TargetName | Selector | None:
        """The target or targets that a resource is for; None only if that has been complained about."""
        one, many = spec.get("target"), spec.get("targets")
        if one is not None and many is not None:
            self.problem(
                document, ("spec", "targets"), "target and targets do not go together", "keep one", key=True
            )
        elif isinstance(one, str):
            return TargetName(one)
        elif isinstance(many, dict):
            return self.selector(document, many)
        elif "target" not in spec and "targets" not in spec and (valid or not closest("targets", spec)):
            self.problem(
                document,
                ("spec",),
                "it is for no target",
                "add target: NAME, or targets: {matchLabels: {…}}; targets: {} means all of them",
                key=True,
            )
        return None

    def selector(self, document: Document, written: dict[str, Any]) -> Selector | None:
        def complain(path: tuple[str | int, ...], message: str, hint: str) -> None:
            full = ("spec", "targets", *path)
            self.problem(document, full, f"{shown(full)}: {message}", hint)

        try:
            return selector(written, complain)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None  # its schema has complained about it

    def common_problems(self, document: Document, compiled: CompiledKind, spec: Mapping[str, Any]) -> None:
        """What a schema cannot say about the common fields."""
        interval = spec.get("interval")
        if interval is not None and is_written(interval) and (value := seconds(interval)) is None:
            self.problem(document, ("spec", "interval"), refusal(interval), HINT)
        elif isinstance(interval, str) and (value := seconds(interval)) is not None and value < 1:
            self.problem(
                document, ("spec", "interval"), f"spec.interval is {interval}; at least 1s is wanted"
            )
        ignored = spec.get("ignoreFields")
        for index, name in enumerate(ignored if isinstance(ignored, list) else ()):
            if not isinstance(name, str) or not _FIELD_PATH.fullmatch(name):
                continue  # its schema has complained about it
            if name.split(".")[0] not in compiled.fields:
                self.problem(
                    document,
                    ("spec", "ignoreFields", index),
                    f"there is no field {name} in {with_article(compiled.kind.kind)}",
                    did_you_mean(name.split(".")[0], compiled.fields),
                )


def _is_list(value: Any) -> bool:
    """Whether a document is a Kubernetes List, whose items are documents."""
    return isinstance(value, dict) and value.get("kind") == "List" and value.get("apiVersion") == "v1"
