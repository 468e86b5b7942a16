"""What gets into a value or a key by accident: characters that nobody sees, and templates.

Each is named as what it is, where it stands, before a schema complains about its consequences. Invariant: what is
meant can be declared. A character that is written as an escape in double quotes is never a slip, and neither is
anything in the text of a body, in annotations, or below a `|` or `>`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.builtin import COMMON
from reconciler.config.explain import shown
from reconciler.config.schemas import CompiledKind, Kinds
from reconciler.documents.invisible import INVISIBLE, escaped, instead, name_of, without
from reconciler.documents.leftovers import BRACES, FOLDED, NOT_HERE, NOT_RENDERED, OF_A_TARGET
from reconciler.documents.nodes import Located, Node, plain
from reconciler.documents.reading import Document, Locator
from reconciler.errors import Problem
from reconciler.model.envelope import API_VERSION

Path = tuple[str | int, ...]

_ANY = r"^[^\x00]*$"
"""The pattern of any text that an argument can be."""
_NAMES = frozenset((name,) for name in COMMON)


def may_have_slips(text: str) -> bool:
    """Whether a file is worth looking through."""
    templates = any(begins in text for begins in ("{{", "{%", "${"))  # much sooner known
    return bool((templates and FOLDED.search(text)) or (not text.isascii() and INVISIBLE.search(text)))


def looked_through(places: Locator, document: Document, kinds: Kinds, problems: list[Problem]) -> Document:
    """A document as it was meant, with a problem for each slip in it."""
    value = document.value
    ours = isinstance(value, dict) and value.get("apiVersion") == API_VERSION
    rules = _Rules(kinds.texts, ours=ours, schema=_schema(value, kinds))
    found = list(_suspects(value, (), rules))
    if not found:
        return document
    slips = _Slips(places, document, problems, rules, taken=_taken(value, kinds))
    slipped = False
    for path, is_key in reversed(found):  # what lies deeper is still found by its path then
        located = places.locate(document, path)
        if not located.broken:
            slipped |= slips.key(path, located) if is_key else slips.value(path, located.node)
    root = places.locate(document, ()).node
    # What is indented otherwise than it looks is all in the wrong place.
    root.broken |= slips.indented
    return replace(document, value=plain(root)) if slipped else document


def _compiled(value: Any, kinds: Kinds) -> CompiledKind | None:
    match value:
        case {"apiVersion": str(api_version), "kind": str(kind)}:
            return kinds.get(api_version, kind)
    return None


def _taken(value: Any, kinds: Kinds) -> bool:
    """Whether a document would be taken as it is."""
    compiled = _compiled(value, kinds)
    return compiled is not None and compiled.accepts(value)


def _schema(value: Any, kinds: Kinds) -> Mapping[str, Any]:
    """What a document's kind says of its spec."""
    compiled = _compiled(value, kinds)
    return {} if compiled is None else compiled.kind.schema


@dataclass(frozen=True, slots=True)
class _Rules:
    """What may stand where.

    Attributes:
        texts: the fields of a spec that hold any text.
        ours: whether all that a spec holds are names, paths and the like.
        schema: what the kind says of the spec.
    """

    texts: Collection[str]
    ours: bool
    schema: Mapping[str, Any]

    def free(self, path: Path) -> bool:
        """Whether anything may stand there."""
        return path[:2] == ("metadata", "annotations") or (
            len(path) == 2 and path[0] == "spec" and path[1] in self.texts
        )

    def template(self, path: Path) -> re.Pattern[str] | None:
        """What can only be a mistake there. Commands and environments have braces of their own."""
        if path[:1] != ("spec",) or self.ours or len(path) < 2 or path[1] in COMMON:
            return None if self.ours and path[:2] == ("spec", "values") else FOLDED
        if len(path) == 2:
            return BRACES
        schema = self.schema
        for step in path[1:]:
            below = schema.get("properties", {}).get(step) if isinstance(step, str) else schema.get("items")
            below = below or schema.get("additionalProperties")
            schema = below if isinstance(below, Mapping) else {}
        # What has a form is a name, a path or a glob of them, and what has none is any text.
        return BRACES if schema.get("pattern", _ANY) != _ANY else None


