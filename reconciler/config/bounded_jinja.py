"""Jinja's language within its bounds: what a template can use, and how much of it.

Invariants: the same values give the same text; and a template ends: it has so many steps (turns of a loop, calls,
filters), and so much text, and no other way to go on than those. It can reach nothing but its values: no file, no
clock, no attribute of Python's. Imported once there is a template.
"""

from __future__ import annotations

import functools
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from reconciler.config.cel_functions import as_text
from reconciler.config.render_budget import MAX_STEPS, MAX_TEXT, TooMuch, budget

_MAX_WIDTH = 1000
_MAX_BITS = 4096
# fmt: off
FILTERS = (
    "abs", "batch", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "filesizeformat", "first",
    "float", "format", "groupby", "indent", "int", "items", "join", "last", "length", "list", "lower", "map", "max",
    "min", "reject", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "slice", "sort", "string",
    "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "wordcount", "wordwrap",
)
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset({
        "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii", "isdecimal",
        "isdigit", "islower", "isnumeric", "isspace", "isupper", "join", "lower", "lstrip", "partition", "removeprefix",
        "removesuffix", "replace", "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith",
        "strip", "swapcase", "title", "upper",
    }),
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    int: frozenset(),
    float: frozenset(),
}
# fmt: on
OURS = ("_turns", "_bounded", "_read")
"""Filters that are put into a template where it is read."""
_SIZED = frozenset({"batch", "indent", "round", "slice", "truncate", "wordwrap"})
"""Filters whose numbers say how much they make."""
_WORD = re.compile(rf"\S{{{_MAX_WIDTH + 1}}}")
_WIDTH = re.compile(r"%(?:%|(\((?![^()]*\)))|(?:\([^()]*\))?[-+ #0]*(\*|\d+)?(?:\.(\*|\d+))?)")
"""A place in a format: what is no name in brackets, a width and a precision."""


def _turns(iterable: Any) -> Iterator[Any]:
    """What a loop goes over, each turn of which is a step."""
    left = budget.get()
    for item in iterable:
        left.spend()
        yield item


def _within_bounds(made: Any) -> Any:
    budget.get().spend(made)
    return made


def _read(value: Any) -> Any:
    budget.get().read(value)
    return value


def _asked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A test of which what it looks at counts."""

    @functools.wraps(function)
    def asked(*args: Any) -> Any:
        budget.get().read(*args)
        return function(*args)

    return asked


def _counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is a step, and makes no more than it may."""

    @functools.wraps(function)
    def counted(*args: Any, **named: Any) -> Any:
        values = args[1:] if hasattr(function, "jinja_pass_arg") else args
        budget.get().read(*values, *named.values())
        if name in _SIZED:
            for given in (*values[1:], *named.values()):
                if isinstance(given, int) and abs(given) > _MAX_WIDTH:
                    raise TooMuch(f"{name} of {given}; at most {_MAX_WIDTH}")
        if name == "wordwrap" and (word := _WORD.search(str(values[0]))):
            raise TooMuch(
                f"a word of more than {_MAX_WIDTH} characters, {word[0][:20]!r} and so on, in wordwrap"
            )
        if name == "format":
            _check_widths(str(values[0]))
        if name == "replace":
            _check_growth(*map(str, values[:3]))
        if name == "join":
            values = (list(values[0]), *values[1:])
            args = (*args[: len(args) - len(values)], *values)
            _check_joined(values[0], str(values[1]) if len(values) > 1 else str(named.get("d", "")))
        return _within_bounds(function(*args, **named))

    return counted


def _check_widths(form: str) -> None:
    for width in (part for found in _WIDTH.finditer(form) for part in found.groups() if part):
        if not width.isdecimal() or int(width) > _MAX_WIDTH:
            raise TooMuch(f"a width of {width}; at most {_MAX_WIDTH}")


def _check_growth(text: str, old: str, new: str) -> None:
    if len(text) + text.count(old) * len(new) > MAX_TEXT:
        raise TooMuch(f"it makes a text of more than {MAX_TEXT} characters")


def _check_joined(items: list[Any], between: str) -> None:
    if sum(len(item) for item in items if isinstance(item, str)) + len(items) * len(between) > MAX_TEXT:
        raise TooMuch(f"it makes a text of more than {MAX_TEXT} characters")


def _range(*bounds: int) -> range:
    made = range(*bounds)
    if len(made) > MAX_STEPS:
        raise TooMuch(f"a range of {len(made)}; at most {MAX_STEPS}")
    return made


def _finalized(value: Any) -> str:
    """What stands in the text for a value."""
    if isinstance(value, jinja2.Undefined):
        return str(value)  # which raises
    if not isinstance(value, str | bool | int | float | list | dict | None):
        raise jinja2.TemplateRuntimeError("something that is no text, such as a function that is not called")
    try:
        return as_text(value)
    except TypeError as error:
        hint = "join(', ') or tojson makes text of it" if isinstance(value, list) else "say what is meant"
        raise jinja2.TemplateRuntimeError(f"{error}: {hint}") from None


