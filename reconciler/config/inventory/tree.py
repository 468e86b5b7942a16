"""An Ansible inventory in its YAML form: groups with `hosts`, `vars` and `children`."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.config.inventory.groups import Hosts, Say, Variable
from reconciler.config.inventory.ranges import expanded
from reconciler.core.suggest import did_you_mean
from reconciler.documents.nodes import Node
from reconciler.documents.reading import read_trees
from reconciler.documents.text import FileText
from reconciler.errors import Problem

_PARTS = ("hosts", "vars", "children")


def read_tree(file: FileText, say: Say, problems: list[Problem]) -> Hosts:
    """What a file says. All that is wrong with it is said, and left out."""
    found = Hosts()
    trees = read_trees(file)
    problems += trees.problems
    for root in trees.roots:
        if root is None:
            continue
        if root.fields is None:
            say(root.index, "this is no inventory", "one is a mapping of groups, such as all: {hosts: {…}}")
            continue
        for name, (index, node) in root.fields.items():
            _group(found, name, index, node, say)
    return found


def _group(found: Hosts, name: str, index: int, node: Node, say: Say) -> None:
    group = found.group(name, index)
    group.defined = True
    for part, at, below in _fields(node, f"the group {name}", say):
        if part == "hosts":
            for host, place, values in _fields(below, f"the hosts of {name}", say):
                variables = dict(_variables(values, f"the host {host}", say))
                try:
                    names = expanded(host)
                except ValueError as error:
                    say(place, str(error), "")
                    continue
                for one in names:
                    found.add(group, one, place, variables)
        elif part == "vars":
            group.variables.update(_variables(below, f"the variables of {name}", say))
        elif part == "children":
            for child, place, inner in _fields(below, f"the children of {name}", say):
                group.children[child] = place
                _group(found, child, place, inner, say)
        else:
            hint = did_you_mean(part, _PARTS) or f"a group has {', '.join(_PARTS)}"
            say(at, f"there is no {part!r} in a group", hint)


def _variables(node: Node, what: str, say: Say) -> Iterator[tuple[str, Variable]]:
    for name, index, value in _fields(node, what, say):
        text = value.plain if value.plain is not None else value.value
        if isinstance(value.value, bool):
            text = str(value.value).lower()
        yield name, Variable(text if isinstance(text, str) else None, index)


def _fields(node: Node, what: str, say: Say) -> Iterator[tuple[str, int, Node]]:
    """The fields of a mapping, each with where its key stands; nothing stands for none of them."""
    if node.fields is None:
        if node.items is not None or node.value is not None:
            say(node.index, f"{what}: this is no mapping", "names are keys here, with a colon behind them")
        return
    for name, (index, below) in node.fields.items():
        yield name, index, below
