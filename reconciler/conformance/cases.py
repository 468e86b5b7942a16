"""The cases of a package, `cases/*.yaml` beside its manifest: each declares one resource in a small world.

Those in `cases/host` are for hosts, which scripts bring to where a case begins.

Invariant: either all of them, or everything that is wrong with any, each with its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from froyo_provider.testing.memory import Node as FileNode
from reconciler.core.suggest import did_you_mean
from reconciler.documents.nodes import Node, plain
from reconciler.documents.reader import Reader
from reconciler.errors import ConfigError, ErrorClass, Problem
from reconciler.model.catalog import Kind
from reconciler.model.manifests import is_manifest
from reconciler.model.plan import Action

CASES = "cases"
"""The directory of a package that has them."""
HOST = "host"
"""The directory in that one that has those for hosts."""
FILES = "files"
"""The section of a world that has files, by path."""
PREPARED = "prepared"
"""The section of the world of a host that has the scripts which bring it there, by the names of their cases."""
SHOWN = "shown"
"""The section that has what the scripts print which look at a host, by their names."""

World = dict[str, dict[str, Any]]
"""Sections of things by name, such as `{"files": {"/srv/motd": {…}}}`; JSON."""

_ACTIONS = tuple(action.value for action in Action if action is not Action.REFRESH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One resource in one world, and what is expected.

    Attributes:
        name: in words.
        kind: of the resource.
        spec: as in a manifest, without `target`.
        world: what there is.
        source: the files of the source that the spec names, by path.
        managed: of a container, the paths below it that others manage.
        owned: whether what is there is ours.
        action: that is planned, or "".
        differs: the fields that differ, or None where nothing is said.
        fault: the class, and a part of the message, of what comes instead; or ().
        after: what there is then, field by field; None for what must not be there.
        place: `file:line:column`.
    """

    name: str
    kind: Kind
    spec: Mapping[str, Any]
    world: World
    source: Mapping[str, str] = field(default_factory=dict)
    managed: tuple[str, ...] = ()
    owned: bool = False
    action: str = ""
    differs: tuple[str, ...] | None = None
    fault: tuple[str, ...] = ()
    after: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    place: str = ""


@dataclass(slots=True)
class HostCases:
    """What a package has for hosts.

    Attributes:
        cases: each in a world that is `{"prepared": {NAME: SCRIPT}}`.
        clean: scripts that take away what any case may have left.
        look: scripts that print how what is changed by a case is, by their names.
    """

    cases: list[Case] = field(default_factory=list)
    clean: list[str] = field(default_factory=list)
    look: dict[str, str] = field(default_factory=dict)


def read_cases(directory: Path, kinds: Mapping[str, Kind]) -> list[Case]:
    """The cases of a package, in the order of their files.

    Args:
        directory: the package.
        kinds: its kinds, by name.

    Raises:
        ConfigError: with everything that is wrong with them.
    """
    problems: list[Problem] = []
    cases: list[Case] = []
    for reader, root in _documents(directory / CASES, problems):
        cases += [_case(reader, item, kinds) for item in reader.items(root)]
    if problems:
        raise ConfigError(problems)
    return cases


def read_host_cases(directory: Path, kinds: Mapping[str, Kind]) -> HostCases:
    """The cases of a package for hosts, in the order of their files.

    Args:
        directory: the package.
        kinds: its kinds, by name.

    Raises:
        ConfigError: with everything that is wrong with them.
    """
    problems: list[Problem] = []
    found = HostCases()
    for reader, root in _documents(directory / CASES / HOST, problems):
        entry = reader.mapping(root, required=("cases",), optional=("clean", "look"))
        if "clean" in entry:
            found.clean.append(reader.text(entry["clean"]))
        for title, script in reader.entries(entry.get("look"), "names to scripts").items():
            if title in found.look:
                reader.problem(script, f"{title!r} is looked at already", "give it another name")
            found.look[title] = reader.text(script)
        for item in reader.items(entry.get("cases")):
            found.cases.append(_case(reader, item, kinds, found.look))
    if problems:
        raise ConfigError(problems)
    return found


