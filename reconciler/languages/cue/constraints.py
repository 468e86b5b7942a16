"""What CUE beside manifests holds them to: the definition `#Manifest` of a package, for what lies in and below it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.config.compiler import CompilerError, Texts, compiler, problem_of
from reconciler.config.compiler.answers import others_of
from reconciler.config.programs import Broken, Constrained, Constraint
from reconciler.errors import Problem

if TYPE_CHECKING:
    from reconciler.languages.cue.packages import CueProgram


def constraint_of(program: CueProgram, arguments: Mapping[str, Any], texts: Texts) -> Constraint:
    """What a program holds manifests to.

    Args:
        program: it has a definition `#Manifest`.
        arguments: with which it was evaluated.
        texts: its files and all others.
    """
    directory = program.path.rpartition("/")[0] or "."
    return Constraint(directory, partial(_hold, program, arguments, texts))


def _hold(
    program: CueProgram,
    arguments: Mapping[str, Any],
    texts: Texts,
    held: Sequence[Constrained],
) -> list[Broken | Problem]:
    data = [{"file": one.file, "value": one.value} for one in held]
    try:
        answer = compiler().ask("cue.vet", {**arguments, "only": [program.name], "data": data})
    except CompilerError as error:
        message = f"the manifests beside it are not held to its #Manifest: {error}"
        return [Problem(program.path, 0, 0, message)]
    found: list[Broken | Problem] = []
    for said in answer["problems"]:
        number = said.get("document")
        if number is None:
            found.append(problem_of(said, texts))
        else:
            path = path_in(held[number].value, said.get("path", ()))
            found.append(Broken(number, path, said["message"], others_of(said, texts)))
    return found


def path_in(value: Any, steps: Sequence[str]) -> tuple[str | int, ...]:
    """A path as CUE says it, as keys and numbers of a value."""
    path: list[str | int] = []
    for step in steps:
        if isinstance(value, list) and step.isdecimal():
            path.append(int(step))
            value = value[int(step)] if int(step) < len(value) else None
        else:
            key = json.loads(step) if step.startswith('"') else step
            path.append(key)
            value = value.get(key) if isinstance(value, dict) else None
    return tuple(path)
