"""One manifest file to what it declares, looked at by itself, before any target.

Everything is valid and typed then, with defaults and bodies. Invariant: the result depends on the file's
content and path, the catalog and the controller's directories only, so that it can be kept by digest and
shared between loads. What needs other files (targets, references, claims, bodies that are files) is for
`expand`.

All of them are looked at in one go, document by document, and so it is longer than a module should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.config.bodies import BadBody, body_of, given
from reconciler.config.builtin import VARS
from reconciler.config.common import common_problems, label_problems
from reconciler.config.contents import content_of
from reconciler.config.declared import FileDeclarations, Manifest, Sketch, Variables, Varying
from reconciler.config.explain import explain, shown
from reconciler.config.expressions import Leaf, may_have_expressions, place, taken_out
from reconciler.config.fields import common_of, metadata_of, name_of, named_in
from reconciler.config.inventory.fleet import fleet_of
from reconciler.config.inventory.kind import INVENTORY
from reconciler.config.own_reading import READERS
from reconciler.config.rendering import inline_problems, is_template, template_problems, unrendered
from reconciler.config.schemas import CompiledKind, Kinds
from reconciler.config.secret_values import has_secret
from reconciler.config.selectors import selector
from reconciler.config.slips import looked_through, may_have_slips
from reconciler.config.sops_manifests import manifest_in
from reconciler.config.strangers import meant_kind, strange_kind
from reconciler.config.targets import ControllerPaths
from reconciler.config.variables import value_problems
from reconciler.core.suggest import closest
from reconciler.documents.reading import Document, Documents, Locator, read_documents
from reconciler.model.names import TargetName, reference
from reconciler.model.origin import Origin
from reconciler.model.selector import Selector

if TYPE_CHECKING:
    from reconciler.config.cel import ExpressionError


def evaluate(path: str, data: bytes, kinds: Kinds, controller: ControllerPaths) -> FileDeclarations:
    """What a file declares. Problems are returned, never raised."""
    return declarations(read_documents(path, data), kinds, controller)


def declarations(read: Documents, kinds: Kinds, controller: ControllerPaths) -> FileDeclarations:
    """What documents declare, from wherever they were read. Problems are returned, never raised."""
    declared = FileDeclarations(problems=list(read.problems), lost=read.lost)
    if read.places is not None:
        evaluator = _Evaluator(read.places, kinds, controller, declared)
        for document in read.documents:
            complain = partial(evaluator.problem, document)
            if (manifest := manifest_in(document, read.places.file.path, complain)) is not None:
                evaluator.document(manifest)
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
        searched = places.searched
        self.braces = "{{" in searched or "{%" in searched or ".j" in searched
        self.varying = may_have_expressions(searched)

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
        return self.places.origin_of(document, self.controller.root)

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
            where, message, hint, key = strange_kind(value, self.kinds)
            if isinstance(kind, str) and isinstance(api_version, str):
                self.declared.broken.add(name_of({**value, "kind": meant_kind(kind, self.kinds)}))
            self.problem(document, where, message, hint, key=key)
            return
        self.declared.foreign = False
        leaves: list[Leaf] = []
        if self.varying and compiled.kind.package:
            document, leaves = self.expressions(document, compiled)
        valid = compiled.accepts(document.value)
        if not valid:
            unknown = [leaf.path for leaf in leaves]
            found = explain(self.places, document, compiled, unknown=unknown)
            self.declared.problems += found
            valid = bool(leaves) and not found and len(self.declared.problems) == before
        for path, message, hint in label_problems(value.get("metadata")):
            self.problem(document, path, message, hint, key=True)
        if compiled.kind.package:
            self.resource(document, compiled, leaves, valid=valid, slipped=slipped)
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

    def expression(
        self, document: Document, path: tuple[str | int, ...], count: int, error: ExpressionError
    ) -> None:
        """Something is wrong with an expression in a string."""
        node = self.places.locate(document, path).node
        at = place(self.places.file.text, node.index, node.end, count, error.offset)
        self.declared.problems.append(
            self.places.file.problem(at, f"{shown(path)}: {error.message}", error.hint)
        )
        node.broken = True

    def expressions(self, document: Document, compiled: CompiledKind) -> tuple[Document, list[Leaf]]:
        """A document without escapes, and the strings in it that have expressions."""
        body, spec = compiled.kind.body, document.value.get("spec")
        text = isinstance(spec, dict) and is_template(compiled, spec)
        skipped = frozenset({("spec", body.text), ("spec", body.base64)} if text else ())
        value, leaves = taken_out(document.value, skipped, partial(self.expression, document))
        for leaf in leaves:
            if leaf.path[1] == body.tree:
                message = f"no expression can stand in {shown(leaf.path)}: what a tree holds is no manifest"
                self.problem(document, leaf.path, message, "write what it stands for")
        return replace(document, value=value), leaves

    def own(self, document: Document, compiled: CompiledKind) -> None:
        value, origin = document.value, self.origin(document)

        def complain(path: tuple[str | int, ...], message: str, hint: str) -> None:
            self.problem(document, ("spec", *path), message, hint)

        if compiled.kind is VARS:
            self.variables(document, value, origin)
        elif compiled.kind is INVENTORY:
            self.declared.add(fleet_of(document, origin, self.places, self.controller, complain))
        else:
            given = (value["metadata"], value["spec"], origin, self.controller, complain)
            READERS[compiled.kind.kind](self.declared, given, document.where())

    def variables(self, document: Document, value: Mapping[str, Any], origin: Origin) -> None:
        """A Vars that is valid by its schema."""
        kept = document.where()
        leaves: list[Leaf] = []
        where = self.where(document, value["spec"], valid=True)
        if self.varying:
            value, leaves = taken_out(value, frozenset(), partial(self.expression, document))
        values, good = value["spec"]["values"], dict(value["spec"]["values"])
        for path, message, hint, key in value_problems(values, leaves):
            self.problem(document, ("spec", "values", *path), message, hint, key=key)
            good.pop(path[0], None)
        if where is not None:
            left = tuple(leaf for leaf in leaves if leaf.path[2] in good)
            secret = frozenset(name for name, item in good.items() if has_secret(item))
            self.declared.variables.append(Variables(kept, name_of(value), where, good, origin, left, secret))

    def resource(
        self, document: Document, compiled: CompiledKind, leaves: list[Leaf], *, valid: bool, slipped: bool
    ) -> None:
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
        template = is_template(compiled, spec)
        if template and valid:
            for name, message, hint in template_problems(compiled, spec):
                self.problem(document, ("spec", name), message, hint, key=True)
            self.declared.problems += inline_problems(self.places, document, compiled, spec)
        for path, message, hint in common_problems(compiled, spec):
            self.problem(document, path, message, hint)
        varying = {leaf.path for leaf in leaves}
        known = (
            {name: item for name, item in spec.items() if ("spec", name) not in varying} if varying else spec
        )
        body = body_of(kind.body, known, origin.base)
        bodies = given(kind.body, spec)
        if valid and len(bodies) > 1:
            path = ("spec", bodies[1])
            self.problem(document, path, f"{' and '.join(bodies)} do not go together", "keep one", key=True)
        if isinstance(body, BadBody):
            self.problem(document, ("spec", body.field), f"spec.{body.field}: {body.message}", body.hint)
        elif isinstance(body, str):
            (self.declared.trees if kind.body.tree else self.declared.bodies).add(body)
        if not valid or where is None or isinstance(body, BadBody) or len(self.declared.problems) > before:
            sketch = Sketch(
                document=document.where(),
                compiled=compiled,
                where=None if isinstance(where, Selector) else where,
                references=() if slipped else tuple(named_in(spec)),
                body_path=body if isinstance(body, str) and body != "." else "",
                origin=origin,
            )
            self.declared.sketches.append(sketch)
            return
        metadata = metadata_of(value["metadata"])
        varies = leaves or template
        content = Varying(value, tuple(leaves), template) if varies else content_of(compiled, spec, body)
        self.declared.manifests.append(
            Manifest(
                document=document.where(),
                compiled=compiled,
                ref=reference(kind.kind, metadata.name, metadata.namespace),
                metadata=metadata,
                common=common_of(spec),
                where=where,
                origin=origin,
                content=content,
                unrendered=unrendered(compiled, spec) if self.braces else None,
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


def _is_list(value: Any) -> bool:
    """Whether a document is a Kubernetes List, whose items are documents."""
    return isinstance(value, dict) and value.get("kind") == "List" and value.get("apiVersion") == "v1"
