"""What the instances of a manifest are made of: the same on all of its targets, or made of the values of each.

Invariant: what an earlier load has made of the same is used again, and an expression is evaluated once a target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.config.bodies import BadBody, blob, body_of
from reconciler.config.contents import content_of
from reconciler.config.declared import Content, Made, Manifest, Varying, instance_digest
from reconciler.config.explain import shown
from reconciler.config.expressions import Leaf, put_in
from reconciler.config.faults import Faults
from reconciler.config.rendering import Rendering
from reconciler.config.secret_values import CHANGED, HINT, misplaced
from reconciler.model.blob import Blob
from reconciler.model.secrets import marks_in
from reconciler.model.values import Rendered

if TYPE_CHECKING:
    from reconciler.config.attached import Attachments
    from reconciler.config.complaints import Complaints
    from reconciler.config.rendering import TemplateBody
    from reconciler.config.target_values import TargetValues
    from reconciler.config.variables import Values
    from reconciler.core.vault import Vault
    from reconciler.model.names import Digest, Reference, TargetName

_SAME = b""


class Making:
    """Makes what instances are made of.

    Args:
        attachments: bodies that are files.
        values: what expressions read.
        complaints: told of what is wrong.
        broken: what has problems of its own; grows by what has no body.
        vault: lets targets have the secrets that are declared for them.

    Attributes:
        blobs: the bodies of all that was made.
    """

    def __init__(
        self,
        attachments: Attachments,
        values: Values,
        complaints: Complaints,
        broken: set[Reference],
        vault: Vault,
    ) -> None:
        self.blobs: dict[Digest, Blob] = {}
        self._attachments = attachments
        self._rendering = Rendering(attachments, complaints)
        self._values = values
        self._complaints = complaints
        self._broken = broken
        self._vault = vault

    def of(
        self, manifest: Manifest, targets: Sequence[TargetName]
    ) -> Iterator[tuple[TargetName, Made, tuple[Rendered, ...]]]:
        """What is put on each of some targets, and which fields of it were not written out."""
        if isinstance(manifest.content, Varying):
            yield from self._varying(manifest, manifest.content, targets)
            return
        made = self._made(manifest, manifest.content, manifest.made.get(_SAME))
        if made is None:
            return
        manifest.made[_SAME] = made
        for target in targets:
            yield target, made, ()

    def _made(self, manifest: Manifest, content: Content, before: Made | None) -> Made | None:
        """A content with its body; None, with a complaint, if that is not there."""
        blobs = [content.blob] if content.blob is not None else []
        spec, body = content.spec, content.blob.digest if content.blob is not None else None
        if content.body_path:
            found = self._attachments.of(manifest, content.body_path)
            if found is None:
                self._broken.add(manifest.ref)
                return None
            field, value, body, blobs = found
            spec = {**spec, field: value}
        for one in blobs:
            self.blobs.setdefault(one.digest, one)
        if before is not None and before.content is content and before.body == body:
            return before
        return Made(content, spec, instance_digest(manifest, spec), body)

    def _varying(
        self, manifest: Manifest, varying: Varying, targets: Sequence[TargetName]
    ) -> Iterator[tuple[TargetName, Made, tuple[Rendered, ...]]]:
        faults = Faults(manifest, self._complaints)
        before, manifest.made = manifest.made, {}
        sections, good = varying.sections, 0
        for target in targets:
            values = self._values.of(target)
            if not values.knows(sections):
                good += 1  # for all that is known
                continue
            faults.begin(target, values)
            context = values.context(sections) if varying.leaves else None
            given = [leaf.value(context, partial(faults.expression, leaf)) for leaf in varying.leaves]
            body = (
                self._rendering.of(manifest, varying, given) if varying.template and not faults.here else None
            )
            text = self._text(body, values, faults) if body is not None else None
            marks = self._marks(manifest, varying, given, text, values, faults)
            if faults.here or (varying.template and text is None):
                good += not faults.here
                continue
            # 1, 1.0 and true are equal, and are not the same.
            key = hashlib.blake2b(
                repr((given, text)).encode("utf-8", "surrogatepass"), digest_size=16
            ).digest()
            made = manifest.made.get(key)
            if made is None:
                known = before.get(key)
                content = (
                    known.content if known else self._content(manifest, varying, given, text, marks, faults)
                )
                made = self._made(manifest, content, known) if content is not None else None
                if made is None:
                    continue
                manifest.made[key] = made
            rendered = [_rendered(manifest, *one, values) for one in zip(varying.leaves, given, strict=True)]
            if body is not None:
                rendered.append(_rendered_body(body, values))
            good += 1
            if marks:
                about = (*made.content.provides, *made.content.shares)
                self._vault.grant(target, marks, names=(one.name for one in about), blob=made.content.blob)
            yield target, made, tuple(rendered)
        held = faults.tell(good)
        self._values.hold(held)
        if faults.wrong and not held:
            self._broken.add(manifest.ref)

    def _text(self, body: TemplateBody, values: TargetValues, faults: Faults) -> str | None:
        """What a template gives; None if it waits for facts, or gives nothing, which was complained about."""
        from reconciler.config.template_trees import TemplateError

        if not values.knows(body.template.sections):
            for missing in body.template.missing(values.look):
                faults.template(body, missing)
            return None
        try:
            text = body.render(values)
        except TemplateError as error:
            faults.template(body, error)
            return None
        kind = body.manifest.compiled.kind
        wrong = None
        if values.render_changes_secret(body.template, text):
            wrong = CHANGED, HINT
        elif values.vault is not None and marks_in(text) and body.field not in kind.secrets:
            wrong = misplaced(kind, f"spec.{body.field}")
        if wrong is not None:
            faults.template(body, body.template.mistake(*wrong), hide=False)
        return text if wrong is None else None

    def _content(
        self,
        manifest: Manifest,
        varying: Varying,
        given: Sequence[Any],
        text: str | None,
        marks: frozenset[str],
        faults: Faults,
    ) -> Content | None:
        """What a manifest is with values in the place of its expressions, if it may be that."""
        compiled = manifest.compiled
        value = put_in(
            varying.document, [(leaf.path, one) for leaf, one in zip(varying.leaves, given, strict=True)]
        )
        real = self._vault.revealed(value) if marks else value
        if not compiled.accepts(real):
            faults.schema(real, varying.leaves, secret=bool(marks))
            return None
        body = (
            body_of(compiled.kind.body, value["spec"], manifest.origin.base)
            if text is None
            else blob(text.encode())
        )
        if isinstance(body, BadBody):
            leaf = next(leaf for leaf in varying.leaves if leaf.path == ("spec", body.field))
            faults.add(leaf, 0, f"spec.{body.field}: {body.message}", body.hint)
            return None
        if marks and isinstance(body, Blob):
            body = self._vault.body(body)
        return content_of(compiled, value["spec"], body)

    def _marks(
        self,
        manifest: Manifest,
        varying: Varying,
        given: Sequence[Any],
        text: str | None,
        values: TargetValues,
        faults: Faults,
    ) -> frozenset[str]:
        """The marks of the secrets in it; one that may not stand where it does, or not as it does, is complained of."""
        if values.vault is None or faults.here:
            return frozenset()
        kind = manifest.compiled.kind
        for leaf, value in zip(varying.leaves, given, strict=True):
            if values.changes_secret(leaf, value):
                faults.add(leaf, 0, f"{shown(leaf.path)}: {CHANGED}", HINT)
            elif marks_in(value) and str(leaf.path[1]) not in kind.secrets:
                faults.add(leaf, 0, *misplaced(kind, shown(leaf.path)))
        return marks_in([*given, text])


def _rendered_body(body: TemplateBody, values: TargetValues) -> Rendered:
    """Where the text of a template came from."""
    reads = [read for path in body.template.reads if (read := values.read(path)) is not None]
    return Rendered(body.field, body.path, None, tuple(reads), body=True)


def _rendered(manifest: Manifest, leaf: Leaf, value: Any, values: TargetValues) -> Rendered:
    """Where a field came from."""
    body = leaf.path == ("spec", manifest.compiled.kind.body.text)
    paths = dict.fromkeys(path for expression in leaf.expressions for path in expression.reads)
    reads = [read for path in paths if (read := values.read(path)) is not None]
    return Rendered(shown(leaf.path[1:]), leaf.written, None if body else value, tuple(reads), body)
