"""All programs of a source that are to be evaluated, together: modules are read once, and evaluated once."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import starlark_go

from reconciler.languages.starlark.worker.errors import INTERNAL, Errors, Wrong
from reconciler.languages.starlark.worker.functions import Functions, Printed, plain
from reconciler.languages.starlark.worker.library import Library, suggest
from reconciler.languages.starlark.worker.modules import PREFIX, Module, Site, Unreadable
from reconciler.languages.starlark.worker.texts import WrittenModule
from reconciler.languages.starlark.worker.words import FUNCTIONS
from reconciler.languages.starlark.worker.writing import rewritten

MOST_OBJECTS = 200_000
"""That one program makes."""
MOST_VALUES = 5_000_000
"""That are looked at of what one program makes."""
MOST_DEPTH = 60
"""Levels of nesting of what is made."""

_PRELUDE = (Path(__file__).parent / "prelude.star").read_text(encoding="utf-8")
_LANGUAGE = ("None", "True", "False", "load", *sorted(FUNCTIONS))


@dataclass(slots=True)
class Outcome:
    """What came of a program, as it is sent.

    Attributes:
        documents: what it made, each with the number of its site; -1 where it was made without a helper.
        problems: what is wrong.
        printed: what it said: file, line, column and text.
        read: the paths that it depends on.
    """

    documents: list[tuple[Any, int]] = field(default_factory=list)
    problems: list[Wrong] = field(default_factory=list)
    printed: list[Printed] = field(default_factory=list)
    read: list[str] = field(default_factory=list)


class StarlarkSession:
    """See the module.

    Args:
        files: the text of every module that can be loaded, by path.
        helpers: what each function makes that is named after a kind; see `languages.starlark.helpers`.
        sections: of facts.
    """

    def __init__(
        self, files: Mapping[str, str], helpers: Mapping[str, Mapping[str, Any]], sections: Collection[str]
    ) -> None:
        self._helpers = helpers
        self._library = Library(files, sections, self._why)
        self._texts: dict[str, WrittenModule] = {}
        self.sites: list[tuple[str, Site]] = []
        self._evaluated: dict[str, list[Wrong]] = {}
        self._functions = Functions(self.sites)
        self._given = self._functions.given
        kinds = {name: str(one["kind"]) for name, one in helpers.items()}
        self._errors = Errors(self._texts, self.sites, suggest, _LANGUAGE, kinds)
        starlark_go.configure_starlark(allow_set=True, allow_global_reassign=False, allow_recursion=False)
        self._starlark = starlark_go.Starlark(
            globals={
                f"{PREFIX}most_values": MOST_VALUES,
                f"{PREFIX}most_objects": MOST_OBJECTS,
                f"{PREFIX}most_depth": MOST_DEPTH,
            },
            print=_nobody,
        )
        self._starlark.set(**{f"{PREFIX}{name}": function for name, function in self._given.items()})
        self._exec(_PRELUDE, INTERNAL)

    def reach(self, program: str) -> list[str]:
        """Read a program and all that it loads; see `Library`."""
        return self._library.reach(program)

    def asks(self, program: str) -> set[str]:
        """What of `ctx` a program may ask for."""
        return self._library.asks(program)

    def _why(self, path: str, text: str, unreadable: Unreadable) -> list[Wrong]:
        """Why a module cannot be read: as Starlark sees it, whose words are those of its documentation."""
        try:
            starlark_go.Starlark(print=_nobody).exec(text, filename=path)
        except starlark_go.SyntaxError as error:
            return self._errors.of(error, path, None)
        except starlark_go.StarlarkError:
            pass
        return [Wrong(path, *unreadable.place, unreadable.message, unreadable.hint)]

    def write(self, programs: Collection[str]) -> None:
        """Write all that was read as it is evaluated."""
        exported: dict[str, set[str]] = {path: set() for path in self._library.modules}
        for module in self._library.modules.values():
            for load in module.loads:
                exported.get(load.path, set()).update(name for name, _ in load.names.values())
        helpers = {*self._helpers, "print"}
        for path, module in self._library.modules.items():
            if path in self._library.unreadable:
                continue
            names = {name for name in exported[path] if name in module.free.bound}
            names |= {"main"} & module.free.bound.keys() if path in programs else set()
            # What loads what is not there is never evaluated.
            if any(one.path not in self._library.modules for one in module.loads):
                continue
            try:
                self._texts[path], sites = rewritten(
                    module, self._library.modules, helpers, len(self.sites), names
                )
            except Unreadable as error:
                self._library.unreadable[path] = [Wrong(path, *error.place, error.message, error.hint)]
                continue
            self.sites += [(path, site) for site in sites]
        self._starlark.set(**{f"{PREFIX}helpers": {name: dict(one) for name, one in self._helpers.items()}})
        made = [
            f"{PREFIX}s{number} = {PREFIX}printer({number})"
            if site.helper == "print"
            else f'{PREFIX}s{number} = {PREFIX}helper({number}, "{site.helper}", {PREFIX}helpers["{site.helper}"])'
            for number, (_, site) in enumerate(self.sites)
        ]
        self._exec("\n".join(made) + "\n", INTERNAL)

    # --- Evaluating ---------------------------------------------------------------------------------------------------

    def run(self, program: str, context: Mapping[str, Any]) -> Outcome:
        """Evaluate a program."""
        order = self.reach(program)
        outcome = Outcome(read=order)
        self._functions.begin()
        self._run(program, order, context, outcome)
        outcome.printed = self._functions.said()
        return outcome

    def _run(self, program: str, order: list[str], context: Mapping[str, Any], outcome: Outcome) -> None:
        for path in (path for path in order if path in self._library.files):
            problems = self._library.unreadable.get(path) or self._load(path)
            outcome.problems += [one for one in problems if one not in outcome.problems]
            if problems:
                return
        module = self._library.modules[program]
        if module.main is None:
            outcome.problems.append(_without_main(module))
        elif not module.main[1]:
            place = module.main[0]
            outcome.problems.append(Wrong(program, *place, "main takes one argument", "def main(ctx):"))
        else:
            self._call(module, context, outcome)

    def _load(self, path: str) -> list[Wrong]:
        """Evaluate a module, unless that was done; what is wrong with it."""
        if path not in self._evaluated:
            self._functions.stopped = None
            module = self._library.modules[path]
            try:
                self._exec(self._texts[path].text, path)
                self._evaluated[path] = []
            except (starlark_go.StarlarkError, ValueError) as error:
                self._evaluated[path] = self._errors.of(
                    error, path, self._functions.stopped, module.free.bound
                )
        return self._evaluated[path]

    def _exec(self, text: str, filename: str) -> None:
        """Evaluate a text. Of the names that it makes only ours are left for what comes afterwards."""
        before = set(self._starlark.globals())
        try:
            self._starlark.exec(text, filename=filename)
        finally:
            for name in set(self._starlark.globals()) - before:
                if not name.startswith(PREFIX):
                    self._starlark.set(**{name: None})  # else all of what it stands for would be converted
                    self._starlark.pop(name)

    def _call(self, module: Module, context: Mapping[str, Any], outcome: Outcome) -> None:
        self._functions.stopped = None
        self._starlark.set(**{f"{PREFIX}ctx": context})
        call = f"{PREFIX}collect({module.name('main')}({PREFIX}ctx))"
        try:
            found = self._starlark.eval(call, filename=INTERNAL)
        except starlark_go.ConversionError:
            message = "a text that it makes is not UTF-8: it was cut within a character"
            outcome.problems.append(self._placed(Wrong(module.path, 0, 0, message), module))
            return
        except starlark_go.EvalError as error:
            outcome.problems += [
                self._placed(one, module)
                for one in self._errors.of(error, module.path, self._functions.stopped)
            ]
            return
        if not module.returns:
            hint = "return [...]; where nothing is to be declared, return []"
            wrong = Wrong(module.path, 0, 0, "main returns nothing, so that nothing is declared", hint)
            outcome.problems.append(self._placed(wrong, module))
        for one in found:
            value = plain(one)
            outcome.documents.append((value, self._site_of(value)))

    def _placed(self, one: Wrong, module: Module) -> Wrong:
        """What has no place of its own is in `main`."""
        if one.line or module.main is None:
            return one
        line, column = module.main[0]
        return Wrong(module.path, line, column, one.message, one.hint)

    def _site_of(self, value: dict[str, Any]) -> int:
        """Where an object was made: objects of one name in the order in which they were."""
        metadata = value.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        key = tuple(
            str(one) for one in (value.get("kind"), metadata.get("namespace", ""), metadata.get("name", ""))
        )
        made = self._functions.made.get(key)
        if not made:
            return -1
        return made.pop(0) if len(made) > 1 else made[0]


def _without_main(module: Module) -> Wrong:
    node = module.free.bound.get(suggest("main", module.free.bound))
    place = module.place(node) if isinstance(node, ast.FunctionDef) else (1, 1)
    hint = "did you mean 'main'?" if isinstance(node, ast.FunctionDef) else ""
    return Wrong(module.path, *place, "it defines no main(ctx)", hint)


def as_sent(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON has it."""
    return {**asdict(outcome), "documents": outcome.documents}


def _nobody(_: str) -> None:
    """Nothing is printed but by what `print` stands for in a module."""