def _documents(top: Path, problems: list[Problem]) -> Iterator[tuple[Reader, Node | None]]:
    """The manifests that lie in a directory, if there is one, in the order of their names; each with its reader."""
    for name in sorted(os.listdir(top)) if top.is_dir() else ():
        if is_manifest(name):
            reader = Reader(str(top / name), problems)
            yield reader, reader.document((top / name).read_bytes)


def _case(
    reader: Reader, node: Node, kinds: Mapping[str, Kind], looks: Mapping[str, str] | None = None
) -> Case:
    """One case; of a host where `looks` says what there is to look at."""
    entry = reader.mapping(
        node,
        required=("name", "kind", "spec"),
        optional=(
            "world" if looks is None else "prepare",
            *("source", "managed", "owned", "action", "differs", "fault", "after"),
        ),
    )
    kind = reader.text(entry.get("kind"))
    if kind and kind not in kinds:
        hint = did_you_mean(kind, kinds) or f"there is: {', '.join(kinds)}"
        reader.problem(entry["kind"], f"the package has no kind {kind!r}", hint)
    fault = [reader.text(one) for one in reader.items(entry.get("fault"))]
    if fault and (len(fault) != 2 or fault[0] not in set(ErrorClass)):
        wanted = f"should be a class ({', '.join(ErrorClass)}) and a part of the message"
        reader.problem(entry["fault"], wanted)
    name = reader.text(entry.get("name"))
    if looks is None:
        world, after = _world(reader, entry.get("world")), _world(reader, entry.get("after"), whole=False)
    else:
        world = {PREPARED: {name: reader.text(entry["prepare"]) if "prepare" in entry else ""}}
        after = {SHOWN: _shown(reader, entry.get("after"), looks)}
    return Case(
        name=name,
        kind=kinds.get(kind) or next(iter(kinds.values())),
        spec={
            name: plain(value)
            for name, value in reader.entries(entry.get("spec"), "fields to values").items()
        },
        world=world,
        source={
            path: reader.text(value)
            for path, value in reader.entries(entry.get("source"), "paths to contents").items()
        },
        managed=tuple(reader.text(one) for one in reader.items(entry.get("managed"))),
        owned=reader.flag(entry.get("owned")),
        action=reader.one_of(entry.get("action"), _ACTIONS, "an action is"),
        differs=tuple(reader.text(one) for one in reader.items(entry["differs"]))
        if "differs" in entry
        else None,
        fault=tuple(fault),
        after=after,
        place=reader.place(node),
    )


def _shown(reader: Reader, node: Node | None, looks: Mapping[str, str]) -> dict[str, Any]:
    """What is to be printed in the end by the scripts that look, by their names; None for nothing."""
    found: dict[str, Any] = {}
    for title, value in reader.entries(node, "what is looked at to what is shown then").items():
        if title not in looks:
            hint = did_you_mean(title, looks) or f"there is: {', '.join(looks) or 'nothing'}"
            reader.problem(value, f"nothing looks at {title!r}", hint)
        found[title] = None if value.value is None else reader.text(value).strip()
    return found


def _world(reader: Reader, node: Node | None, *, whole: bool = True) -> World:
    """Sections of things; what is in `files` has to be a file, a directory or a link."""
    found: World = {}
    for section, things in reader.entries(node, "sections, such as files, to what is in each").items():
        found[section] = {}
        for name, value in reader.entries(things, "names to things").items():
            found[section][name] = plain(value)
            if section == FILES and whole:
                try:
                    FileNode.parse(found[section][name])
                except (TypeError, ValueError, AttributeError) as error:
                    reader.problem(
                        value, f"is nothing that can be at a path: {error}", "such as {content: hello}"
                    )
    return found
