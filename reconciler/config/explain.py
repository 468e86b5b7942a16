"""What a schema's complaint means to a person: which field, what is wrong, and what to write instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from reconciler.config import combining, habits, naming, offers
from reconciler.config.builtin import COMMON, MEANINGS
from reconciler.config.schemas import CompiledKind
from reconciler.config.secret_values import is_secret
from reconciler.core.spoken import listed, lowered, with_article
from reconciler.core.suggest import closest, did_you_mean
from reconciler.documents.reading import Document, Locator
from reconciler.errors import Problem

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "nothing",
}
_MANY = 12
_OF_ITSELF = {"enum", "type", "pattern"}
_TOGETHER = {"oneOf", "anyOf", "not"}

Path: TypeAlias = tuple[str | int, ...]


def explain(
    places: Locator,
    document: Document,
    kind: CompiledKind,
    *,
    unknown: Collection[Path] = (),
    rendered: Collection[Path] = (),
) -> list[Problem]:
    """Everything that a kind's schema has against a document.

    Args:
        places: of its file.
        document: with its value.
        kind: its kind.
        unknown: where something stands that is not known yet. Nothing is said of that, nor of what depends on it.
        rendered: where something stands that is not what is written there.
    """
    explainer = _Explainer(places, document, kind, rendered)
    errors = [error for error in kind.errors(document.value) if not _depends(error, unknown)]
    for error in errors:
        if error.kind.name == "additionalProperties":
            explainer.unknown_fields(error)
    mistyped = {tuple(error.instance_path) for error in errors if error.kind.name == "type"}
    misspelt = {tuple(error.instance_path) for error in errors if error.kind.name == "pattern"}
    wrong = {tuple(error.instance_path) for error in errors if error.kind.name in _OF_ITSELF}
    for error in errors:
        # What is of another type is none of the allowed values, and what is misspelt has no right length: one mistake.
        keyword, path = error.kind.name, tuple(error.instance_path)
        again = keyword in {"enum", "pattern"} and path in mistyped
        again |= keyword in {"minLength", "maxLength"} and path in misspelt
        # What a field says decides which others go with it: while it says nothing that it can, nothing is said of them.
        again |= keyword in _TOGETHER and any((*path, field) in wrong for field in explainer.fields_of(error))
        if error.kind.name != "additionalProperties" and not again:
            explainer.error(error)
    return explainer.problems


def _depends(error: ValidationError, unknown: Collection[Path]) -> bool:
    """Whether an error may be none once everything is known."""
    path = tuple(error.instance_path)
    together = error.kind.name in {"oneOf", "anyOf", "allOf", "not", "uniqueItems", "enum"}
    return any(path == one or (together and path == one[: len(path)]) for one in unknown)


def shown(path: Sequence[str | int]) -> str:
    """A path as people write it: `spec.require[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Explainer:
    def __init__(
        self, places: Locator, document: Document, kind: CompiledKind, rendered: Collection[Path]
    ) -> None:
        self.rendered = rendered
        self.places = places
        self.document = document
        self.kind = kind
        self._problems: dict[Problem, None] = {}
        self.meant: set[tuple[str | int, ...]] = set()

    def add(self, path: Sequence[str | int], message: str, hint: str = "", *, key: bool = False) -> None:
        problem = self.places.problem(self.document, path, message, hint, key=key)
        if problem is not None:
            self._problems[problem] = None

    @property
    def problems(self) -> list[Problem]:
        """Each once, in the order in which they were found."""
        return list(self._problems)

    def unknown_fields(self, error: ValidationError) -> None:
        path = tuple(error.instance_path)
        schema, written = self.schema_at(error.schema_path[:-1]), cast("Any", error.instance)
        known = schema.get("properties", {})
        missing = [name for name in schema.get("required", ()) if name not in written]
        about: Any = error.kind
        for name in about.unexpected:
            full = (*path, name)
            ours, advice = habits.habitual(name, known)
            meant = (
                offers.ours(self.kind.kind.elsewhere, path).get(name) or closest(name, missing) or ours
            ) or ("" if advice else closest(name, known))
            if meant and meant in written:
                hint = f"{meant} is there already: leave one of the two out"
            elif meant:
                self.meant.add((*path, meant))
                hint = f"did you mean {meant!r}?"
            else:
                own = [name for name in known if name not in COMMON]
                hint = (
                    advice
                    or habits.misplaced(name, path, self.document.value, self.kind.schema)
                    or offers.label(name, written[name], schema)
                    or (
                        f"there are {', '.join(known if len(known) <= _MANY else own)}"
                        if len(own) <= _MANY
                        else f"see: froyo explain {self.kind.kind.kind}"
                    )
                )
            self.add(
                full,
                f"there is no field {shown(full)} in {with_article(self.kind.kind.kind)}",
                hint,
                key=True,
            )

    def error(self, error: ValidationError) -> None:
        path = tuple(error.instance_path)
        name = shown(path) or f"this {self.kind.kind.kind}"
        about: Any = error.kind
        value: Any = error.instance
        keyword = about.name
        if keyword == "required":
            self.required(path, about.property)
        elif keyword == "type":
            self.type(path, name, error)
        elif keyword == "enum":
            options = [option for option in about.options if option is not None]
            choice = listed([str(option) for option in options], "or")
            given = repr(value) if isinstance(value, str) else naming.what(value)
            ours = offers.ours(self.kind.kind.elsewhere, path[:-1], path[-1]).get(str(value), str(value))
            hint = did_you_mean(ours, map(str, options))
            self.add(path, f"{name} is {given}; it can be {choice}", hint)
        elif keyword == "pattern":
            meaning = MEANINGS.get(about.pattern, "")
            self.add(
                path,
                f"{name} cannot be {naming.short(value)}" + (f": wanted is {meaning}" if meaning else ""),
                offers.apart(value, path, about.pattern)
                or offers.behind(self.kind.kind.elsewhere, value, path, about.pattern, self.kind.schema)
                or (offers.named if meaning else offers.completed)(
                    value, about.pattern, self.description(error)
                ),
            )
        elif keyword in _TOGETHER:
            self.together(path, name, error)
        else:
            self.add(
                path,
                naming.limit(keyword, about, value, name) or f"{name}: {error.message}",
                self.description(error),
            )

    def required(self, path: tuple[str | int, ...], missing: str) -> None:
        full = (*path, missing)
        if full not in self.meant:
            description: Mapping[str, Any] = self.kind.schema
            for part in full:
                description = _child(description, part)
            meaning = naming.first_sentence(description)
            hint = f"add {missing}: {lowered(meaning)}" if meaning else ""
            self.add(path, f"{shown(full)} is missing", hint, key=True)

    def type(self, path: tuple[str | int, ...], name: str, error: ValidationError) -> None:
        about: Any = error.kind
        types, value, wanted = about.types, error.instance, " or ".join(_TYPES[kind] for kind in about.types)
        plain = None if path in self.rendered else self.places.locate(self.document, path).node.plain
        if value is None:
            needed = path[-1:] and path[-1] in self.schema_at(error.schema_path[:-3]).get("required", ())
            otherwise = "" if needed else ", or leave it out"
            self.add(path, f"{name} is empty; it has to be {wanted}", f"give it a value{otherwise}")
        elif is_secret(value):
            told = f"{name} has to be {wanted}, and a secret is declared among the values of a Vars"
            self.add(path, told, "declare it there, and write ${vars.NAME} here")
        elif plain is not None and "string" in types:
            schema = self.schema_at(error.schema_path[:-1])
            options = [str(one) for one in schema.get("enum", ())]
            otherwise = f"it can be {listed(options, 'or')}" if options else self.description(error)
            self.add(
                path,
                f"{name} has to be {wanted}, and unquoted {plain} is {naming.what(value)}",
                offers.quoted(plain, value, schema) or otherwise,
            )
        else:
            *above, field, _ = error.schema_path
            hint = offers.instead(value, types, self.schema_at(error.schema_path[:-1]))
            hint = hint or offers.singular_or_plural(str(field), value, self.schema_at(above))
            self.add(
                path, f"{name} has to be {wanted}, not {naming.what(value)}", hint or self.description(error)
            )

    def together(self, path: tuple[str | int, ...], name: str, error: ValidationError) -> None:
        """`oneOf`, `anyOf` and `not` over `required`: which fields go together; over items: what one has."""
        keyword = error.kind.name
        above = error.schema_path[:-1]
        schema: Any = self.schema_at(above)
        whole: Any = self.schema_at(above[:-2] if above[-2:-1] == ["allOf"] else above)
        groups = combining.groups(schema.get(keyword))
        value: Any = error.instance
        if keyword == "not" and (pattern := combining.wanted_of_one(schema["not"])):
            if isinstance(value, list) and value:  # what else it is has been complained about
                self.add(path, f"no item of {name} has a {pattern} in it", self.description(error))
            return
        if groups and not isinstance(value, Mapping):
            return  # its type has been complained about
        if not groups:
            self.add(path, f"{name}: {error.message}", self.description(error))
            return
        meant = {str(one[-1]) for one in self.meant if one[:-1] == path}
        found = list(combining.complaints(schema, whole, keyword, value, name, meant))
        if not found and keyword == "not":
            self.add(path, f"{name}: {error.message}", self.description(error))
        for field, message, hint in found:
            full = path if field is None else (*path, field)
            self.add(full, message, hint, key=True)

    def fields_of(self, error: ValidationError) -> Collection[str]:
        """The fields of which an error says how they go together."""
        return combining.fields(self.schema_at(error.schema_path[:-1]).get(error.kind.name))

    def schema_at(self, path: Sequence[str | int]) -> Mapping[str, Any]:
        schema: Any = self.kind.schema
        for part in path:
            schema = schema[part]
        return schema if isinstance(schema, Mapping) else {}

    def description(self, error: ValidationError) -> str:
        return naming.first_sentence(self.schema_at(error.schema_path[:-1]))


def _child(schema: Mapping[str, Any], part: str | int) -> Mapping[str, Any]:
    if isinstance(part, int):
        found = schema.get("items", {})
    else:
        found = schema.get("properties", {}).get(part) or schema.get("additionalProperties") or {}
    return found if isinstance(found, Mapping) else {}