def _suspects(value: Any, path: Path, rules: _Rules) -> Iterator[tuple[Path, bool]]:
    """Where something may have slipped in, and whether into a key, which comes before what it holds."""
    if rules.free(path):
        return
    if isinstance(value, dict):
        for key, child in value.items():
            if INVISIBLE.search(key):
                yield (*path, key), True
            yield from _suspects(child, (*path, key), rules)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _suspects(child, (*path, index), rules)
    elif isinstance(value, str):
        template = rules.template(path)
        if INVISIBLE.search(value) or (template is not None and template.search(value)):
            yield path, False


class _Slips:
    """Complains about those of one document, and puts right what was read.

    Attributes:
        rules: what may stand where.
        taken: whether the document would be taken as it is: only then an escape is offered to who means it.
        indented: whether lines are indented with what is no space.
    """

    def __init__(
        self, places: Locator, document: Document, problems: list[Problem], rules: _Rules, *, taken: bool
    ) -> None:
        self.rules = rules
        self.places = places
        self.document = document
        self.problems = problems
        self.taken = taken
        self.indented = False
        self.told: set[int] = set()

    def complain(self, index: int, message: str, hint: str) -> None:
        self.problems.append(self.places.file.problem(index, message, hint))

    def key(self, path: Path, located: Located) -> bool:
        """Whether the key that a path ends with has something in it that nobody sees."""
        file, key = self.places.file, str(path[-1])
        found = INVISIBLE.search(file.text, located.key, located.key + len(key) + 1)
        if found is None:
            return False
        clean = without(key).strip()
        _rename(self.places.locate(self.document, path[:-1]).node, key, clean)
        if found.start() in self.told:
            return True  # what is merged stands in several places, and is written in one
        self.told.add(found.start())
        before = file.text[file.line_start(file.place(found.start())[0]) : found.start()]
        if without(before).strip():
            self.complain(found.start(), f"{name_of(found.group())} in the key {clean!r}", "delete it")
        else:
            message = f"{name_of(found.group())} in the indentation; YAML indents with ordinary spaces only"
            self.complain(found.start(), message, instead(found.group()))
            self.indented = True
        return True

    def value(self, path: Path, node: Node) -> bool:
        """Whether a scalar has something in it that slipped in."""
        what, text = shown(path) or "this document", self.places.file.text
        template = self.rules.template(path)
        if node.block:
            return False
        if found := INVISIBLE.search(text, node.index, node.end):
            character = found.group()
            clean = without(node.value).strip()
            # A name holds no spaces at all, and nothing that is declared begins or ends with one.
            inside = path[:1] == ("spec",) and path[1:2] not in _NAMES and clean == without(node.value)
            hint = instead(character) if inside else "delete it"
            meant = f"; if it is meant, write {escaped(character)} in double quotes" if self.taken else ""
            self.complain(found.start(), f"{name_of(character)} in {what}", hint + meant)
            node.value = clean
        elif template is not None and (found := template.search(text, node.index, node.end)):
            folded, begins = " ".join(found.group().split()), escaped(found.group()[0]) + found.group()[1]
            meant = f"; braces that are meant are written {begins} in double quotes" if self.taken else ""
            said, hint = ("a template", NOT_RENDERED if template is FOLDED else OF_A_TARGET)
            if folded.startswith("$"):
                said, hint = "an expression", NOT_HERE
            self.complain(found.start(), f"{what} holds {said}, {folded}", hint + meant)
        else:
            return False
        node.broken = True
        return True


def _rename(parent: Node, key: str, clean: str) -> None:
    if parent.fields is not None and clean not in parent.fields:
        parent.fields = {clean if name == key else name: found for name, found in parent.fields.items()}
