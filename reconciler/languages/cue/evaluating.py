"""Programs in CUE to what they make, in one request to the compiler, so that what they share is read once.

What a definition of froyo's does not allow is said in the words in which it is said of YAML: where something is wrong
it is looked at once more with definitions that say the names of fields only, and what that gives is left to the
schemas. So what is told in CUE's own words is what two sides that people wrote have against each other.

Invariant: a program that has no answer has a problem. Nothing that was not evaluated is taken for one that makes
nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.config.compiler import CompilerError, CompilerExceeded, Texts, compiler, problem_of
from reconciler.config.programs import Evaluation
from reconciler.documents.generated import GeneratedDocument, Spot
from reconciler.documents.text import FileText, decode
from reconciler.errors import Problem
from reconciler.languages.cue.constraints import constraint_of
from reconciler.languages.cue.definitions import library
from reconciler.languages.cue.hints import hinted
from reconciler.languages.cue.packages import CueProgram, sent
from reconciler.languages.cue.spots import Spots

if TYPE_CHECKING:
    from reconciler.config.programs import Surroundings
    from reconciler.model.source import Snapshot

_ASKED = frozenset({"programs", "settings"})
_ALONE_MOST, _ALONE_SECONDS = 8, 5.0
"""How many programs are looked at one by one when all of them take too long, and for how long each."""
_HINT = "look for what repeats or multiplies itself without end"
_UNTOLD = "the compiler says nothing of what it makes; this is a defect of froyo"


def evaluations(programs: Sequence[CueProgram], surroundings: Surroundings) -> dict[str, Evaluation]:
    """What comes of each program, by its path.

    Raises:
        SnapshotGone: a file moved on before it was read.
    """
    texts, unread = _read(surroundings.snapshot, surroundings.paths)
    if unread:
        return _failed(programs, texts, unread)
    arguments: dict[str, Any] = {
        "files": sent(texts),
        "library": library(surroundings.kinds.known.values()),
        "tags": dict(surroundings.settings),
    }
    names = [one.name for one in programs]
    try:
        answer = compiler().ask("cue.evaluate", {**arguments, "only": names})
        if answer["problems"]:
            loose = library(surroundings.kinds.known.values(), loose=True)
            # It takes longer, and what CUE says of the definitions is better than nothing.
            with contextlib.suppress(CompilerExceeded):
                answer = compiler().ask(
                    "cue.evaluate", {**arguments, "library": loose, "only": names, "precise": True}
                )
    except CompilerError as error:
        return _failed(programs, texts, _unanswered(error, programs, arguments), passing=True)
    known = arguments["library"]
    problems = [
        (one.get("program", ""), _hinted(problem_of(one, texts), known, texts)) for one in answer["problems"]
    ]
    made = {one["name"]: one for one in answer["programs"]}
    found: dict[str, Evaluation] = {}
    for program in programs:
        own = [problem for name, problem in problems if name == program.name]
        if program.name in answer["aside"]:
            found[program.path] = Evaluation(read=frozenset(program.files), asked=_ASKED)
        elif program.name in made and not own:
            found[program.path] = _evaluation(program, made[program.name], texts, arguments)
        else:
            # What is not there was complained of as a part of another one. Whatever else it is, it is not nothing.
            why = own or [problem for _, problem in problems] or [Problem(program.path, 0, 0, _UNTOLD)]
            found.update(_failed([program], texts, why))
    return found


def _evaluation(
    program: CueProgram, answer: Mapping[str, Any], texts: Texts, arguments: Mapping[str, Any]
) -> Evaluation:
    files = answer["files"]
    at = partial(Spots, files=files, texts=texts, default=Spot(program.path, 1, 1))
    documents = [GeneratedDocument(one["value"], at(one["place"])) for one in answer["objects"]]
    modules = [path for path in texts if path.endswith("cue.mod/module.cue")]
    evaluation = Evaluation(documents, read=frozenset({*files, *program.files, *modules}), asked=_ASKED)
    if answer.get("constrains"):
        evaluation.constraint = constraint_of(program, arguments, texts)
    return evaluation


def _failed(
    programs: Sequence[CueProgram], texts: Texts, problems: Sequence[Problem], *, passing: bool = False
) -> dict[str, Evaluation]:
    """Of what is wrong it is not known what it depends on, and so on all that there is."""
    read = frozenset(texts) | {file for one in programs for file in one.files}
    return {
        one.path: Evaluation(problems=list(problems), read=read, asked=_ASKED, passing=passing)
        for one in programs
    }


def _hinted(problem: Problem, known: Mapping[str, str], texts: Texts) -> Problem:
    there = texts.get(problem.file)
    return hinted(problem, known, there.text if there is not None else "")


def _read(snapshot: Snapshot, paths: Sequence[str]) -> tuple[dict[str, FileText], list[Problem]]:
    """The CUE files of a source as text, and what is wrong with those that are none."""
    texts: dict[str, FileText] = {}
    problems: list[Problem] = []
    for path in paths:
        if path.endswith(".cue"):
            text = decode(path, snapshot.files[path].read())
            if isinstance(text, Problem):
                problems.append(text)
            else:
                texts[path] = text
    return texts, problems


def _unanswered(
    error: CompilerError, programs: Sequence[CueProgram], arguments: Mapping[str, Any]
) -> list[Problem]:
    """That there is no answer: said of those that have none by themselves either, or of the first of all."""
    path = programs[0].path
    if not isinstance(error, CompilerExceeded):
        return [Problem(path, 0, 0, str(error))]
    if 1 < len(programs) <= _ALONE_MOST and (found := list(_excessive(programs, arguments))):
        return found
    several = f"this and {len(programs) - 1} more programs in CUE are" if len(programs) > 1 else "this is"
    return [Problem(path, 0, 0, f"{several} not evaluated: {error}", _HINT)]


def _excessive(programs: Sequence[CueProgram], arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """Those of several programs that take too much by themselves."""
    for one in programs:
        try:
            compiler().ask("cue.evaluate", {**arguments, "only": [one.name]}, seconds=_ALONE_SECONDS)
        except CompilerExceeded as error:
            yield Problem(one.path, 0, 0, f"this is not evaluated: {error}", _HINT)
