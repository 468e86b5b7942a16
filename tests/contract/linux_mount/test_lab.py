"""The example on a real host: tmpfs and bind mounts, fstab, and what is done to them by hand."""

import pytest

from reconciler.core.graph import build_graph
from reconciler.model.names import Digest
from reconciler.model.target import SshTransport, Target
from reconciler.plugins.calls import Phase
from reconciler.plugins.packages import load_packages
from tests.contract.linux_mount.conftest import PACKAGE
from tests.contract.linux_text.bench import HERE, Bench
from tests.contract.loading import example

EXAMPLE = PACKAGE.parents[1] / "examples" / "mounts"


def loaded():
    return example(EXAMPLE, load_packages([PACKAGE, PACKAGE.parent / "linux.file"]))


def test_in_the_example_what_lies_in_a_mount_comes_after_it():
    desired = loaded()
    order = build_graph([*desired.instances.values()]).order
    assert order.index("box/Mount/scratch") < order.index("box/File/readme")


@pytest.fixture
def site(lab, tmp_path):
    host = lab.host("h2")
    host.exec("cp /etc/fstab /root/fstab")
    transport = SshTransport(
        host=host.address, user="root", identity_file=str(lab.identity_file), known_hosts=str(lab.known_hosts)
    )
    bench = Bench(tmp_path, Target(HERE.name, {}, transport, Digest("sha256:h2")), package=PACKAGE)
    yield bench, host
    bench.close()
    host.exec(
        "umount /srv/scratch /srv/docs; rmdir /srv/scratch /srv/docs; cat /root/fstab >/etc/fstab; rm -rf /run/froyo",
        check=False,
    )


@pytest.mark.lab
def test_the_example_on_a_host(site):
    bench, host = site
    mounts = [one for one in loaded().instances.values() if one.kind == "Mount"]
    declared = [
        {"address": one.address, "kind": one.kind, "name": one.metadata.name, "spec": dict(one.spec)}
        for one in mounts
    ]

    def put_right(*resources, phase=Phase.APPLY):
        planned = [one for one in bench.plan(*resources) if one.get("action", "none") != "none"]
        return bench.run(phase, operations=planned)["results"] if planned else []

    before = host.exec("cat /etc/fstab; ls /srv")
    assert [one.get("changed") for one in put_right(*declared)] == [True] * 3
    assert [one["action"] for one in bench.plan(*declared)] == ["none"] * 3
    options = host.exec("findmnt -n -o OPTIONS /srv/scratch").split(",")
    assert {"nosuid", "nodev", "noexec", "size=65536k"} <= {*options}
    assert "ro" in host.exec("findmnt -n -o OPTIONS /srv/docs").split(",")

    # By hand: unmounted, other options, another line of fstab, all at once.
    host.exec(
        "umount /srv/docs; mount -o remount,exec,size=1m /srv/scratch; sed -i 's/nofail/defaults/' /etc/fstab"
    )
    differs = [[diff["field"] for diff in one["diffs"]] for one in bench.plan(*declared)]
    assert sorted(differs) == [["boot"], ["options"], ["state"]]
    assert [one.get("changed") for one in put_right(*declared)] == [True] * 3
    assert [one["action"] for one in bench.plan(*declared)] == ["none"] * 3

    # What is in use stays; the other goes, and nothing else does.
    host.exec(
        "rm -f /root/pid; sh -c 'cd /srv/scratch; echo $$ >/root/pid; exec sleep 300' >/dev/null 2>&1 &"
    )
    host.exec("until [ -s /root/pid ]; do :; done")
    gone = [{**one, "removed": True} for one in declared]
    results = {one["address"]: one for one in put_right(*gone, phase=Phase.DESTROY)}
    assert "is in use" in results["box/Mount/scratch"]["fault"]["message"]
    assert results["box/Mount/shared-docs"]["changed"] is True
    host.exec("kill $(cat /root/pid); while kill -0 $(cat /root/pid) 2>/dev/null; do :; done")
    put_right(*gone, phase=Phase.DESTROY)
    assert [one["action"] for one in bench.plan(*gone)] == ["none"] * 3
    host.exec("rmdir /srv/scratch /srv/docs")
    assert host.exec("cat /etc/fstab; ls /srv") == before
