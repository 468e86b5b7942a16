"""What a person can do about what CUE says, where that can be told.

This module must not know how programs are evaluated. A hint is given where what it proposes is there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from reconciler.core.suggest import closest, did_you_mean
from reconciler.errors import Problem

_NO_PACKAGE = re.compile(r'cannot find package "([^"]*)"')
_NO_FIELD = re.compile(r"undefined field: (#?\w+)$")
_NO_REFERENCE = re.compile(r'reference "(\w+)" not found$')
_OPEN = re.compile(r"(unresolved disjunction .*|non-concrete value .* in operand to \S+)$")
_DEFINITION = re.compile(r"^#(\w+):", re.MULTILINE)
_NAMED = re.compile(r"([#\w]+)\)?[?!]?\s*[:=](?![=~])")
_TEMPLATE = (
    "what is declared here depends on it: give it a value, with a default (*…) or by --set;"
    " what is a template only is a definition (#name)"
)


def hinted(problem: Problem, library: Mapping[str, str], text: str) -> Problem:
    """A problem with a hint, where there is one.

    Args:
        problem: what CUE says.
        library: the definitions that can be imported, by import path.
        text: the file that it is in.
    """
    return problem if problem.hint else replace(problem, hint=_hint(problem.message, library, text))


def _hint(message: str, library: Mapping[str, str], text: str) -> str:
    if (found := _NO_PACKAGE.search(message)) is not None:
        return f"what kinds there are is in {', '.join(sorted(library))}" if "froyo.dev" in found[1] else ""
    if (found := _NO_FIELD.search(message)) is not None:
        return _field(found[1], [name for one in library.values() for name in _DEFINITION.findall(one)])
    if (found := _NO_REFERENCE.search(message)) is not None:
        return _reference(found[1], library, text)
    return _TEMPLATE if _OPEN.search(message) is not None else ""


def _field(name: str, kinds: Collection[str]) -> str:
    kind = closest(name[1:], kinds) if name.startswith("#") else name if name in kinds else ""
    return f"did you mean '#{kind}'?" if kind else ""


def _reference(name: str, library: Mapping[str, str], text: str) -> str:
    for path in sorted(library):
        if path.split(".", 1)[0] == name:
            return f'add below the package: import {name} "{path}"'
    return did_you_mean(name, _NAMED.findall(text)) or f'a text is in quotes: "{name}"'
