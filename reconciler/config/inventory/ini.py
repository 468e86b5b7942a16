"""An Ansible inventory in its INI form: sections of hosts, of variables and of groups."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

from reconciler.config.inventory.groups import UNGROUPED, Hosts, Say, Variable
from reconciler.config.inventory.ranges import expanded
from reconciler.core.suggest import did_you_mean
from reconciler.documents.text import FileText

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_PORT = re.compile(r"(.+):([0-9]+)")
_KINDS = ("hosts", "children", "vars")


def read_ini(file: FileText, say: Say) -> Hosts:
    """What a file says. All that is wrong with it is said, and left out."""
    found, name, kind = Hosts(), UNGROUPED, "hosts"
    found.group(UNGROUPED, 0).defined = True
    for index, line in _lines(file):
        section = _SECTION.fullmatch(line)
        if section is not None:
            name, kind = section[1], section[2] or "hosts"
            group = found.group(name, index)
            group.defined = group.defined or kind != "vars"
            if kind not in _KINDS:
                hint = (
                    did_you_mean(kind, _KINDS) or f"there are [{name}], [{name}:children] and [{name}:vars]"
                )
                say(index, f"there are no sections of {kind!r}", hint)
        elif line.startswith("["):
            say(index, f"{line!r} is no section", "one is written as [web], [web:children] or [web:vars]")
        elif kind == "hosts":
            _host(found, name, line, index, say)
        elif kind == "vars":
            key, equals, value = line.partition("=")
            if equals:
                found.groups[name].variables[key.strip()] = Variable(_plain(value.strip()), index)
            else:
                say(index, "this gives no variable a value", "write it as name=value")
        elif kind == "children":
            child = _GROUP.fullmatch(line)
            if child is None:
                say(index, f"{line!r} is no name of a group", "one stands alone on its line")
            else:
                found.group(child[1], index)
                found.groups[name].children[child[1]] = index
    return found


def _lines(file: FileText) -> Iterator[tuple[int, str]]:
    """Those that say something, and where each begins."""
    number, end = 1, len(file.text)
    while (start := file.line_start(number)) < end:
        line = file.line(number)
        text = line.strip()
        if text and text[0] not in "#;":
            yield start + len(line) - len(line.lstrip()), text
        number += 1


def _host(found: Hosts, group: str, line: str, index: int, say: Say) -> None:
    try:
        pattern, *rest = shlex.split(line, comments=True)
    except ValueError as error:
        say(index, f"the line cannot be understood: {error}", "close the quotes")
        return
    variables: dict[str, Variable] = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals:
            say(index, "a word behind the host gives no variable a value", "write it as name=value")
            return
        variables[key] = Variable(_plain(value), index + max(line.find(f"{key}="), 0))
    if (port := _PORT.fullmatch(pattern)) is not None and pattern.count("[") == pattern.count("]"):
        pattern = port[1]
        variables.setdefault("ansible_port", Variable(port[2], index))
    try:
        names = expanded(pattern)
    except ValueError as error:
        say(index, str(error), "")
        return
    for name in names:
        found.add(found.groups[group], name, index, variables)


def _plain(value: str) -> str | None:
    """A value as a person would write it. Ansible takes what Python would for a value, and the rest for text."""
    try:
        meant = ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
    if isinstance(meant, bool):
        return str(meant).lower()
    return str(meant) if isinstance(meant, str | int) else None
