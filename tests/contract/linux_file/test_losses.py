"""What a change of a file costs besides is said before it is made."""

from types import ModuleType

from froyo_provider.testing import Harness, resource
from tests.contract.linux_file.memory import MemoryHost, Node


def test_what_a_change_costs_that_its_fields_do_not_show_is_a_remark(plugin: ModuleType):
    """A daemon went on reading the old file at its other name, and a server lost its port with an owner."""
    host = MemoryHost(
        {"/srv/server": Node(content=b"old", loses=("names", "capabilities", "what comes later"))}
    )
    test = Harness(plugin, host)
    wanted = resource("File", "server", path="/srv/server", body=host.body(b"new"))
    [found] = test.read([wanted])
    assert found["remark"] == (
        "other hard links of it keep the old content; its capabilities (getcap) will be gone"
    )
    assert "loses" not in found["state"]
    host.nodes["/srv/server"] = Node(content=b"new", loses=("names",))
    [found] = test.read([wanted])
    assert "remark" not in found
