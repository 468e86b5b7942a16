"""What can be told of a template before it is rendered: what it reads, and what is wrong with it anyway."""

from __future__ import annotations

import re
from typing import Any

from jinja2 import meta, nodes

from reconciler.config.bounded_jinja import ENVIRONMENT, FILTERS
from reconciler.config.expressions import ROOTS
from reconciler.core.spoken import listed
from reconciler.core.suggest import did_you_mean
from reconciler.model.facts import SECTIONS


class TemplateError(Exception):
    """A template that means nothing, or cannot be rendered.

    Args:
        message: why.
        line: 1-based line of the template.
        column: 1-based column.
        hint: what to do about it.
        name: what was looked for and is not there, or "".
        paths: what is read on that line, as far as it is known.
    """

    def __init__(
        self,
        message: str,
        line: int,
        column: int = 1,
        hint: str = "",
        *,
        name: str = "",
        paths: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.hint = hint
        self.name = name
        self.paths = paths


def check_tree(tree: nodes.Template, source: str) -> None:
    """Whether it keeps to itself, and to what there is.

    Raises:
        TemplateError: it does not.
    """
    for other in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        line, column = place(source, other.lineno, "")
        raise TemplateError("a template cannot have others in it", line, column, "write out what it has")
    for used in tree.find_all(nodes.Filter):
        if used.name not in FILTERS:
            line, column = place(source, used.lineno, used.name)
            hint = did_you_mean(used.name, FILTERS) or f"there are {', '.join(FILTERS)}"
            raise TemplateError(f"there is no filter {used.name}", line, column, hint)
    known = {*ROOTS, *ENVIRONMENT.globals}
    for name in sorted(meta.find_undeclared_variables(tree) - known):
        node = next(one for one in tree.find_all(nodes.Name) if one.name == name)
        line, column = place(source, node.lineno, name)
        hint = did_you_mean(name, ROOTS) or f"write vars.{name} for a value of a Vars"
        raise TemplateError(
            f"a template reads {listed(ROOTS, 'and')}, and there is no {name}", line, column, hint
        )


def reads_of(tree: nodes.Template, source: str) -> dict[int, tuple[tuple[str, ...], ...]]:
    """What is read on each line.

    Raises:
        TemplateError: facts are, and it does not say which.
    """
    found: dict[int, dict[tuple[str, ...], None]] = {}

    def walk(node: nodes.Node, steps: tuple[str, ...]) -> None:
        if isinstance(node, nodes.Name) and node.ctx == "load" and node.name in ROOTS:
            path = (node.name, *steps)
            if path[0] == "facts" and (len(path) == 1 or path[1] not in SECTIONS):
                line, column = place(source, node.lineno, path[-1] if len(path) == 1 else path[1])
                if len(path) == 1:
                    message, hint = (
                        "a template names the facts that it reads",
                        "write facts.os, or another of them",
                    )
                else:
                    message = f"there are no facts called {path[1]}"
                    hint = did_you_mean(path[1], SECTIONS) or f"there are {', '.join(SECTIONS)}"
                raise TemplateError(message, line, column, hint)
            found.setdefault(node.lineno, {})[path] = None
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            walk(node.node.node, ())  # what is called is a method
        further = getattr(node, "node", None) if _step(node) else None
        for child in node.iter_child_nodes():
            if not (isinstance(node, nodes.Call) and child is node.node and isinstance(child, nodes.Getattr)):
                walk(child, (_step(node), *steps) if child is further else ())

    walk(tree, ())
    return {line: tuple(paths) for line, paths in found.items()}


def _step(node: nodes.Node) -> str:
    """The name by which a node goes further down; "" if it does not, or that is not known before it is rendered."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if (
        isinstance(node, nodes.Getitem)
        and isinstance(node.arg, nodes.Const)
        and isinstance(node.arg.value, str)
    ):
        return node.arg.value
    return ""


def bound(tree: nodes.Template) -> None:
    """Have each turn of a loop counted, and each text that is put together."""
    for loop in tree.find_all(nodes.For):
        loop.iter = _filtered(loop.iter, "_turns", loop.lineno)
    for assigned in tree.find_all(nodes.AssignBlock):
        assigned.filter = _filtered(assigned.filter, "_bounded", assigned.lineno)
    for filtered in tree.find_all(nodes.FilterBlock):
        filtered.filter = _filtered(filtered.filter, "_bounded", filtered.lineno)
    for node in list(tree.find_all(nodes.Node)):
        for name, child in node.iter_fields():
            if isinstance(child, nodes.Concat):
                setattr(node, name, _filtered(child, "_bounded", child.lineno))
            elif isinstance(child, list):
                child[:] = [
                    _filtered(one, "_bounded", one.lineno) if isinstance(one, nodes.Concat) else one
                    for one in child
                ]


def _filtered(node: Any, name: str, line: int) -> nodes.Filter:
    made = nodes.Filter(node, name, [], [], None, None, lineno=line)
    made.environment = ENVIRONMENT
    return made


def place(source: str, line: int, name: str) -> tuple[int, int]:
    """Line and column. Where on a line, or shortly below it, something stands; else where its first tag begins."""
    lines = source.split("\n")
    if name:
        for number in range(line, min(line + 10, len(lines) + 1)):
            if found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", lines[number - 1]):
                return number, found.start() + 1
    found = re.search(r"\{[{%#]", lines[line - 1]) if 0 < line <= len(lines) else None
    return line, found.start() + 1 if found else 1