class _Undefined(jinja2.StrictUndefined):
    """What is not there, as what is looked for in it is not either: `default` and `is defined` reach deep."""

    __slots__ = ()

    def __getattr__(self, name: str) -> _Undefined:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> _Undefined:  # type: ignore[override]
        return self


class Environment(ImmutableSandboxedEnvironment):
    """The language, within its bounds."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=_Undefined,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=_finalized,
            extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
            cache_size=0,
        )
        self.filters = {name: _counted(name, self.filters[name]) for name in FILTERS}
        self.filters |= dict(zip(OURS, (_turns, _within_bounds, _read), strict=True))
        tests: dict[str, Any] = self.tests
        self.tests = {name: _asked(test) for name, test in tests.items()}
        self.globals = {name: self.globals[name] for name in ("dict", "namespace", "joiner", "cycler")}
        self.globals["range"] = _range

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        _bound(tree)
        return tree

    def join_path(self, template: str, parent: str) -> str:
        """What a template has in it is named relative to it, as bodies are to manifests."""
        return posixpath.normpath(posixpath.join(posixpath.dirname(parent), template))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """An operation whose result may be large."""
        if operator == "%" and isinstance(left, str):
            _check_widths(left)
        elif operator == "*":
            for one, times in ((left, right), (right, left)):
                if (
                    isinstance(one, str | list | tuple)
                    and isinstance(times, int)
                    and len(one) * times > MAX_TEXT
                ):
                    raise TooMuch(f"it makes a value of more than {MAX_TEXT} characters, written out")
            if isinstance(left, int) and isinstance(right, int) and _bits(left) + _bits(right) > _MAX_BITS:
                raise TooMuch("it makes a number that is too large")
        elif operator == "**" and abs(right) * (_bits(left) if isinstance(left, int) else 1) > _MAX_BITS:
            raise TooMuch("it makes a number that is too large")
        return _within_bounds(super().call_binop(context, operator, left, right))

    def call(self, context: Any, obj: Any, *args: Any, **named: Any) -> Any:
        """A call, which is a step, and makes no more than it may."""
        budget.get().read(getattr(obj, "__self__", None), *args, *named.values())
        if getattr(obj, "__name__", "") == "replace" and isinstance(getattr(obj, "__self__", None), str):
            _check_growth(obj.__self__, *map(str, args[:2]))
        if getattr(obj, "__name__", "") == "join" and isinstance(getattr(obj, "__self__", None), str):
            args = (list(args[0]), *args[1:])
            _check_joined(args[0], obj.__self__)
        return _within_bounds(super().call(context, obj, *args, **named))

    def wrap_str_format(self, value: Any) -> None:
        """`format` of a text is none of the methods there are: a width in it is no number that could be looked at."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether it is something of the language, and not of Python."""
        for known, names in _METHODS.items():
            if isinstance(obj, known):
                return attr in names
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What a mapping has under a name counts before what Python can do with it."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


def _bound(tree: nodes.Template) -> None:
    """Have each turn of a loop counted, and each text, list and mapping that is put together."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, OURS[0], loop.lineno)
    for assigned in tree.find_all(nodes.AssignBlock):
        assigned.filter = _filtered(assigned.filter, OURS[1], assigned.lineno)
    for filtered in tree.find_all(nodes.FilterBlock):
        filtered.filter = _filtered(filtered.filter, OURS[1], filtered.lineno)
    for compared in list(tree.find_all(nodes.Compare)):
        holders: list[Any] = [compared, *compared.ops]
        for holder in holders:
            if not isinstance(holder.expr, nodes.Const):
                holder.expr = _filtered(holder.expr, OURS[2], compared.lineno)
    for node in list(tree.find_all(nodes.Node)):
        for name, child in node.iter_fields():
            if isinstance(child, nodes.Expr) and _makes(child):
                setattr(node, name, _filtered(child, OURS[1], child.lineno))
            elif isinstance(child, list):
                child[:] = [
                    _filtered(one, OURS[1], one.lineno)
                    if isinstance(one, nodes.Expr) and _makes(one)
                    else one
                    for one in child
                ]


def _makes(node: nodes.Expr) -> bool:
    """Whether it makes a text, or a list or mapping of what is not written out, or takes a part of one."""
    if isinstance(node, nodes.Tuple) and node.ctx != "load":
        return False  # names that values are given to
    if isinstance(node, nodes.List | nodes.Tuple):
        return not all(isinstance(one, nodes.Const) for one in node.items)
    if isinstance(node, nodes.Dict):
        return not all(isinstance(one.value, nodes.Const) for one in node.items)
    return isinstance(node, nodes.Concat) or (
        isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
    )


def _filtered(node: Any, name: str, line: int) -> nodes.Filter:
    made = nodes.Filter(node, name, [], [], None, None, lineno=line)
    made.environment = ENVIRONMENT
    return made


def _bits(number: int) -> int:
    return max(abs(number).bit_length(), 1)


ENVIRONMENT = Environment()
"""The one there is: it has no state."""
