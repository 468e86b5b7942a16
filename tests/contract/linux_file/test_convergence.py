"""From any mixture of states a tree becomes what the source has; without `purge`, nothing else is touched."""

import random
from types import ModuleType

import pytest

from froyo_provider.testing import Harness, resource
from tests.contract.linux_file.memory import MemoryHost, Node
from tests.contract.linux_file.table import Json

NAMES = ("a", "b", "d")
SITE = "/srv/site"


def paths(chance: random.Random, depth: int = 3) -> list[str]:
    return ["/".join(chance.choices(NAMES, k=chance.randint(1, depth))) for _ in range(chance.randint(1, 6))]


def world(chance: random.Random) -> dict[str, Node]:
    """Some files, directories and links below the directory, each with all above it."""
    nodes = {SITE: Node("directory", 0o755)}
    for path in paths(chance):
        parts = path.split("/")
        above = ["/".join(parts[:at]) for at in range(1, len(parts))]
        if any(nodes.get(f"{SITE}/{one}", Node("directory")).type != "directory" for one in above):
            continue
        nodes |= {f"{SITE}/{one}": Node("directory", 0o755) for one in above if f"{SITE}/{one}" not in nodes}
        made = chance.choice(
            [
                Node("directory", 0o755),
                Node("symlink", 0o777, to="/etc"),
                Node(mode=chance.choice((0o600, 0o644, 0o755)), content=path.encode()),
                Node(content=b"spoiled"),
            ]
        )
        nodes.setdefault(f"{SITE}/{path}", made)
    return nodes


def source(chance: random.Random, host: MemoryHost) -> Json:
    """A tree: no file of it lies in another one."""
    tree: Json = {}
    for path in paths(chance):
        if not any(path == one or path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in tree):
            body = host.body(path.encode())
            tree[path] = [body["digest"], body["size"], chance.random() < 0.3]
    return tree


@pytest.mark.parametrize("seed", range(300))
def test_a_tree_converges_from_any_mixture_of_states(plugin: ModuleType, seed: int) -> None:
    chance = random.Random(seed)
    host = MemoryHost(world(chance))
    tree, purge = source(chance, host), chance.random() < 0.5
    managed = [f"{SITE}/{path}" for path in paths(chance)[:1] if chance.random() < 0.3]
    wanted = resource("Directory", "site", path=SITE, tree=tree, purge=purge) | {
        "managed": managed,
        "owned": chance.random() < 0.5,
    }
    before = dict(host.nodes)
    test = Harness(plugin, host)
    [operation] = test.plan([wanted], test.read([wanted]))
    if "fault" in operation:
        assert (
            "something in it" in operation["fault"]["message"]
            or "`force: true`" in operation["fault"]["message"]
        )
        assert host.nodes == before
        return
    for result in test.apply([operation]):
        assert "fault" not in result, result
    [again] = test.plan([wanted], test.read([wanted]))
    assert again["action"] == "none", again

    left_alone = {
        path
        for path in {*before, *host.nodes}
        if any(path == one or path.startswith(f"{one}/") for one in managed)
    }
    for path in left_alone:
        assert host.nodes.get(path) == before.get(path)
    directories = {SITE}
    for name, (digest, _, executable) in tree.items():
        path = f"{SITE}/{name}"
        if any(path == one or path.startswith(f"{one}/") for one in managed):
            continue
        assert host.body(host.nodes[path].content)["digest"] == digest
        assert bool(host.nodes[path].mode & 0o100) == executable
        directories |= {path.rsplit("/", up)[0] for up in range(1, name.count("/") + 1)}
    for path, node in host.nodes.items():
        if not path.startswith(f"{SITE}/") or path in left_alone or path.removeprefix(f"{SITE}/") in tree:
            continue
        leads = any(one.startswith(f"{path}/") for one in managed)
        if purge:
            assert path in directories or leads, path
        else:
            assert path in directories or before[path] == node, path
    if not purge:
        in_the_way = {path for path in before if path.removeprefix(f"{SITE}/") in tree or path in directories}
        assert {path for path in before if path not in host.nodes} <= in_the_way
