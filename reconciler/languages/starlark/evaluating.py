"""Programs in Starlark to what they make, in the words of loading."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.config.programs import Evaluation, Surroundings, text_of
from reconciler.core.suggest import closest
from reconciler.documents.generated import GeneratedDocument, Spot, problem_at
from reconciler.documents.text import FileText, decode
from reconciler.errors import Problem
from reconciler.languages.starlark.helpers import helpers
from reconciler.languages.starlark.supervising import answered
from reconciler.model.facts import SECTIONS

if TYPE_CHECKING:
    from reconciler.languages.starlark.supervising import Answered

MAIN = re.compile(rb"^def[ \t]+main\b", re.MULTILINE)
"""Where a module defines what makes a program of it."""
NEARLY = re.compile(rb"^def[ \t]+([mM]\w*)[ \t]*\([ \t]*ctx[ \t]*\)", re.MULTILINE)
"""Where a function begins that may have been meant as that."""
LARGEST = 16 << 20
"""Bytes of all modules of a source."""
LONGEST = 1000
"""Characters of a message: there may be whole values in it."""


def defining(modules: Mapping[str, bytes]) -> list[str]:
    """Those of these modules that are programs: they define `main`.

    One that defines something which was probably meant so, and that no other one loads, is one, too: what is wrong with
    it is said then, where it would declare nothing, and remove what it had declared.
    """
    return [path for path, text in modules.items() if MAIN.search(text) or _is_nearly(path, modules)]


def _is_nearly(path: str, modules: Mapping[str, bytes]) -> bool:
    names = [name.decode() for name in NEARLY.findall(modules[path])]
    if not any(closest(name, ["main"]) for name in names):
        return False
    loaded = re.compile(rb"\bload\([^)]*" + re.escape(path.rsplit("/", 1)[-1].encode()))
    return not any(loaded.search(text) for other, text in modules.items() if other != path)


def evaluations(programs: Sequence[str], surroundings: Surroundings) -> Mapping[str, Evaluation]:
    """What comes of each of these programs."""
    files = {}
    found: dict[str, Evaluation] = {}
    snapshot = surroundings.snapshot
    size = 0
    for path, file in snapshot.files.items():
        if not path.endswith(".star"):
            continue
        size += file.size
        text = decode(path, file.read())
        if isinstance(text, FileText):
            files[path] = text.text
        elif path in programs:
            found[path] = Evaluation(problems=[text], read=frozenset({path}))
        else:  # empty, as a rule; else whoever loads it is told that what it wants is not there
            files[path] = ""
    good = [path for path in programs if path not in found]
    if size > LARGEST:
        message = f"the modules of this source have more than {LARGEST >> 20} MiB"
        large = [Problem(path, 0, 0, message) for path in programs]
        return {one.file: Evaluation(problems=[one], read=frozenset(files)) for one in large}
    table = helpers(surroundings.kinds)
    answers = answered(files, good, table, sorted(SECTIONS), surroundings.part)
    makes = _Evaluations(answers, table, surroundings)
    return found | {path: makes.of(path, frozenset(files)) for path in good}


class _Evaluations:
    """What was answered, in the words of loading."""

    def __init__(self, answers: Answered, table: Mapping[str, Any], surroundings: Surroundings) -> None:
        self._answers = answers
        self._fields = {
            (one["apiVersion"], one["kind"]): {
                name: ("metadata" if of else "spec", field) for name, (of, field) in one["fields"].items()
            }
            for one in table.values()
        }
        self._surroundings = surroundings
        self._spots: dict[int, tuple[dict[Any, Spot], dict[Any, Spot]]] = {}

    def of(self, program: str, every: frozenset[str]) -> Evaluation:
        """What came of a program.

        Args:
            program: which.
            every: the modules of the source, any of which one that was ended may have read.
        """
        asked = frozenset(self._answers.asked.get(program, ()))
        why = self._answers.ended.get(program)
        if why is not None:
            spot = next(self._main(program), Spot(program))
            hint = "have it make less, or look for what never ends"
            problem = self._problem(spot, why, hint)
            return Evaluation(problems=[problem], read=every, asked=asked, passing=True)
        outcome = self._answers.outcomes[program]
        evaluation = Evaluation(read=frozenset(outcome["read"]), asked=asked)
        for one in outcome["problems"]:
            spot = Spot(one["file"], one["line"], one["column"])
            evaluation.problems.append(self._problem(spot, one["message"], one["hint"]))
        for file, line, column, text in outcome["printed"]:
            evaluation.warnings.append(self._problem(Spot(file, line, column), f"print: {text}", ""))
        main = next(self._main(program), Spot(program))
        sites = self._answers.sites[program]
        self._spots.clear()
        for value, site in outcome["documents"]:
            if site < 0:
                evaluation.documents.append(GeneratedDocument(value, {(): main}))
                continue
            if site not in self._spots:
                self._spots[site] = self._places(sites[site], (value.get("apiVersion"), value.get("kind")))
            evaluation.documents.append(GeneratedDocument(value, *self._spots[site]))
        return evaluation

    def _places(self, site: Sequence[Any], kind: tuple[Any, Any]) -> tuple[dict[Any, Spot], dict[Any, Spot]]:
        """Where what a helper makes at a site comes from."""
        file, line, column, arguments = site
        spots: dict[Any, Spot] = {(): Spot(file, line, column)}
        keys: dict[Any, Spot] = {}
        for name, within, at, col, key_at, key_col in arguments:
            path = self._fields.get(kind, {}).get(name)
            if path is not None:
                spots[*path, *within] = Spot(file, at, col)
                keys.setdefault(path, Spot(file, key_at, key_col))
        return spots, keys

    def _main(self, program: str) -> Iterator[Spot]:
        """Where `main` is."""
        text = text_of(self._surroundings.snapshot, program)
        for number, line in enumerate(text.text.split("\n") if text is not None else (), 1):
            if MAIN.match(line.encode()):
                yield Spot(program, number, 1)

    def _problem(self, spot: Spot, message: str, hint: str) -> Problem:
        message = message if len(message) <= LONGEST else f"{message[:LONGEST]} …"
        return problem_at(spot, message, hint, self._surroundings.text)
