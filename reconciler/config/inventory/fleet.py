"""An Inventory to targets: what it lists itself, and what the files list that it names.

Invariant: nothing is left out in silence: what cannot be made a target is an error at its place, in whichever file
that is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from reconciler.config.bodies import BadBody, beside
from reconciler.config.builtin import MEANINGS, NAME
from reconciler.config.inventory.ansible import FoundHost, found_hosts
from reconciler.config.inventory.ini import read_ini
from reconciler.config.inventory.ranges import expanded
from reconciler.config.inventory.ssh_config import read_ssh_config
from reconciler.config.inventory.tree import read_tree
from reconciler.config.own_fields import Complain, Path
from reconciler.config.targets import ControllerPaths, made_target, ssh_transport
from reconciler.core.suggest import Suggestions
from reconciler.documents.reading import Document, Locator
from reconciler.documents.text import FileText, decode
from reconciler.errors import Problem
from reconciler.model.names import DEFAULT_NAMESPACE, Digest, target_name
from reconciler.model.origin import Origin
from reconciler.model.selector import is_label_key
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.model.target import LocalTransport, SshTransport, Target

GROUP = "group/"
"""What the label of an Ansible group begins with."""

_NAME = re.compile(NAME)
_SECRET = re.compile(r"(?i)pass(word|phrase)?\w*\s*[=:]|private_key\s*[=:]")
"""A line that must not be shown."""
_TREES = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class PlacedTarget:
    """A target, what makes a problem with its name where that is declared, and what makes a warning of it there."""

    target: Target
    at: Callable[[str, str], Problem]
    about: Callable[[str, str], Problem]


@dataclass(frozen=True, slots=True)
class HostFile:
    """A file of the source that lists hosts.

    Attributes:
        field: of the Inventory's spec: `ansible` or `sshConfig`.
        path: in the source.
        wanted: globs of the hosts that are meant; none for all.
    """

    field: str
    path: str
    wanted: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Fleet:
    """What an Inventory says by itself.

    Attributes:
        name: of the Inventory.
        document: where it stands; its value is not kept.
        origin: the same.
        labels: of all of its targets.
        ssh: how all of them are reached, unless they say otherwise.
        listed: the targets that it lists, each with its place in the document.
        files: that list more of them.
        namespace: of the Inventory, and of its targets.
        read: what came of these before, by the field that names them, with the digest that the file had.
    """

    name: str
    document: Document
    origin: Origin
    labels: Mapping[str, str]
    ssh: Mapping[str, Any]
    listed: list[tuple[Target, Path]] = field(default_factory=list)
    files: list[HostFile] = field(default_factory=list)
    namespace: str = DEFAULT_NAMESPACE
    read: dict[str, tuple[Digest, list[PlacedTarget], list[Problem]]] = field(default_factory=dict)


def fleet_of(
    document: Document,
    origin: Origin,
    places: Locator,
    controller: ControllerPaths,
    complain: Complain,
) -> Fleet:
    """What a valid Inventory says by itself.

    Args:
        document: with its value.
        origin: where it stands.
        places: of its file.
        controller: what paths are relative to.
        complain: told the path within the spec, a message and a hint.
    """
    spec = document.value["spec"]
    fleet = Fleet(
        document.value["metadata"]["name"],
        document.where(),
        origin,
        dict(spec.get("labels") or {}),
        dict(spec.get("ssh") or {}),
        namespace=document.value["metadata"].get("namespace") or DEFAULT_NAMESPACE,
    )
    told: set[tuple[Path, str]] = set()

    def once(path: Path, message: str, hint: str) -> None:
        if (path, message) not in told:
            told.add((path, message))
            complain(path, message, hint)

    for number, entry in enumerate(spec.get("hosts") or ()):
        at: Path = ("hosts", number)
        index = places.locate(document, ("spec", *at, "name")).node.index
        place = places.origin(origin, index)
        own = entry.get("ssh") or {}
        labels = {**fleet.labels, **(entry.get("labels") or {})}
        for name, host in _paired(entry["name"], own.get("host"), at, complain):
            if not _NAME.fullmatch(name):
                complain((*at, "name"), f"no target can be called {name!r}", f"names are {MEANINGS[NAME]}")
                break
            ssh = {**fleet.ssh, **own, "host": host}
            about = partial(_from_whom, once, number, own)
            transport = ssh_transport(ssh, origin.base, controller, about)
            called = target_name(name, fleet.namespace)
            fleet.listed.append((made_target(called, labels, transport, place), (*at, "name")))
    for name in ("ansible", "sshConfig"):
        if (written := spec.get(name)) is None:
            continue
        path = beside(name, written["path"], origin.base, what="file")
        if isinstance(path, BadBody):
            complain((name, "path"), path.message, path.hint)
        else:
            fleet.files.append(HostFile(name, path, tuple(written.get("hosts") or ())))
    return fleet


def _from_whom(
    complain: Complain, number: int, own: Mapping[str, Any], path: Path, message: str, hint: str
) -> None:
    """What is wrong with how a host is reached, at the entry that says so, or where it is said for all."""
    where: Path = ("hosts", number, *path) if path[-1] in own else path
    complain(where, message, hint)


def _paired(name: str, host: str | None, at: Path, complain: Complain) -> Iterator[tuple[str, str]]:
    """The names of an entry, each with where it is reached."""
    try:
        names = expanded(name)
    except ValueError as error:
        complain((*at, "name"), str(error), "")
        return
    if host is None:
        yield from zip(names, names, strict=True)
        return
    try:
        hosts = expanded(host)
    except ValueError as error:
        complain((*at, "ssh", "host"), str(error), "")
        return
    if len(hosts) != len(names):
        complain(
            (*at, "ssh", "host"),
            f"the name stands for {len(names):,} targets, and this for {len(hosts):,} hosts",
            "give both ranges of the same length",
        )
        return
    yield from zip(names, hosts, strict=True)


class FleetFiles:
    """Reads the files that inventories name.

    Args:
        snapshot: where they are.
        controller: what paths are relative to.
        suggestions: finds names that were probably meant.

    Attributes:
        problems: what is wrong in them.
        warnings: what is not taken over.
    """

    def __init__(self, snapshot: Snapshot, controller: ControllerPaths, suggestions: Suggestions) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._snapshot = snapshot
        self._controller = controller
        self._suggestions = suggestions

    def targets(
        self, fleet: Fleet, listing: HostFile, missing: Callable[[str, str], Problem]
    ) -> list[PlacedTarget]:
        """The targets that a file lists for an Inventory.

        Args:
            fleet: the Inventory.
            listing: the file.
            missing: makes a problem at the place where it is named.
        """
        file = self._snapshot.files.get(listing.path)
        if file is None:
            hint = self._suggestions.hint(listing.path, self._snapshot.files)
            self.problems.append(
                missing(
                    f"{listing.path} is no part of the source",
                    hint or "it must exist below the source's root, and not be ignored",
                )
            )
            return []
        if (known := fleet.read.get(listing.field)) is not None and known[0] == file.digest:
            self.warnings += known[2]
            return known[1]
        problems, warnings = len(self.problems), len(self.warnings)
        placed = self._read(fleet, listing, file)
        if len(self.problems) == problems:
            fleet.read[listing.field] = file.digest, placed, self.warnings[warnings:]
        return placed

    def _read(self, fleet: Fleet, listing: HostFile, file: SnapshotFile) -> list[PlacedTarget]:
        text = decode(listing.path, file.read())
        if isinstance(text, Problem):
            self.problems.append(text)
            return []

        def say(index: int, message: str, hint: str) -> None:
            self.problems.append(_problem(text, index, message, hint))

        def warn(index: int, message: str, hint: str) -> None:
            self.warnings.append(_problem(text, index, message, hint))

        found: list[FoundHost] = []
        if listing.field == "sshConfig":
            found = read_ssh_config(text, listing.wanted, say, warn)
        else:
            as_tree = listing.path.endswith(_TREES)
            hosts = read_tree(text, say, self.problems) if as_tree else read_ini(text, say)
            if hosts.check(say):
                found = found_hosts(hosts, say, warn)
        return [
            placed for host in found if (placed := self._placed(fleet, listing, text, host, say)) is not None
        ]

    def _placed(
        self,
        fleet: Fleet,
        listing: HostFile,
        text: FileText,
        host: FoundHost,
        say: Callable[[int, str, str], None],
    ) -> PlacedTarget | None:
        if not _NAME.fullmatch(host.name):
            hint = f"names are {MEANINGS[NAME]}: give it such a one here, and say where it is reached"
            say(host.index, f"no target can be called {host.name!r}", hint)
            return None
        labels = dict(fleet.labels)
        for group in host.groups:
            if is_label_key(GROUP + group):
                labels[GROUP + group] = "true"
            else:
                say(host.index, f"no label can be made of the group {group!r}", "give it another name")
        ssh = {**fleet.ssh, **host.ssh}
        origin = Origin(listing.path, text.place(host.index)[0], 0, fleet.origin.root)

        def complain(path: Path, message: str, hint: str) -> None:
            say(host.index, f"{path[-1]}: {message}", hint)

        transport: LocalTransport | SshTransport
        if host.local:
            transport = LocalTransport(ssh.get("become", ""))
        else:
            ssh.setdefault("host", host.name)
            transport = ssh_transport(ssh, fleet.origin.base, self._controller, complain)
        at = partial(_problem, text, host.index)
        return PlacedTarget(
            made_target(target_name(host.name, fleet.namespace), labels, transport, origin), at, at
        )


def _problem(text: FileText, index: int, message: str, hint: str) -> Problem:
    """A problem in a file that may hold passwords."""
    problem = text.problem(index, message, hint)
    return replace(problem, excerpt="") if _SECRET.search(text.line(problem.line)) else problem
