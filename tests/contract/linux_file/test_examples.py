"""The examples are valid, mean what their readers take them to mean, and put in place what they declare."""

import hashlib
import os
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from froyo_provider.testing import Harness
from reconciler.config import load
from reconciler.core.graph import build_graph
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName
from reconciler.model.resource import Instance
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.plugins.packages import catalog, load_packages
from tests.contract.linux_file.memory import MemoryHost, Node
from tests.contract.linux_file.table import PACKAGE, Json

EXAMPLES = PACKAGE.parents[1] / "examples"


def loaded(root: Path) -> Desired:
    files = {}
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
        name = os.fspath(path.relative_to(root))
        files[name] = SnapshotFile(name, digest, len(content), path.read_bytes)
    snapshot = Snapshot(SourceName("examples"), "1", Digest("sha256:1"), files, os.fspath(root))
    return load(snapshot, catalog(load_packages([PACKAGE])), environ={"HOME": "/home/ann"})


def request_of(instance: Instance, host: MemoryHost, desired: Desired) -> Json:
    for digest in instance.bodies:
        host.body(desired.blobs[digest].read())
    below = sorted(
        subject.name
        for other in desired.instances.values()
        for subject in other.present
        if other.target == instance.target and subject.name.startswith(instance.provides[0].name + "/")
    )
    common = {"address": instance.address, "kind": instance.kind, "name": instance.metadata.name}
    return common | {"spec": dict(instance.spec), "ignore": [], "managed": below}


@pytest.mark.parametrize("example", ["files", "web-hosts", "values"])
def test_an_example_converges_in_one_round_on_every_target(example: str, plugin: ModuleType):
    desired = loaded(EXAMPLES / example)
    for target in desired.targets:
        directories = ["/tmp", "/etc", "/etc/sudoers.d", "/etc/cron.d", "/etc/nginx"]
        host = MemoryHost({path: Node("directory", 0o755) for path in directories})
        host.nodes["/etc/cron.d/legacy-backup"] = Node(content=b"0 0 * * * root backup\n")
        test = Harness(plugin, host)
        own = {key: value for key, value in desired.instances.items() if value.target == target}
        assert own, f"{target} is given nothing"
        for address in build_graph([*own.values()]).order:
            wanted = [request_of(own[address], host, desired)]
            [operation] = test.plan(wanted, test.read(wanted))
            assert "fault" not in operation, operation
            results = test.apply([operation])
            assert all(result.get("changed") for result in results), results
        wanted = [request_of(instance, host, desired) for instance in own.values()]
        again = test.plan(wanted, test.read(wanted))
        assert {operation["action"] for operation in again} == {"none"}, again


def test_labels_decide_which_host_gets_what():
    desired = loaded(EXAMPLES / "web-hosts")
    assert set(desired.targets) == {"web-1", "web-2", "proxy"}
    having = {
        name: {address.split("/")[0] for address in desired.instances if address.endswith(f"/{name}")}
        for name in ("File/motd", "Directory/release-42", "File/nginx-proxy")
    }
    assert having == {
        "File/motd": {"web-1", "web-2", "proxy"},
        "Directory/release-42": {"web-1", "web-2"},
        "File/nginx-proxy": {"proxy"},
    }


def test_the_release_is_switched_after_it_is_complete():
    desired = loaded(EXAMPLES / "web-hosts")
    order = build_graph([one for one in desired.instances.values() if one.target == "web-1"]).order
    names = [address.removeprefix("web-1/") for address in order]
    chain = ["Directory/site", "Directory/release-42", "Symlink/current"]
    assert [name for name in names if name in chain] == chain


def test_two_hosts_that_differ_in_a_name_and_a_port_need_one_declaration():
    desired = loaded(EXAMPLES / "values")
    names = {address.partition("/")[2] for address in desired.instances}
    assert names == {"Directory/sites", "File/site", "File/check"}

    def text(address: str) -> str:
        [digest] = desired.instances[Address(address)].bodies
        return desired.blobs[digest].read().decode()

    assert {one.spec["path"] for one in desired.instances.values() if one.ref == "File/site"} == {
        "/etc/sites/www.conf",
        "/etc/sites/shop.conf",
    }
    assert text("web-1/File/site") == dedent("""\
        # web-1
        server {
            listen 80;
            server_name www.example.org;
            limit 100;
        }
        """)
    assert (
        "    listen 8080;\n    server_name shop.example.org;\n    server_alias store.example.org;\n"
        in text("web-2/File/site")
    )
    assert text("web-2/File/check").splitlines()[1:] == [
        "host=${1:-localhost}",
        'exec curl --fail "http://${host}:8080/"',
    ]
