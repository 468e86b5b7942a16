"""Trees of a simulation: a Directory with a `source`, whose files come, go and change, and what must lie there then."""

import random
from collections.abc import Collection, Iterator
from typing import Any

from tests.sim.files import Files, digest_of

Json = dict[str, Any]

NAMES = ("a", "b", "sub/c", "sub/deep/d", "keep-e", "sub/keep-f")
"""What the source may have."""

BESIDE = (*NAMES, "sub", "sub/deep", "litter", "sub/litter", "keep-it")
"""What somebody may lay hands on."""


def rewrite(one: Json, random_: random.Random, serial: int) -> None:
    """Another version of a tree.

    Args:
        one: its slot.
        random_: what its author goes by.
        serial: of this version.
    """
    spec: Json = {"path": one["spec"]["path"]}
    before = one["spec"].get("files", {})
    files = {}
    for name in NAMES:
        if name in before and random_.random() < 0.5:
            files[name] = before[name]
        elif random_.random() < 0.6:
            files[name] = [f"{name} as of {serial}\n" * random_.choice([1, 1, 40]), random_.random() < 0.3]
    spec["files"] = files
    if random_.random() < 0.5:
        spec["purge"] = True
    if random_.random() < 0.6 or "purge" in spec:
        spec["except"] = ["keep-*"]
    common: Json = {}
    if random_.random() < 0.15:
        common["policy"] = random_.choice(["observe", "paused"])
    if random_.random() < 0.6:
        common["deletion"] = random_.choice(["delete", "confirm"])
    if random_.random() < 0.2:
        common["interval"] = random_.choice([5.0, 45.0])
    one["spec"], one["common"], one["declared"] = spec, common, random_.random() < 0.9


def declared(files: Json) -> Json:
    """The field `tree` of an instance."""
    return {name: [digest_of(text.encode()), len(text), runs] for name, (text, runs) in files.items()}


def directories(tree: Collection[str]) -> set[str]:
    """The directories that lead to the files of a tree."""
    return {
        "/".join(parts[:depth])
        for parts in (name.split("/") for name in tree)
        for depth in range(1, len(parts))
    }


def is_excepted(spec: Json, name: str) -> bool:
    """Whether `except` has a name below left alone."""
    return "except" in spec and is_named(name)


def is_named(name: str) -> bool:
    """Whether `keep-*` names something below a directory: an entry at any depth, and with it all that is below it."""
    return any(part.startswith("keep-") for part in name.split("/"))


def wrong_below(spec: Json, files: Files, managed: Collection[str]) -> Iterator[str]:
    """What of a tree does not lie there as the source has it.

    Args:
        spec: of the Directory.
        files: of the machine.
        managed: every path that is declared on the machine.
    """

    managed = [one for one in managed if one.startswith(spec["path"] + "/")]

    def is_left(name: str) -> bool:
        path = f"{spec['path']}/{name}"
        return is_excepted(spec, name) or any(path == one or path.startswith(one + "/") for one in managed)

    for name in sorted(directories(spec["tree"])):
        if is_left(name):
            continue  # else it is there, be it that all that it leads to is left alone
        node = files.nodes.get(f"{spec['path']}/{name}")
        if node is None or node.type != "directory":
            yield f"no directory {name}"
    for name, (digest, _, runs) in spec["tree"].items():
        node = files.nodes.get(f"{spec['path']}/{name}")
        if is_left(name):
            continue
        if node is None or node.type != "file" or digest_of(node.content) != digest:
            yield f"content of {name}"
        elif bool(node.mode & 0o100) is not runs:
            yield f"mode {node.mode:04o} of {name}"


def is_of(spec: Json, path: str) -> bool:
    """Whether something below is the tree's to write and to remove: what the source has, and `except` does not name."""
    name = path.removeprefix(spec["path"] + "/")
    return (name in spec["tree"] or name in directories(spec["tree"])) and not is_excepted(spec, name)


def roots(slots: Collection[Json]) -> list[str]:
    """The paths of trees."""
    return [one["spec"]["path"] for one in slots if one.get("tree")]


def misplaced(one: Json, files: Files) -> list[str]:
    """What is of another type than the source has it: without a person it may stay for ever."""
    if not one.get("tree"):
        return []
    wanted = dict.fromkeys(one["spec"]["files"], "file") | dict.fromkeys(
        directories(one["spec"]["files"]), "directory"
    )
    paths = {f"{one['spec']['path']}/{name}": found for name, found in wanted.items()}
    return [path for path, found in paths.items() if path in files.nodes and files.nodes[path].type != found]
