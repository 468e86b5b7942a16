"""CEL, the language of expressions: the one place that knows which implementation it is.

Imported when a first manifest has an expression in it. The extension module is loaded by itself, since its package
imports a command line along, which takes 0.3 s and is used by nobody here (docs/adr/0021). Invariant: an expression
ends, and soon. There are no loops in CEL but over what is given; of those two at most go into each other, and their
turns are counted (`cel_loops`), as is all that functions make.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Protocol

from reconciler.config.cel_functions import FUNCTIONS
from reconciler.config.cel_loops import COUNTERS, ENTRY, GAP, LoopBudget, counted, loop_budget
from reconciler.config.weights import weight

MAX_LENGTH = 1000
"""Characters of an expression."""
MAX_VALUE = 4 * 1024 * 1024
"""Characters of a value, of which each entry of a list or mapping counts as some (`cel_loops.ENTRY`)."""

_MAX_DEPTH = 100
_MAX_LOOPS = 2
_FEW_JOINS = 16
"""So many times `+` may be written whatever there is to read: each copies all that is to the left of it."""
_LOOP = re.compile(rf"\.{GAP}(?:map|filter|all|exists|exists_one|existsOne){GAP}\({GAP}(\w*)")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*)")
_UNEXPECTED = re.compile(
    r"(?:mismatched input|extraneous input|no viable alternative at input|token recognition error at:) '(.*?)\s*'\Z"
)
_INSTEAD = {
    "|": "filters are Jinja's, for templates; has(vars.x) ? vars.x : 'default' asks first",
    "=": "== compares",
    "&": "&& is and",
    "and": "&& is and",
    "or": "|| is or",
    "not": "! is not",
    "if": "CEL has it as condition ? one : another",
    "is": "has(vars.x) asks whether a value is there",
    "~": "+ joins texts",
    "'": "the text is not closed",
    '"': "the text is not closed",
}
"""What to write in the place of what other languages have, by what was not expected, or comes right before it."""
_FUNCTION = re.compile(
    r"Function '(\w+)' error: (?:Python function call failed: \w+: )?(?:\S+\(\) )?(.*?)(?:\. Check function.*)?\Z",
    re.DOTALL,
)
_ADVICE = re.compile(r"\. (?:CEL does not|Check ).*", re.DOTALL)


class ExpressionError(Exception):
    """An expression that means nothing, or has no value.

    Args:
        message: why.
        offset: characters from its beginning to what is wrong.
        hint: what to do about it.
        key: the key that was looked for and is not there, or "".
    """

    def __init__(self, message: str, *, offset: int = 0, hint: str = "", key: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
        self.hint = hint
        self.key = key


class Context:
    """What an expression is evaluated with.

    Args:
        variables: by name; values as JSON has them.
    """

    __slots__ = ("_variables", "_weight", "of_cel")

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self.of_cel = _cel.Context(variables=dict(variables), functions=FUNCTIONS | COUNTERS)
        self._variables = variables
        self._weight: int | None = None

    @property
    def weight(self) -> int:
        """How large what can be read is."""
        if self._weight is None:
            self._weight = weight(self._variables, _MAX_READ, entry=ENTRY)
        return self._weight


class _Program(Protocol):
    def execute(self, context: Any) -> Any: ...
    def variables(self) -> list[str]: ...
    def functions(self) -> list[str]: ...


class CompiledExpression:
    """A compiled expression.

    Attributes:
        roots: the variables that it reads.
    """

    __slots__ = ("_joins", "_loops", "_program", "roots")

    def __init__(self, program: _Program, roots: frozenset[str], *, loops: bool, joins: int) -> None:
        self._program = program
        self._loops = loops
        self._joins = joins
        self.roots = roots

    def evaluate(self, context: Context) -> Any:
        """Its value: null, a boolean, number or text, or a list or mapping of them.

        Raises:
            ExpressionError: it has none.
        """
        if self._joins > _FEW_JOINS and self._joins * context.weight > _MAX_READ:
            raise ExpressionError(
                f"it puts together too much: {self._joins} times `+`, and what it reads is large",
                hint="give a part of it a name in a Vars, or let a template do it",
            )
        budget = LoopBudget(context.weight if self._loops else 0)
        token = loop_budget.set(budget)
        value: Any = None
        try:
            value = self._program.execute(context.of_cel)
        except KeyError as error:
            key = str(error.args[0])
            raise ExpressionError(f"there is no {key!r}", key=key) from None
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
            if not budget.spent:
                raise _explained(error) from None
        finally:
            loop_budget.reset(token)
        if budget.spent:  # which some loops take for no error
            raise ExpressionError(budget.spent)
        _check(value)
        if weight(value, MAX_VALUE, entry=ENTRY) > MAX_VALUE:
            raise ExpressionError(
                f"its value is too large: written out, it would have more than {MAX_VALUE:,} characters"
            )
        return value


def context(variables: Mapping[str, Any]) -> Context:
    """What expressions are evaluated with.

    Args:
        variables: by name; values as JSON has them.
    """
    return Context(variables)


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> CompiledExpression:
    """An expression, compiled: once, however often it is written.

    Raises:
        ExpressionError: it is none.
    """
    if len(source) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression of {len(source)} characters; at most {MAX_LENGTH} are taken",
            hint="give a part of it a name in a Vars",
        )
    loops = _LOOP.findall(source)
    if len(loops) > _MAX_LOOPS:
        raise ExpressionError(
            f"an expression with {len(loops)} loops; at most {_MAX_LOOPS} are taken",
            hint="give a part of it a name in a Vars",
        )
    try:
        program = _cel.compile(source)
    except ValueError as error:
        raise _misspelt(source, str(error)) from None
    roots = frozenset(program.variables()) - set(loops)
    program = _cel.compile(counted(source)) if loops else program
    return CompiledExpression(program, roots, loops=bool(loops), joins=source.count("+"))


def _misspelt(source: str, said: str) -> ExpressionError:
    if not source.strip():
        return ExpressionError("an expression with nothing in it")
    if "Recursion limit" in said:
        return ExpressionError(
            "an expression with too many brackets in each other", hint="give a part of it a name in a Vars"
        )
    found = _PLACE.search(said)
    if found is None:
        return ExpressionError("this is no expression in CEL")
    line, column, message = int(found[1]), int(found[2]), found[3]
    offset = sum(len(one) + 1 for one in source.split("\n")[: line - 1]) + column - 1
    unexpected = _UNEXPECTED.match(message.split(" expecting ")[0])
    if unexpected is not None:
        ends = unexpected[1].endswith("<EOF>")
        message = "it ends too early" if ends else f"{unexpected[1]!r} is not expected here"
    if message == "reserved identifier: var":
        return ExpressionError(
            "an expression reads vars, target or facts, and there is no var",
            hint="did you mean 'vars'?",
            offset=min(offset, len(source)),
        )
    words = [unexpected[1] if unexpected else "", *source[:offset].split()[-1:]]
    hint = next((_INSTEAD[key] for word in words for key in (word, word[:1]) if key in _INSTEAD), "")
    return ExpressionError(
        f"this is no expression in CEL: {message}", hint=hint, offset=min(offset, len(source))
    )


def _explained(error: Exception) -> ExpressionError:
    said = _ADVICE.sub("", str(error))
    if said.startswith(("No such overload", "Unsupported operation")):
        return ExpressionError(
            "it combines values of types that do not go together",
            hint="CEL converts nothing by itself: string(x), int(x), double(x)",
        )
    if found := _FUNCTION.match(said):
        return ExpressionError(f"{found[1]}: {' '.join(found[2].split())}")
    if said.startswith("Undefined variable or function: "):
        name = said.split("'")[1]
        if name in _NAMED:
            return ExpressionError(f"{name} does not take what it is given")
        return ExpressionError(f"there is no function {name}", hint=f"there are {', '.join(_NAMED)}")
    return ExpressionError(" ".join(said.split()).rstrip("."))


def _check(value: Any, depth: int = 0) -> None:
    """Whether it is something that a spec may hold.

    Raises:
        ExpressionError: it is not.
    """
    if value is None or isinstance(value, str | bool | int):
        return
    if depth > _MAX_DEPTH:
        raise ExpressionError(f"its value has more than {_MAX_DEPTH} lists and mappings within each other")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"its value is {value}, which is no number that a field may have")
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ExpressionError(f"its value has the key {key!r}, and keys are text")
            _check(item, depth + 1)
    else:
        name = {"timedelta": "a duration", "datetime": "a time", "bytes": "bytes"}.get(type(value).__name__)
        raise ExpressionError(
            f"its value is {name or 'of a type that no field has'}", hint="string(x) makes text of it"
        )


_MAX_READ = 64 * 1024 * 1024
# fmt: off
_OF_CEL = (
    "size", "contains", "startsWith", "endsWith", "matches", "int", "double", "bool", "bytes", "duration", "timestamp",
    "type",
)
# fmt: on
_NAMED = tuple(sorted({*FUNCTIONS, *_OF_CEL}))


def _load() -> Any:
    package = find_spec("cel")
    found = PathFinder.find_spec("cel", package.submodule_search_locations) if package is not None else None
    if found is None or found.loader is None:
        raise ModuleNotFoundError("common-expression-language is not installed, or not whole", name="cel")
    module = module_from_spec(found)
    found.loader.exec_module(module)
    # It logs what a function of ours raises, with the values that it was given.
    logging.getLogger("cel").disabled = True
    return module


_cel = _load()
