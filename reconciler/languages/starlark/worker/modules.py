"""One Starlark module: read, and written as it is evaluated.

The package that evaluates has no `struct`, no attributes but those of built-in types, no `load`, and says where an
error is but not where a call was. So a module is evaluated as it would be written without them: an attribute is looked
up by a function of the prelude, what is loaded is a name of another module, and a call of a helper is one of a function
that knows where it stands. Everything else is left as it is, and errors are told at the places that people wrote.

Python's own parser reads the module: what is Starlark is Python, and what is not is refused by Starlark afterwards, in
its own words.
"""

from __future__ import annotations

import ast
import posixpath
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.languages.starlark.worker.scopes import Free, free_names
from reconciler.languages.starlark.worker.texts import Place, character

PREFIX = "froyo__"
"""What the names begin with that a module may not have."""

OVERRIDDEN = ("dir", "getattr", "hasattr", "json", "repr", "str", "struct", "type")
"""Names of the language that the prelude has in its own way."""

PARTS = ("revision", "settings", "source", "targets", "vars")
"""What of `ctx` is given only where a module speaks of it."""

FACTS = "facts"


class Unreadable(Exception):
    """A module that cannot be read. Starlark is asked why, and if it sees nothing wrong this is what is said.

    Args:
        message: what is wrong.
        place: where.
        hint: what to do about it.
    """

    def __init__(self, message: str, place: Place, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Load:
    """A `load` statement.

    Attributes:
        path: of the module, in the source.
        names: by the name that it has here, the one that it has there, and where that is written.
        place: of the path.
    """

    path: str
    names: Mapping[str, tuple[str, Place]]
    place: Place


@dataclass(frozen=True, slots=True)
class Site:
    """Where a helper is named.

    Attributes:
        helper: which.
        place: where.
        arguments: of a call, where the value of each argument stands, with what is within it.
        keys: of a call, where the name of each argument stands.
    """

    helper: str
    place: Place
    arguments: Mapping[str, Mapping[tuple[str | int, ...], Place]] = field(default_factory=dict)
    keys: Mapping[str, Place] = field(default_factory=dict)


@dataclass(slots=True)
class Module:
    """A module that has been read.

    Attributes:
        path: in the source.
        number: that its names are known by elsewhere.
        tree: as Python reads it.
        lines: its lines, as bytes.
        free: its own names, and the others.
        loads: what it loads.
        main: where `main` is defined, and whether it takes one argument; None if it is not defined.
        asks: what of `ctx` it speaks of.
        returns: whether `main` returns anything anywhere.
    """

    path: str
    number: int
    text: str
    tree: ast.Module
    lines: list[bytes]
    free: Free
    loads: list[Load]
    main: tuple[Place, bool] | None
    asks: frozenset[str]
    returns: bool = True

    def place(self, node: Any) -> Place:
        """Where a node begins."""
        return node.lineno, character(self.lines[node.lineno - 1], node.col_offset)

    def name(self, name: str) -> str:
        """What a name of this module is called in others."""
        return f"{PREFIX}m{self.number}_{name}"


def read(path: str, number: int, text: str, sections: Collection[str]) -> Module:
    """Read a module.

    Raises:
        Unreadable: it is none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, path)
        free = free_names(tree)
    except SyntaxError as error:
        raise Unreadable(error.msg, (error.lineno or 1, error.offset or 1)) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable("it is nested too deeply to be read", (1, 1)) from error
    lines = [line.encode() for line in text.split("\n")]
    module = Module(path, number, text, tree, lines, free, [], None, frozenset(_asked(tree, sections)))
    for name, node in _identifiers(tree):
        if name.startswith(PREFIX):
            raise Unreadable(f"no name begins with {PREFIX}", module.place(node))
    module.loads = [_load(module, call) for call in free.loads]
    main = free.bound.get("main")
    if isinstance(main, ast.FunctionDef):
        taken = main.args
        needed = len(taken.args) - len(taken.defaults)
        module.main = module.place(main), needed <= 1 and bool(taken.args or taken.vararg)
        module.returns = any(_returned(main.body))
    return module


def _returned(body: Collection[ast.stmt]) -> Iterator[bool]:
    """Whether each `return` has a value; those of functions within are theirs."""
    todo: list[ast.AST] = list(body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Return):
            yield node.value is not None
        elif not isinstance(node, (ast.FunctionDef, ast.Lambda)):
            todo += ast.iter_child_nodes(node)


def _load(module: Module, call: ast.Call) -> Load:
    if not call.args or not all(_is_text(one) for one in (*call.args, *(k.value for k in call.keywords))):
        raise Unreadable(
            'load() takes text as it is written: load("//lib/web.star", "site")', module.place(call)
        )
    first = call.args[0]
    names: dict[str, tuple[str, Place]] = {}
    given = [(_text(one), one) for one in call.args[1:]]
    for here, there in [*given, *((one.arg or "", one.value) for one in call.keywords)]:
        if _text(there).startswith("_"):
            raise Unreadable(
                f"{_text(there)} begins with _, and so is for its own module alone", module.place(there)
            )
        if here in names or here in module.free.bound:
            raise Unreadable(f"{here} is there already", module.place(there), "load it by another name")
        names[here] = _text(there), module.place(there)
    if not names:
        raise Unreadable("load() names nothing that it is to load", module.place(call))
    return Load(_path(module, _text(first), module.place(first)), names, module.place(first))


def _path(module: Module, label: str, place: Place) -> str:
    """The path in the source of what a module loads."""
    if label.startswith("//"):
        written_path, base = label[2:], ""
    else:
        written_path, base = label.removeprefix(":"), posixpath.dirname(module.path)
    # As Bazel names it: the file after a colon.
    written_path = written_path.replace(":", "/", 1).lstrip("/") if label.startswith("//") else written_path
    path = posixpath.normpath(posixpath.join(base, written_path))
    if label.startswith(("@", "/")) and not label.startswith("//"):
        raise Unreadable(
            f"{label!r} is no file of this source", place, 'write "//lib/web.star", from its root'
        )
    if path == ".." or path.startswith("../"):
        raise Unreadable(f"{label!r} leads out of the source's root", place, "put the file below the root")
    if not path.endswith(".star"):
        raise Unreadable(f"{label!r} is not called *.star", place, "name a module of Starlark")
    return path


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _text(node: ast.expr) -> str:
    return str(getattr(node, "value", ""))


def _identifiers(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node
        elif isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.arg):
            yield node.arg, node


def _asked(tree: ast.Module, sections: Collection[str]) -> Iterator[str]:
    """What of `ctx` a module may ask for: what it says in the place of a field or a key.

    Of facts it is the section, as `facts.os`, or `facts` where it does not say which.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            said, inner = node.attr, node.value
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            said, inner = str(node.slice.value), node.value
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            said, inner = node.value, node
        else:
            continue
        if said in sections and getattr(inner, "attr", getattr(inner, "id", "")) == FACTS:
            yield f"{FACTS}.{said}"
        elif said in {*PARTS, FACTS}:
            yield said
