"""A module as it is evaluated: what the package does not have is written otherwise, on the same lines."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from reconciler.languages.starlark.worker.modules import OVERRIDDEN, PREFIX, Module, Site, Unreadable
from reconciler.languages.starlark.worker.scopes import is_load
from reconciler.languages.starlark.worker.texts import Edit, Place, WrittenModule, character, written

_LAST = (1,)
"""The rank of what stands in the place of something. What is before that is written from outside in."""


def rewritten(
    module: Module,
    modules: Mapping[str, Module],
    helpers: Collection[str],
    first: int,
    exported: Collection[str],
) -> tuple[WrittenModule, list[Site]]:
    """A module as it is evaluated, and the places in it at which helpers are named.

    Args:
        module: which.
        modules: all that were read, by path.
        helpers: the names of the functions that know where they are called.
        first: the number of its first site.
        exported: its names that others use.
    """
    writer = _Writer(module, modules, helpers, first)
    writer.write()
    result = written(module.text, writer.edits)
    ends = "".join(f"{module.name(name)} = {name}\n" for name in sorted(exported))
    result.text = f"{result.text}\n{ends}"
    return result, writer.sites


class _Writer:
    def __init__(
        self, module: Module, modules: Mapping[str, Module], helpers: Collection[str], first: int
    ) -> None:
        self.module = module
        self.helpers = helpers
        self.first = first
        self.edits: list[Edit] = []
        self.sites: list[Site] = []
        self._dots: dict[tuple[int, int], tuple[int, int]] | None = None
        self.loaded = {
            name: modules[one.path].name(there)
            for one in module.loads
            for name, (there, _) in one.names.items()
        }

    def write(self) -> None:
        module = self.module
        calls = {id(node.func): node for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        for name in module.free.names:
            if name.id in self.loaded:
                self._replace(name, self.loaded[name.id])
            elif name.id in module.free.bound:
                continue
            elif name.id in self.helpers:
                self._replace(name, f"{PREFIX}s{self.first + len(self.sites)}")
                self.sites.append(_site(module, name, calls.get(id(name))))
            elif name.id in OVERRIDDEN:
                self._replace(name, PREFIX + name.id)
        for statement in module.tree.body:
            if is_load(statement):
                self._no_load(statement)
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Constant | ast.JoinedStr):
                self._attribute(node)

    def _replace(self, name: ast.Name, text: str) -> None:
        start, end = _span(name)
        self.edits.append(Edit(start, _LAST, end, text, self.module.place(name)))

    def _no_load(self, statement: ast.stmt) -> None:
        start, end = _span(statement)
        # A line stays a line.
        text = "\n" * (end[0] - start[0]) + "pass"
        self.edits.append(Edit(start, _LAST, end, text, self.module.place(statement)))

    def _attribute(self, node: ast.Attribute) -> None:
        start, end = _span(node)
        dot = self._dot(end, node.attr)
        place = dot[0], character(self.module.lines[dot[0] - 1], dot[1])
        if not isinstance(node.ctx, ast.Load):
            raise Unreadable(
                f"a field cannot be set: .{node.attr}", place, "make another struct, or use a dict"
            )
        name = self.module.lines[end[0] - 1][: end[1]].decode(errors="replace")
        name = name[-len(node.attr) :] if name.endswith(node.attr) else node.attr
        # What is between the dot and the name is white space, or a comment.
        breaks = "\n" * (end[0] - dot[0])
        self.edits.append(Edit(start, (0, -dot[0], -dot[1]), start, f"{PREFIX}get(", place))
        self.edits.append(Edit(dot, _LAST, end, f'{breaks}, "{name}")', place))

    def _dot(self, end: tuple[int, int], attribute: str) -> tuple[int, int]:
        """Where the dot stands of an attribute that ends somewhere."""
        line, column = end[0], end[1] - len(attribute.encode())
        before = self.module.lines[line - 1][:column].rstrip(b" \t")
        if before.endswith(b"."):
            return line, len(before) - 1
        if self._dots is None:
            self._dots = dict(_dots(self.module))
        return self._dots[line, end[1]]


def _dots(module: Module) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Where each name ends that a dot stands before, and where that dot is."""
    dot: tuple[int, int] | None = None
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.OP and token.string == ".":
            dot = token.start[0], _bytes(module, token.start)
        elif token.type == tokenize.NAME and dot is not None:
            yield (token.end[0], _bytes(module, token.end)), dot
            dot = None
        elif token.type not in {tokenize.NL, tokenize.COMMENT}:
            dot = None


def _bytes(module: Module, at: tuple[int, int]) -> int:
    return len(module.lines[at[0] - 1].decode()[: at[1]].encode())


def _span(node: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _site(module: Module, name: ast.Name, call: ast.Call | None) -> Site:
    if call is None:
        return Site(name.id, module.place(name))
    arguments = {one.arg: dict(_within(module, one.value, ())) for one in call.keywords if one.arg}
    keys = {one.arg: module.place(one) for one in call.keywords if one.arg}
    return Site(name.id, module.place(name), arguments, keys)


def _within(
    module: Module, value: ast.expr, path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Place]]:
    """Where a value stands, and what is written within it."""
    yield path, module.place(value)
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield from _within(module, item, (*path, key.value))
    elif isinstance(value, ast.List | ast.Tuple):
        for number, item in enumerate(value.elts):
            yield from _within(module, item, (*path, number))
