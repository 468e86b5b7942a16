"""Which names of a Starlark module are its own, by Starlark's rules of scope, which are Python's without `global`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

Function = ast.FunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class Free:
    """What of a module is not bound in it, or at its top.

    Attributes:
        bound: the names that its top level binds, each with where it does so first.
        loads: its `load` statements at the top level, in order.
        names: references to what no function binds, in order.
    """

    bound: dict[str, ast.AST] = field(default_factory=dict)
    loads: list[ast.Call] = field(default_factory=list)
    names: list[ast.Name] = field(default_factory=list)


def free_names(tree: ast.Module) -> Free:
    """Look at all of a module."""
    found = Free()
    for statement in tree.body:
        if is_load(statement):
            found.loads.append(statement.value)  # type: ignore[attr-defined]
        else:
            for name, node in _bound(statement):
                found.bound.setdefault(name, node)
    loads = set(map(id, found.loads))
    for statement in tree.body:
        if not (isinstance(statement, ast.Expr) and id(statement.value) in loads):
            _references(statement, (), found.names)
    return found


def is_load(statement: ast.stmt) -> bool:
    """Whether a statement loads from another module."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and isinstance(statement.value.func, ast.Name)
        and statement.value.func.id == "load"
    )


def _bound(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The names that a statement binds in its own scope, in order."""
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.FunctionDef):
            yield one.name, one
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            yield one.id, one
        elif not isinstance(one, (ast.Lambda, *_COMPREHENSIONS)):
            waiting += reversed(list(ast.iter_child_nodes(one)))


def _references(node: ast.AST, scopes: tuple[frozenset[str], ...], found: list[ast.Name]) -> None:
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load) and not any(node.id in scope for scope in scopes):
            found.append(node)
        return
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        arguments = node.args
        for default in (*arguments.defaults, *arguments.kw_defaults):
            if default is not None:
                _references(default, scopes, found)
        inner = (*scopes, frozenset(_parameters(arguments)) | _own(node))
        body: list[ast.stmt] | list[ast.expr] = (
            node.body if isinstance(node, ast.FunctionDef) else [node.body]
        )
        for part in body:
            _references(part, inner, found)
        return
    if isinstance(node, _COMPREHENSIONS):
        _in_comprehension(node, scopes, found)
        return
    for child in ast.iter_child_nodes(node):
        _references(child, scopes, found)


def _in_comprehension(node: Comprehension, scopes: tuple[frozenset[str], ...], found: list[ast.Name]) -> None:
    """What it goes through first is outside of its scope."""
    first = node.generators[0].iter
    _references(first, scopes, found)
    bound = frozenset(name for one in node.generators for name, _ in _bound(one.target))
    inner = (*scopes, bound)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.comprehension):
            for part in (child.target, *(() if child.iter is first else (child.iter,)), *child.ifs):
                _references(part, inner, found)
        else:
            _references(child, inner, found)


def _parameters(arguments: ast.arguments) -> Iterator[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [one for one in (arguments.vararg, arguments.kwarg) if one is not None]
    return (one.arg for one in every)


def _own(function: Function) -> frozenset[str]:
    body = function.body if isinstance(function, ast.FunctionDef) else ()
    return frozenset(name for statement in body for name, _ in _bound(statement))
