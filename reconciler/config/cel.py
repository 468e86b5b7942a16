"""CEL, the language of expressions: the one place that knows which implementation it is.

Imported when a first manifest has an expression in it. The extension module is loaded by itself, since its package
imports a command line along, which takes 0.3 s and is used by nobody here (docs/adr/0021). Invariant: an expression
ends. There are no loops in CEL but over what is given, and of those two at most go into each other.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Protocol, cast

MAX_LENGTH = 1000
"""Characters of an expression."""
MAX_INT = 2**63 - 1
"""CEL has whole numbers of 64 bits."""

_MAX_LOOPS = 2
_LOOP = re.compile(r"\.\s*(?:map|filter|all|exists|exists_one)\s*\(\s*(\w*)")
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


class Context(Protocol):
    """What an expression is evaluated with."""


class _Program(Protocol):
    def execute(self, context: Context) -> Any: ...
    def variables(self) -> list[str]: ...
    def functions(self) -> list[str]: ...


class CompiledExpression:
    """A compiled expression.

    Attributes:
        roots: the variables that it reads.
    """

    __slots__ = ("_program", "roots")

    def __init__(self, program: _Program, roots: frozenset[str]) -> None:
        self._program = program
        self.roots = roots

    def evaluate(self, context: Context) -> Any:
        """Its value: null, a boolean, number or text, or a list or mapping of them.

        Raises:
            ExpressionError: it has none.
        """
        try:
            value = self._program.execute(context)
        except KeyError as error:
            key = str(error.args[0])
            raise ExpressionError(f"there is no {key!r}", key=key) from None
        except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError) as error:
            raise _explained(error) from None
        _check(value)
        return value


def context(variables: Mapping[str, Any]) -> Context:
    """What expressions are evaluated with.

    Args:
        variables: by name; values as JSON has them.
    """
    return cast("Context", _cel.Context(variables=dict(variables), functions=FUNCTIONS))


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
    return CompiledExpression(program, frozenset(program.variables()) - set(loops))


def _misspelt(source: str, said: str) -> ExpressionError:
    if not source.strip():
        return ExpressionError("an expression with nothing in it")
    found = _PLACE.search(said)
    if found is None:
        return ExpressionError("this is no expression in CEL")
    line, column, message = int(found[1]), int(found[2]), found[3]
    offset = sum(len(one) + 1 for one in source.split("\n")[: line - 1]) + column - 1
    unexpected = _UNEXPECTED.match(message.split(" expecting ")[0])
    if unexpected is not None:
        ends = unexpected[1].endswith("<EOF>")
        message = "it ends too early" if ends else f"{unexpected[1]!r} is not expected here"
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


def _check(value: Any) -> None:
    """Whether it is something that a spec may hold.

    Raises:
        ExpressionError: it is not.
    """
    if value is None or isinstance(value, str | bool | int):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"its value is {value}, which is no number that a field may have")
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ExpressionError(f"its value has the key {key!r}, and keys are text")
            _check(item)
    else:
        name = {"timedelta": "a duration", "datetime": "a time", "bytes": "bytes"}.get(type(value).__name__)
        raise ExpressionError(
            f"its value is {name or 'of a type that no field has'}", hint="string(x) makes text of it"
        )


# The functions for text that CEL's own extension has, by its names.


def _joined(items: list[Any], between: str = "") -> str:
    for item in items:
        _texts(item)
    return between.join(items)


def _texts(*values: Any) -> None:
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is no text")


def _replaced(text: str, old: str, new: str, count: int = -1) -> str:
    _texts(text, old, new)
    if len(text) + text.count(old) * len(new) > _MAX_TEXT:
        raise ValueError(f"more than {_MAX_TEXT} characters")
    return text.replace(old, new, count)


def _substring(text: str, start: int, end: int | None = None) -> str:
    _texts(text)
    last = len(text) if end is None else end
    if not 0 <= start <= last <= len(text):
        raise ValueError(f"there is no {start} to {last} in {len(text)} characters")
    return text[start:last]


def _split(text: str, between: str, count: int = -1) -> list[str]:
    _texts(text, between)
    return text.split(between, count - 1 if count > 0 else -1) if between else list(text)


def as_text(value: Any) -> str:
    """A value as it stands within text.

    Raises:
        TypeError: it is null, a list or a mapping, and would have to be written in some way that nobody has said.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        raise TypeError("null is no text")
    if isinstance(value, list | dict):
        raise TypeError(f"{'a list' if isinstance(value, list) else 'a mapping'} is no text")
    return str(value)


_MAX_TEXT = 1024 * 1024
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "join": _joined,
    "lowerAscii": lambda text: text.lower(),
    "replace": _replaced,
    "split": _split,
    "string": as_text,
    "substring": _substring,
    "trim": lambda text: text.strip(),
    "upperAscii": lambda text: text.upper(),
}
"""Those that are added to what the implementation has."""
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
