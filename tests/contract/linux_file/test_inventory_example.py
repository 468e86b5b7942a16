"""The example of an Inventory is valid, and what is for which of its hosts goes by what these are."""

from pathlib import Path

from reconciler.config import load
from reconciler.model.facts import Facts
from reconciler.plugins.packages import catalog, load_packages
from tests.contract.linux_file.table import PACKAGE
from watchers.directory import DirectorySource

EXAMPLE = Path(__file__).parents[3] / "examples" / "inventory"
DEBIAN = {"os": {"family": "debian", "major": 12}, "packages": {"manager": "apt"}}
ALPINE = {"os": {"family": "alpine", "major": 3}, "packages": {"manager": "apk"}}


def loaded(facts):
    from reconciler.runtime import Runtime, connect_nothing

    source = DirectorySource("example", EXAMPLE, runtime=Runtime(connect=connect_nothing))
    kinds = catalog(load_packages([PACKAGE]))
    return load(source.take(), kinds, environ={"HOME": "/home/ann"}, facts=facts)


def test_it_makes_targets_of_all_that_it_names():
    found = loaded({})
    assert len(found.targets) == 50 + 2 + 3 + 2
    assert found.targets["web-07"].transport.host == "web-07.example.com"
    old = found.targets["old.example.com"]
    assert old.labels == {"site": "north", "group/legacy": "true", "group/north": "true"}
    assert (old.transport.host, old.transport.user, old.transport.become) == ("192.0.2.99", "root", "")
    assert found.targets["mx2.example.com"].transport.proxy_jump == "ops@bastion.example.com"
    gateway = found.targets["gw-south"].transport
    assert (gateway.host, gateway.port, gateway.user) == ("gw-south.example.com", 2200, "ops")
    assert found.waiting == found.targets.keys()
    assert not found.instances


def test_labels_groups_and_facts_decide_which_host_gets_what():
    found = loaded({name: Facts(ALPINE if name == "web-01" else DEBIAN) for name in loaded({}).targets})
    assert not found.waiting
    assert not found.warnings
    having = {
        name: {address.split("/")[0] for address in found.instances if address.endswith(f"/{name}")}
        for name in ("motd", "mailname", "no-recommends")
    }
    assert having == {
        "motd": set(found.targets),
        "mailname": {"mx1.example.com", "mx2.example.com"},
        "no-recommends": set(found.targets) - {"web-01"},
    }
