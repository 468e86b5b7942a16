"""What can be told of a template before it is rendered: what it reads, and what is wrong with it anyway."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from jinja2 import meta, nodes

from reconciler.config.bounded_jinja import ENVIRONMENT, FILTERS, OURS
from reconciler.config.expressions import ROOTS
from reconciler.core.fact_hints import fact_hint_or_all
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

    Attributes:
        file: which of the files that the template is made of, or "" where it is in none.
        text: what is in that.
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
        self.file = ""
        self.text = ""


def check_tree(tree: nodes.Template, source: str, *, included: bool = False) -> None:
    """Whether it keeps to what there is. What is included may read names of what includes it.

    Raises:
        TemplateError: it does not.
    """
    for used in tree.find_all(nodes.Filter):
        if used.name not in FILTERS and used.name not in OURS:
            line, column = place(source, used.lineno, used.name)
            hint = did_you_mean(used.name, FILTERS) or f"there are {', '.join(FILTERS)}"
            raise TemplateError(f"there is no filter {used.name}", line, column, hint)
    if included:
        return
    known = {*ROOTS, *ENVIRONMENT.globals, "super", "self", "caller", *_made_in(tree)}
    for name in sorted(meta.find_undeclared_variables(tree) - known):
        node = next(one for one in tree.find_all(nodes.Name) if one.name == name)
        line, column = place(source, node.lineno, name)
        hint = did_you_mean(name, ROOTS) or f"write vars.{name} for a value of a Vars"
        if name.startswith("ansible_"):
            hint = "what is known of a target is facts.SECTION.NAME; `froyo facts TARGET` shows all of it"
        raise TemplateError(
            f"a template reads {listed(ROOTS, 'and')}, and there is no {name}", line, column, hint
        )


def _made_in(tree: nodes.Template) -> Iterator[str]:
    """The names that a template gives to something itself: a block sees them, wherever that is."""
    yield from (one.name for one in tree.find_all(nodes.Name) if one.ctx != "load")
    yield from (one.name for one in tree.find_all(nodes.Macro))
    yield from (one.target for one in tree.find_all(nodes.Import))
    for imported in tree.find_all(nodes.FromImport):
        yield from (name if isinstance(name, str) else name[1] for name in imported.names)


def others_in(tree: nodes.Template, source: str) -> Iterator[tuple[str, int, bool]]:
    """The files that a template has in it: each by its name, with its line, and whether it may be missing.

    Raises:
        TemplateError: one is named by a value.
    """
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        named: Any = getattr(node, "template", None)
        if not isinstance(named, nodes.Const) or not isinstance(named.value, str):
            line, column = place(source, node.lineno, "")
            raise TemplateError(
                "a template names the files that it has in it", line, column, "write out the name"
            )
        yield named.value, node.lineno, bool(getattr(node, "ignore_missing", False))


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
                    hint = fact_hint_or_all(path[1:])
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


def surely_read(tree: nodes.Template) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """What is written out whatever the values are: each path with its line. What stands in any tag may not be."""
    if any(tree.find_all(nodes.Extends)) or not set(ROOTS).isdisjoint(_made_in(tree)):
        return ()
    found = []
    for output in tree.body:
        for written in output.nodes if isinstance(output, nodes.Output) else ():
            steps, node = [], written
            while step := _step(node):
                steps.append(step)
                node = node.node  # type: ignore[attr-defined]
            if steps and isinstance(node, nodes.Name) and node.name in ROOTS:
                found.append((written.lineno, (node.name, *reversed(steps))))
    return tuple(found)


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


def place(source: str, line: int, name: str) -> tuple[int, int]:
    """Line and column. Where on a line, or shortly below it, something stands; else where its first tag begins."""
    lines = source.split("\n")
    if name:
        for number in range(line, min(line + 10, len(lines) + 1)):
            if found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", lines[number - 1]):
                return number, found.start() + 1
    found = re.search(r"\{[{%#]", lines[line - 1]) if 0 < line <= len(lines) else None
    return line, found.start() + 1 if found else 1
