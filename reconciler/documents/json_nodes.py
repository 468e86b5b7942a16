"""JSON to trees with places: the careful reader, for a file in which something must be explained.

Several documents may follow one another, as `kubectl` takes them. The first syntax error ends the reading:
JSON has no marker from which to go on.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError
from json.decoder import scanstring as scan_string  # type: ignore[attr-defined] # undocumented, stable since 2.6
from typing import NoReturn

from reconciler.documents.invisible import INVISIBLE, instead, name_of
from reconciler.documents.leftovers import NOT_RENDERED, TEMPLATE
from reconciler.documents.nodes import DocumentTrees, Node
from reconciler.documents.text import FileText
from reconciler.documents.values import MAX_DEPTH

_SPACE = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n\ufeff]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORDS = {"true": True, "false": False, "null": None}
MAX_DIGITS = 400


class _Broken(Exception):
    def __init__(self, index: int, message: str, hint: str = "") -> None:
        self.index = index
        self.message = message
        self.hint = hint


def read_nodes(file: FileText, start: int, end: int) -> DocumentTrees:
    """Read the documents of a stretch of a JSON file."""
    stream = DocumentTrees()
    reader = _Reader(file, stream)
    index = skip_between(file.text, start)
    while index < end:
        try:
            root, index = reader.value(index, 0)
        except _Broken as broken:
            stream.problems.append(file.problem(broken.index, broken.message, broken.hint))
            stream.lost = file.text[index:]
            stream.roots.append(None)
            break
        stream.roots.append(root)
        index = skip_between(file.text, index)
    return stream


def skip_space(text: str, index: int) -> int:
    """Where the next character stands that is no white space."""
    match = _SPACE.match(text, index)
    return match.end() if match else index


def skip_between(text: str, index: int) -> int:
    """Where the next document begins: each may have a byte order mark, as files have that were put together."""
    match = _BETWEEN.match(text, index)
    return match.end() if match else index


class _Reader:
    """A recursive descent over one text."""

    def __init__(self, file: FileText, stream: DocumentTrees) -> None:
        self.file = file
        self.text = file.text
        self.stream = stream

    def value(self, index: int, depth: int) -> tuple[Node, int]:
        character = self.text[index : index + 1]
        if character == "{":
            return self.mapping(index, depth)
        if character == "[":
            return self.sequence(index, depth)
        if character == '"':
            value, end = self.string(index)
            return Node(index, value, end=end), end
        if number := _NUMBER.match(self.text, index):
            return self.number(index, number)
        if (word := _WORD.match(self.text, index)) and word.group() in _WORDS:
            return Node(index, _WORDS[word.group()], plain=word.group()), word.end()
        return self.expected(index, "a value")

    def number(self, index: int, number: re.Match[str]) -> tuple[Node, int]:
        text = number.group()
        value = (
            float(text) if number["fraction"] or number["exponent"] or len(text) > MAX_DIGITS else int(text)
        )
        if value in {float("inf"), float("-inf")}:
            raise _Broken(index, "this number is too large")
        if self.text[number.end() : number.end() + 1].isalnum():
            raise _Broken(index, "this is no number as JSON has them", "a number has no leading zero")
        return Node(index, value, plain=text), number.end()

    def string(self, index: int) -> tuple[str, int]:
        try:
            value, end = scan_string(self.text, index + 1)
        except JSONDecodeError as error:
            what = error.msg.split(" at")[0].split(": ")[0]
            if what.startswith("Unterminated"):
                raise _Broken(index, "the string that begins here is never closed") from None
            if what.startswith("Invalid control"):
                raise _Broken(
                    error.pos, "a line end or control character inside a string", 'write "\\n" or "\\t"'
                ) from None
            raise _Broken(
                error.pos, "an escape that JSON does not know", "a backslash is written \\\\"
            ) from None
        if _SURROGATE.search(value):
            raise _Broken(index, "this string holds one half of a surrogate pair, which is no character")
        return value, end

    def mapping(self, index: int, depth: int) -> tuple[Node, int]:
        if depth == MAX_DEPTH:
            raise _Broken(index, f"nested more than {MAX_DEPTH} levels deep")
        fields: dict[str, tuple[int, Node]] = {}
        at = skip_space(self.text, index + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                self.expected(at, "a key in double quotes")
            key, end = self.string(at)
            colon = skip_space(self.text, end)
            if self.text[colon : colon + 1] != ":":
                raise _Broken(colon, f"a ':' is expected after the key {key!r}")
            child, end = self.value(skip_space(self.text, colon + 1), depth + 1)
            if key in fields:
                line, _ = self.file.place(fields[key][0])
                self.stream.problems.append(
                    self.file.problem(
                        at, f"the key {key!r} stands here a second time; first in line {line}", "keep one"
                    )
                )
            else:
                fields[key] = (at, child)
            at = self.after_item(end, "}", index)
        return Node(index, fields=fields), at + 1

    def sequence(self, index: int, depth: int) -> tuple[Node, int]:
        if depth == MAX_DEPTH:
            raise _Broken(index, f"nested more than {MAX_DEPTH} levels deep")
        items: list[Node] = []
        at = skip_space(self.text, index + 1)
        while self.text[at : at + 1] != "]":
            child, end = self.value(at, depth + 1)
            items.append(child)
            at = self.after_item(end, "]", index)
        return Node(index, items=items), at + 1

    def after_item(self, index: int, closer: str, opened: int) -> int:
        """Where the next item or the closing bracket stands."""
        at = skip_space(self.text, index)
        character = self.text[at : at + 1]
        if character == closer:
            return at
        if not character:
            raise _Broken(
                opened,
                f"the {self.text[opened]} that opens here is never closed",
                "perhaps it is half written",
            )
        if character != ",":
            self.expected(at, f"a ',' or {closer!r}")
        following = skip_space(self.text, at + 1)
        if self.text[following : following + 1] == closer:
            raise _Broken(at, f"a comma before {closer!r}, where JSON allows none", "leave the comma out")
        return following

    def expected(self, index: int, what: str) -> NoReturn:
        character = self.text[index : index + 1]
        if not character:
            raise _Broken(index, f"the file ends where {what} is expected", "perhaps it is half written")
        if INVISIBLE.match(character):
            raise _Broken(index, f"{what} is expected here, and not {name_of(character)}", instead(character))
        if TEMPLATE.match(self.text, index) or TEMPLATE.match(self.text, max(index - 1, 0)):
            raise _Broken(index, f"{what} is expected here, and not a template", NOT_RENDERED)
        hint = {
            "'": "JSON has double quotes only",
            "/": "JSON has no comments; YAML has",
            "#": "JSON has no comments; YAML has",
        }.get(character, "")
        raise _Broken(index, f"{what} is expected here, not {character!r}", hint)
