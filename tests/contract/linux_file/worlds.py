"""Small random worlds and small random wishes, close enough together that most of them meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.contract.linux_file.memory import Node

Json = dict[str, Any]

NAMES = st.sampled_from(["a", "b", "c d", "é", "x.bak", "\udcff"])
MODES = st.sampled_from(["0644", "600", "4755", "02750", "1777", "0000"])
ACCOUNTS = st.sampled_from(["root", "www-data", "0", 33, "33"])
BODIES = st.sampled_from([b"", b"one\n", b"two\n", b"\0\xff", b"long" * 20_000])
TARGETS = st.sampled_from(["a", "/nowhere/app", "../nowhere"])

nodes = st.builds(
    Node,
    type=st.sampled_from(["file", "file", "directory", "directory", "symlink", "other"]),
    mode=st.sampled_from([0o644, 0o600, 0o4755, 0o2750]),
    uid=st.sampled_from([0, 33, 12345]),
    gid=st.sampled_from([0, 33]),
    mountpoint=st.sampled_from([False] * 9 + [True]),
    immutable=st.sampled_from([False] * 9 + [True]),
)


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Node]:
    """A tree of up to three levels below /srv; only a directory has anything in it."""
    found: dict[str, Node] = {}

    def fill(above: str, depth: int) -> None:
        for name in draw(st.sets(NAMES, min_size=2 if depth == 1 else 1, max_size=3)):
            node = draw(nodes)
            if node.type == "file":
                node = Node(
                    "file", node.mode, node.uid, node.gid, draw(BODIES), "", node.mountpoint, node.immutable
                )
            elif node.type == "symlink":
                node = Node("symlink", 0o777, node.uid, node.gid, b"", draw(TARGETS))
            found[f"{above}/{name}"] = node
            if node.type == "directory" and depth < 3:
                fill(f"{above}/{name}", depth + 1)

    fill("/srv", 1)
    return found


PATHS = st.lists(NAMES, min_size=1, max_size=2).map(lambda names: "/srv/" + "/".join(names))


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def situations(draw: st.DrawFn, *, ignoring: bool = False) -> tuple[dict[str, Node], Json]:
    """A world, and a resource at a path that mostly is something, or could be made."""
    world = draw(worlds())
    directories = [path for path, node in world.items() if node.type == "directory"]
    new = st.builds("{}/{}".format, st.sampled_from(["/srv", *directories]), NAMES)
    there = st.sampled_from(sorted(world)) if world else new
    return world, draw(resources(st.one_of(there, there, new, PATHS), ignoring=ignoring))


@st.composite
def resources(draw: st.DrawFn, paths: st.SearchStrategy[str], *, ignoring: bool = False) -> Json:
    """A resource as in a request, its body still bytes."""
    kind = draw(st.sampled_from(["File", "Directory", "Directory", "Symlink"]))
    spec: Json = {"path": draw(paths)}
    spec |= draw(optional(owner=ACCOUNTS, group=ACCOUNTS, force=st.booleans()))
    spec |= draw(optional(state=st.sampled_from(["present", "present", "absent"])))
    if kind == "Symlink":
        spec["to"] = draw(TARGETS)
    else:
        spec |= draw(optional(mode=MODES))
    if kind == "File":
        spec |= draw(optional(body=BODIES, backup=st.just(".bak")))
    if kind == "Directory":
        below = optional(owner=ACCOUNTS, group=st.just("0"), fileMode=MODES, directoryMode=MODES)
        globs = st.lists(st.sampled_from(["*.bak", "a/*", "**/b", "c*"]), max_size=2)
        spec |= draw(optional(recursive=below, purge=st.booleans()))
        spec["except"] = draw(globs)
    fields = st.sampled_from(["mode", "owner", "content", "state", "to", "purge", "recursive.owner"])
    managed = draw(st.sets(NAMES, max_size=2)) if kind == "Directory" else ()
    return {
        "address": f"host/{kind}/it",
        "kind": kind,
        "name": "it",
        "spec": spec,
        "ignore": draw(st.lists(fields, max_size=2)) if ignoring else [],
        "managed": sorted(f"{spec['path']}/{name}" for name in managed),
    }
