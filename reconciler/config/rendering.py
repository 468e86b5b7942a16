"""Bodies that are templates: which template a manifest has, and what it gives on a target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.config.bodies import BadBody, body_of
from reconciler.core.spoken import with_article
from reconciler.documents.inside import within
from reconciler.documents.leftovers import BRACES
from reconciler.documents.text import FileText

if TYPE_CHECKING:
    from reconciler.config.attached import Attachments
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Manifest, Varying
    from reconciler.config.schemas import CompiledKind
    from reconciler.config.target_values import TargetValues
    from reconciler.config.template_trees import TemplateError
    from reconciler.config.templates import Template
    from reconciler.documents.reading import Document, Locator
    from reconciler.errors import Problem

_ENDINGS = (".j2", ".jinja", ".jinja2")


def is_template(compiled: CompiledKind, spec: Mapping[str, Any]) -> bool:
    """Whether the body of a resource is a template."""
    name = compiled.kind.body.template
    return bool(name) and spec.get(name) is True


def template_problems(compiled: CompiledKind, spec: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What is wrong with how a template is given: field, message and hint."""
    body = compiled.kind.body
    name = body.template
    texts = [field for field in (body.text, body.file) if field]
    if body.base64 and body.base64 in spec:
        yield body.base64, f"{body.base64} and {name}: true do not go together", f"put it into {texts[0]}"
    elif not any(field in spec for field in texts):
        kind = with_article(compiled.kind.kind)
        yield name, f"{name}: true says how the body of {kind} is made, and there is none", f"add {texts[0]}"


def inline_problems(
    places: Locator, document: Document, compiled: CompiledKind, spec: Mapping[str, Any]
) -> Iterator[Problem]:
    """What is wrong with a template that stands in a manifest, whatever its values are."""
    name = compiled.kind.body.text
    text = spec.get(name)
    if isinstance(text, str):
        from reconciler.config.template_trees import TemplateError
        from reconciler.config.templates import compile_template

        try:
            compile_template(text)
        except TemplateError as error:
            node = places.locate(document, ("spec", name)).node
            at, besides = within(places.file, node, text, error.line, error.column)
            yield places.file.problem(at, error.message + besides, error.hint)


def unrendered(compiled: CompiledKind, spec: Mapping[str, Any]) -> tuple[str, str] | None:
    """A field whose body looks like a template and is none, with what it is told by; None where there is none."""
    body = compiled.kind.body
    if not body.template or body.template in spec:
        return None
    text, file = spec.get(body.text), spec.get(body.file)
    if isinstance(text, str) and (found := BRACES.search(text)):
        return (
            body.text,
            f"spec.{body.text} holds a template, {' '.join(found.group().split())}, and is not rendered",
        )
    if isinstance(file, str) and file.endswith(_ENDINGS):
        return body.file, f"spec.{body.file}: {file} is called a template, and is not rendered"
    return None


class Rendering:
    """The templates of a source.

    Args:
        attachments: bodies that are files.
        complaints: told of what is wrong with one wherever it is used.
    """

    def __init__(self, attachments: Attachments, complaints: Complaints) -> None:
        self._attachments = attachments
        self._complaints = complaints
        self._files: dict[str, Template | None] = {}

    def of(self, manifest: Manifest, varying: Varying, given: Sequence[Any]) -> TemplateBody | None:
        """The template of a manifest; None, with a complaint, if there is none."""
        from reconciler.config.templates import compile_template

        body, spec = manifest.compiled.kind.body, varying.document["spec"]
        if body.text in spec:
            return TemplateBody(manifest, self._complaints, compile_template(spec[body.text]))
        values = {leaf.path: value for leaf, value in zip(varying.leaves, given, strict=True)}
        path = body_of(
            body, {body.file: values.get(("spec", body.file), spec[body.file])}, manifest.origin.base
        )
        if isinstance(path, BadBody):
            self._complaints.problem(
                manifest, ("spec", path.field), f"spec.{path.field}: {path.message}", path.hint
            )
            return None
        assert isinstance(path, str)  # noqa: S101 - the schema has seen to it
        if path not in self._files:
            self._files[path] = self._read(manifest, path)
        found = self._files[path]
        return None if found is None else TemplateBody(manifest, self._complaints, found, path=path)

    def _read(self, manifest: Manifest, path: str) -> Template | None:
        from reconciler.config.template_trees import TemplateError
        from reconciler.config.templates import compile_file

        content = self._attachments.content(manifest, path)
        if content is None:
            return None
        try:
            text = content.decode()
        except UnicodeDecodeError:
            field = manifest.compiled.kind.body.file
            message = f"spec.{field}: {path} is no text in UTF-8, so it is no template"
            self._complaints.problem(manifest, ("spec", field), message, "leave template out")
            return None
        try:
            return compile_file(path, text, self._attachments.text)
        except TemplateError as error:
            self._complaints.problems.append(_at(error, error.message, error.hint))
            return None


class TemplateBody:
    """A template as some manifest has it.

    Attributes:
        template: compiled.
        path: of the file that it is in, or "".
        manifest: whose it is.
        field: of the spec, by which it has it.
    """

    def __init__(
        self, manifest: Manifest, complaints: Complaints, template: Template, *, path: str = ""
    ) -> None:
        self.template = template
        self.path = path
        self.manifest = manifest
        body = manifest.compiled.kind.body
        self.field = body.file if path else body.text
        self._complaints = complaints

    def problem(self, error: TemplateError, message: str, hint: str) -> Problem:
        """What is wrong with it, at its place."""
        if error.file:
            return _at(error, message, hint)
        at = error.line, error.column
        return self._complaints.in_text(self.manifest, ("spec", self.field), error.text, at, message, hint)

    def render(self, values: TargetValues) -> str:
        """What it gives.

        Raises:
            TemplateError: nothing.
        """
        return self.template.render(values.variables(self.template.sections))


def _at(error: TemplateError, message: str, hint: str) -> Problem:
    file = FileText(error.file, error.text)
    return file.problem(file.line_start(error.line) + error.column - 1, message, hint)
