"""What a YAML syntax error means to a person.

libyaml says what its state machine missed ("did not find expected key"); a person wants to know which
character is to blame and what to write instead. Knows nothing of manifests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError
from yaml.events import StreamEndEvent

from reconciler.documents.invisible import INVISIBLE, instead, name_of, without
from reconciler.documents.leftovers import TEMPLATE, remedy, without_templates
from reconciler.documents.text import FileText
from reconciler.errors import Problem

_NOT_YAML = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_KEY_VALUE = re.compile(
    r"""(?P<indent>[ ]*)(?:-[ ]+)*(?P<key>[^\s'"#\[{][^#]*?):[ ]+(?P<value>[^\s'"|>\[{&*!#].*)"""
)
_JOINED = re.compile(r"[ ]*(?:-[ ]+)*(?P<key>[A-Za-z][\w.-]*):(?P<value>[^\s:/].*)")
"""A line in which the space behind the colon was left out; an address is none."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What libyaml said, in places of the file.

    Attributes:
        file: the whole file.
        start: where the text begins that libyaml was given.
        index: the character at which it gave up.
        opened: where that began which it could not finish.
        what: what it missed.
        context: what it was doing.
    """

    file: FileText
    start: int
    index: int
    opened: int
    what: str
    context: str

    @property
    def line(self) -> int:
        return self.file.place(self.index)[0]

    @property
    def column(self) -> int:
        return self.file.place(self.index)[1]

    @property
    def text(self) -> str:
        """The line on which it gave up."""
        return self.file.line(self.line)

    def character(self, index: int) -> str:
        return self.file.text[index : index + 1]

    @property
    def tab(self) -> int:
        """The column of the first tab in the indentation, 0-based; -1 if there is none."""
        return self.text[: len(self.text) - len(self.text.lstrip())].find("\t")


def _unreadable(file: FileText, start: int, end: int) -> Problem:
    """The problem with a stretch of text that holds a character which YAML does not allow at all."""
    found = _NOT_YAML.search(file.text, start, end)
    if found is None:
        return file.problem(start, "this is not YAML")
    code = ord(found.group())
    return file.problem(
        found.start(),
        f"the character U+{code:04X} cannot stand in YAML",
        f'write it as an escape in double quotes: "\\u{code:04x}"',
    )


def explain(file: FileText, start: int, end: int, error: YAMLError) -> Problem:
    """The problem behind libyaml's error.

    Args:
        file: the whole file.
        start: where in it the text begins that libyaml was given.
        end: where that text ends.
        error: what it said.
    """
    if not isinstance(error, MarkedYAMLError):
        return _unreadable(file, start, end)
    index = min(start + error.problem_mark.index if error.problem_mark else start, end)
    opened = start + error.context_mark.index if error.context_mark else index
    trouble = _Trouble(file, start, index, opened, error.problem or "", error.context or "")
    return _slipped_in(trouble, end) or next(
        explained(trouble) for applies, explained in _RULES if applies(trouble)
    )


def _slipped_in(trouble: _Trouble, end: int) -> Problem | None:
    """The problem, where it is a template or a character that nobody sees: these lines are right without it."""
    file = trouble.file
    first, last = file.line_start(max(trouble.line - 1, 1)), min(file.line_start(trouble.line + 1), end)
    first = max(first, trouble.start)
    lines, behind = file.text[first:last], file.text[last:end]
    for pattern, without_it in ((TEMPLATE, without_templates), (INVISIBLE, without)):
        found = [match for match in pattern.finditer(lines) if first + match.start() <= trouble.index]
        if not found:
            continue
        before = file.text[trouble.start : first] + without_it(lines)
        if 0 <= _first_error(before + behind) < len(before):
            continue
        what, index = found[-1].group(), first + found[-1].start()
        if pattern is TEMPLATE:
            return file.problem(index, *remedy(what))
        return file.problem(index, f"{name_of(what)}, which is no space to YAML", instead(what))
    return None


def _first_error(text: str) -> int:
    """Where libyaml gives up; -1 where it does not."""
    get = CParser(text.encode()).get_event
    try:
        while not isinstance(get(), StreamEndEvent):
            pass
    except MarkedYAMLError as error:
        return error.problem_mark.index if error.problem_mark else 0
    except YAMLError:
        return 0
    return -1


def _tab(trouble: _Trouble) -> Problem:
    at = trouble.file.line_start(trouble.line) + max(trouble.tab, 0)
    return trouble.file.problem(
        at, "a tab in the indentation; YAML indents with spaces only", "put spaces in its place"
    )


def _open_quote(trouble: _Trouble) -> Problem:
    quote = trouble.character(trouble.opened)
    return trouble.file.problem(trouble.opened, f"the quote {quote} that opens here is never closed")


def _escape(trouble: _Trouble) -> Problem:
    return trouble.file.problem(
        trouble.index,
        f"{trouble.file.text[trouble.index : trouble.index + 2]} is no escape that YAML knows",
        "in single quotes a backslash is just a backslash; in double quotes write \\\\",
    )


def _block_header(trouble: _Trouble) -> Problem:
    return trouble.file.problem(
        trouble.index, "nothing may follow | or > on their line", "begin the text on the next line"
    )


def _anchor(trouble: _Trouble) -> Problem:
    sign = trouble.character(trouble.opened)
    return trouble.file.problem(
        trouble.opened, f"an unquoted {sign} marks an anchor or an alias, and wants a name", "quote the value"
    )


def _inline_list(trouble: _Trouble) -> Problem:
    return trouble.file.problem(
        trouble.index, "a list cannot begin on the line of its key", "begin it on the next line"
    )


def _bad_start(trouble: _Trouble) -> Problem:
    return trouble.file.problem(
        trouble.index, f"a value cannot begin with {trouble.character(trouble.index)!r}", "put it in quotes"
    )


def _colon(trouble: _Trouble) -> Problem:
    """A second ': ' in a line, a line indented below a value, or a line before it without any."""
    file, number = trouble.file, trouble.line
    start = file.line_start(number)
    pair = _KEY_VALUE.match(trouble.text)
    if pair and start + pair.start("value") <= trouble.index:
        quoted = pair.group("value").rstrip().replace("'", "''")
        return file.problem(
            start + pair.start("value"),
            "a value that holds ': ' must be quoted",
            f"{pair.group('key').strip()}: '{quoted}'",
        )
    before = file.line(number - 1) if number > 1 else ""
    if before.strip() and ":" not in before and not before.lstrip().startswith(("-", "#")):
        at = file.line_start(number - 1) + len(before) - len(before.lstrip())
        return file.problem(at, "this line has no ': ' between a key and its value")
    joined = _JOINED.match(before)
    if joined and not _KEY_VALUE.match(before):
        return file.problem(
            file.line_start(number - 1) + joined.start("value") - 1,
            "this ':' has no space behind it, and so ends no key",
            f"{joined.group('key')}: {joined.group('value')}",
        )
    above = _KEY_VALUE.match(before)
    indent = len(trouble.text) - len(trouble.text.lstrip(" "))
    if above and indent > len(above.group("indent")):
        return file.problem(
            start + indent,
            f"this line is indented below {above.group('key').strip()!r}, which has a value already",
            "indent it like the line above",
        )
    return file.problem(
        trouble.index, "a ':' that does not belong here", "quote the value if it is part of one"
    )


def _open_bracket(trouble: _Trouble) -> Problem:
    text, opened = trouble.file.text, trouble.opened
    if text[opened : opened + 1] not in {"[", "{"}:
        before = (text.rfind("[", trouble.start, opened), text.rfind("{", trouble.start, opened))
        opened = max(*before, trouble.start)
    closer = "}" if text[opened : opened + 1] == "{" else "]"
    return trouble.file.problem(
        opened,
        f"the {text[opened : opened + 1]} that opens here is not closed, or a comma is missing, "
        f"before line {trouble.line}",
        f"close it with {closer}",
    )


def _block(trouble: _Trouble) -> Problem:
    """A line that does not fit into the block around it, or something after the end of a value."""
    file, index, column = trouble.file, trouble.index, trouble.column
    since, wanted = file.place(trouble.opened)
    before = trouble.text[: column - 1].rstrip()
    if before.endswith(("'", '"')) and ":" in before:
        return file.problem(
            index,
            f"the quoted value ended at {before[-1]} and something follows it",
            "inside single quotes write '' for a quote, inside double quotes \\\"",
        )
    if before:
        return file.problem(
            index, "this does not belong to the value before it", "quote the value as a whole"
        )
    if column != wanted:
        return file.problem(
            index,
            f"this line begins at column {column}, its neighbours since line {since} at column {wanted}",
            "lines of one block are indented alike",
        )
    kind = "a list item ('- …')" if trouble.character(trouble.opened) == "-" else "a 'key: value' line"
    return file.problem(
        index, f"{kind} is expected here", "a block holds either keys or list items, not both"
    )


def _no_colon(trouble: _Trouble) -> Problem:
    return trouble.file.problem(trouble.opened, "this line has no ': ' between a key and its value")


def _tag(trouble: _Trouble) -> Problem:
    return trouble.file.problem(trouble.opened, "an unquoted ! marks a tag", "quote it or leave it out")


def _after_the_end(trouble: _Trouble) -> Problem:
    return trouble.file.problem(
        trouble.index, "the document above has ended", "begin another one with ---, or remove this"
    )


def _verbatim(trouble: _Trouble) -> Problem:
    return trouble.file.problem(trouble.index, trouble.what or "this is not YAML", trouble.context)


_RULES: tuple[tuple[Callable[[_Trouble], bool], Callable[[_Trouble], Problem]], ...] = (
    (lambda trouble: trouble.tab >= 0 or "tab character" in trouble.what, _tab),
    (lambda trouble: "quoted scalar" in trouble.context and "unexpected" in trouble.what, _open_quote),
    (lambda trouble: "unknown escape" in trouble.what, _escape),
    (lambda trouble: "block scalar" in trouble.context, _block_header),
    (lambda trouble: trouble.context in {"while scanning an alias", "while scanning an anchor"}, _anchor),
    (lambda trouble: "block sequence entries are not allowed" in trouble.what, _inline_list),
    (lambda trouble: "cannot start any token" in trouble.what, _bad_start),
    (lambda trouble: trouble.context == "while parsing a block node", _bad_start),
    (lambda trouble: "mapping values are not allowed" in trouble.what, _colon),
    (lambda trouble: trouble.context.startswith("while parsing a flow"), _open_bracket),
    (lambda trouble: trouble.context.startswith("while parsing a block"), _block),
    (lambda trouble: "could not find expected ':'" in trouble.what, _no_colon),
    (lambda trouble: trouble.context.endswith("a tag"), _tag),
    (lambda trouble: "<document start>" in trouble.what, _after_the_end),
    (lambda _: True, _verbatim),
)
"""The first that applies explains."""
