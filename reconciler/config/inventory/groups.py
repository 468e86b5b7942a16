"""What an Ansible inventory says, in whichever form it is written: hosts, groups, and variables of both.

Invariant: everything knows where in the file it stands. What variables mean is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

ALL, UNGROUPED = "all", "ungrouped"

Say: TypeAlias = Callable[[int, str, str], None]
"""Is told where in the file something is wrong, what, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A value of a variable.

    Attributes:
        text: as a person would write it: `22`, `true`, `ops`; None for one that is a list, a mapping, or nothing.
        index: where it stands.
    """

    text: str | None
    index: int


@dataclass(slots=True)
class HostGroup:
    """A group.

    Attributes:
        index: where it was first named.
        hosts: those that are directly in it.
        children: the groups that are directly in it, with where that is said.
        variables: of all of its hosts.
        defined: whether it is more than named.
    """

    index: int
    hosts: dict[str, None] = field(default_factory=dict)
    children: dict[str, int] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    defined: bool = False


@dataclass(slots=True)
class Hosts:
    """A whole inventory.

    Attributes:
        groups: by name.
        hosts: the variables of each host's own, by its name, in order.
        places: where each host was first named.
    """

    groups: dict[str, HostGroup] = field(default_factory=dict)
    hosts: dict[str, dict[str, Variable]] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)

    def group(self, name: str, index: int) -> HostGroup:
        """The group of that name, from now on."""
        return self.groups.setdefault(name, HostGroup(index))

    def add(self, group: HostGroup, host: str, index: int, variables: dict[str, Variable]) -> None:
        """A host is in a group, with variables of its own."""
        group.hosts[host] = None
        self.places.setdefault(host, index)
        self.hosts.setdefault(host, {}).update(variables)

    def check(self, say: Say) -> bool:
        """See that the groups are no ring and all there; whether they are."""
        good = True
        for name, group in self.groups.items():
            for child, index in group.children.items():
                if child not in self.groups or not self.groups[child].defined:
                    say(
                        index,
                        f"the group {child} is in {name}, and there is none",
                        "declare it, or take it out",
                    )
                    good = False
                elif good and name in self._within(child):
                    say(index, f"the group {child} is in {name}, which is in it", "take one of them out")
                    good = False
        return good

    def _within(self, name: str) -> set[str]:
        """A group and every group in it, however deep."""
        found, waiting = {name}, [name]
        while waiting:
            group = self.groups.get(waiting.pop())
            for child in group.children if group is not None else ():
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def ancestry(self) -> dict[str, list[str]]:
        """The groups of each host, `all` first, and those that are in others after these; then by name.

        Of a variable that several of them have, the last one counts, as with Ansible.
        """
        parents: dict[str, list[str]] = {}
        for name, group in self.groups.items():
            for child in group.children:
                parents.setdefault(child, []).append(name)
        depth: dict[str, int] = {}

        def deep(name: str) -> int:
            if name not in depth:
                depth[name] = (
                    0 if name == ALL else 1 + max((deep(one) for one in parents.get(name, ())), default=0)
                )
            return depth[name]

        def above(name: str) -> Iterator[str]:
            yield name
            for parent in parents.get(name, ()):
                yield from above(parent)

        of: dict[str, set[str]] = {name: set(above(name)) for name in self.groups}
        found: dict[str, set[str]] = {host: {ALL} for host in self.hosts}
        for name, group in self.groups.items():
            for host in group.hosts:
                found[host] |= of[name]
        return {host: sorted(names, key=lambda name: (deep(name), name)) for host, names in found.items()}
