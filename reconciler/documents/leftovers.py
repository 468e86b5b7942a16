"""What other tools leave in a file: the marks of a merge that is not over, and the braces of a template.

Knows nothing of manifests.
"""

from __future__ import annotations

import re

from reconciler.documents.text import FileText
from reconciler.errors import Problem

TEMPLATE = re.compile(r"\{\{(?:[^\n}]|\}(?!\}))*\}\}|\{%[^\n]*?%\}|\$\{[A-Za-z_][^\n{}]*\}")
"""A template as Jinja, Go and shells have them, on one line."""
BRACES = re.compile(r"\{\{(?:[^}]|\}(?!\})){0,500}\}\}|\{%[^%]{0,500}%\}")
"""One as Jinja and Go have them where lines may be folded, as within one scalar of YAML."""
FOLDED = re.compile(rf"{BRACES.pattern}|\$\{{[A-Za-z_][^{{}}]{{0,500}}\}}")
"""The same of any."""
NOT_RENDERED = "templates are not rendered; write what it stands for"
NOT_HERE = "expressions stand in the values of a kind's own fields; write what it stands for"
OF_A_TARGET = "only bodies are templates; what is another value on each target is written as ${vars.NAME}"
QUOTED = "to have YAML take its braces for no mapping, put double quotes around the whole value"


def remedy(template: str) -> tuple[str, str]:
    """What something is that YAML cannot read, and what to do about it."""
    if template.startswith("$"):
        return f"an expression, {template}", QUOTED
    return f"a template, {template}", NOT_RENDERED


_NOTHING_ELSE = re.compile(rf"^[ \t]*(?:(?:{TEMPLATE.pattern})[ \t]*)+$", re.MULTILINE)
_MARK = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(?=[ \r\n]|\Z)", re.MULTILINE)


def without_templates(text: str) -> str:
    """A text with something in the place of each template, and nothing in the place of a line of them."""
    return TEMPLATE.sub("x", _NOTHING_ELSE.sub("", text))


def merge_marks(file: FileText) -> list[Problem]:
    """Each place at which a merge has left two versions beside each other, or a mark by itself."""
    problems: list[Problem] = []
    opened: re.Match[str] | None = None
    for mark in [*_MARK.finditer(file.text), None]:
        if opened is not None and (mark is None or mark.group().startswith("<")):
            problems.append(_left(file, opened))
            opened = None
        if mark is None:
            break
        if mark.group().startswith("<"):
            opened = mark
        elif opened is None:
            problems.append(_left(file, mark))
        elif mark.group().startswith(">"):
            last = file.place(mark.start())[0]
            message = (
                f"a merge that is not over: two versions stand beside each other from here to line {last}"
            )
            hint = "keep what is right of them, and delete the lines that mark them"
            problems.append(file.problem(opened.start(), message, hint))
            opened = None
    return problems


def _left(file: FileText, mark: re.Match[str]) -> Problem:
    return file.problem(mark.start(), f"a mark that a merge has left: {mark.group()}", "delete the line")
