"""What a person can do about what the compiler says of Rego, and where that is to be done.

This module must not know how policies are compiled. A hint is given where what it proposes is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.core.suggest import closest
from reconciler.errors import Problem

_UNSAFE = re.compile(r"rego_unsafe_var_error: var (\w+) is unsafe$")
_CONFLICT = re.compile(r"rego_type_error: conflicting rules data\.froyo\.(?:plan|admission)\.(\w+) found$")
_MEANT = "did you mean"
_DOCUMENTS = ("input", "data")


def hinted(problems: Iterable[Problem], modules: Mapping[str, str]) -> list[Problem]:
    """The problems, with hints where there are any, and without what follows from a document that is misspelt.

    Args:
        problems: what the compiler says.
        modules: Rego by path.
    """
    found = [_hinted(one, modules) for one in problems]
    misspelt = {one.file for one in found if one.hint.startswith(_MEANT)}
    return [
        one
        for one in found
        if one.file not in misspelt or one.hint.startswith(_MEANT) or _UNSAFE.match(one.message) is None
    ]


def _hinted(problem: Problem, modules: Mapping[str, str]) -> Problem:
    if problem.hint:
        return problem
    if (found := _UNSAFE.match(problem.message)) is not None:
        name, meant = found[1], closest(found[1], _DOCUMENTS)
        lacking = f"nothing gives {name} a value: is it misspelt, or is `some {name} in …` missing?"
        return replace(problem, hint=f"{_MEANT} {meant!r}?" if meant else lacking)
    if (found := _CONFLICT.match(problem.message)) is not None:
        return _conflicting(problem, found[1], modules)
    return problem


def _conflicting(problem: Problem, name: str, modules: Mapping[str, str]) -> Problem:
    """The rule that is no set, though the compiler names whichever comes first."""
    other = re.compile(rf"^(?:default[ \t]+)?{name}\b(?![ \t]+contains\b).*", re.MULTILINE)
    hint = f"a set in every file: {name} contains … if …"
    for path, text in modules.items():
        if (found := other.search(text)) is not None:
            message = f"{name} is a set elsewhere, and cannot be something else here"
            return Problem(path, text.count("\n", 0, found.start()) + 1, 1, message, hint, found[0])
    return replace(problem, hint=hint)
