"""The cases of a package, `cases/*.yaml` beside its manifest: each declares one resource in a small world.

Invariant: either all of them, or everything that is wrong with any, each with its place.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
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
FILES = "files"
"""The section of a world that has files, by path."""

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
    top = directory / CASES
    for name in sorted(os.listdir(top)) if top.is_dir() else ():
        if is_manifest(name):
            reader = Reader(str(top / name), problems)
            root = reader.document((top / name).read_bytes)
            cases += [_case(reader, item, kinds) for item in reader.items(root)]
    if problems:
        raise ConfigError(problems)
    return cases


def _case(reader: Reader, node: Node, kinds: Mapping[str, Kind]) -> Case:
    entry = reader.mapping(
        node,
        required=("name", "kind", "spec"),
        optional=("world", "source", "managed", "owned", "action", "differs", "fault", "after"),
    )
    kind = reader.text(entry.get("kind"))
    if kind and kind not in kinds:
        hint = did_you_mean(kind, kinds) or f"there is: {', '.join(kinds)}"
        reader.problem(entry["kind"], f"the package has no kind {kind!r}", hint)
    fault = [reader.text(one) for one in reader.items(entry.get("fault"))]
    if fault and (len(fault) != 2 or fault[0] not in set(ErrorClass)):
        wanted = f"should be a class ({', '.join(ErrorClass)}) and a part of the message"
        reader.problem(entry["fault"], wanted)
    return Case(
        name=reader.text(entry.get("name")),
        kind=kinds.get(kind) or next(iter(kinds.values())),
        spec={
            name: plain(value)
            for name, value in reader.entries(entry.get("spec"), "fields to values").items()
        },
        world=_world(reader, entry.get("world")),
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
        after=_world(reader, entry.get("after"), whole=False),
        place=reader.place(node),
    )


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
