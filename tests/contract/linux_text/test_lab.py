"""The example on a real host: its sshd_config, its hosts, its sudoers, and the programs that check them."""

import hashlib
import os
from pathlib import Path

import pytest

from reconciler.config import load
from reconciler.core.graph import build_graph
from reconciler.model.calls import Failure
from reconciler.model.names import Digest, SourceName
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.model.target import SshTransport, Target
from reconciler.plugins.packages import catalog, load_packages
from tests.contract.linux_text.bench import HERE, PACKAGE, Bench

EXAMPLE = PACKAGE.parents[1] / "examples" / "lines"


def loaded():
    files = {}
    for path in sorted(path for path in EXAMPLE.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = os.fspath(path.relative_to(EXAMPLE))
        digest = Digest("sha256:" + hashlib.sha256(content).hexdigest())
        files[name] = SnapshotFile(name, digest, len(content), Path(path).read_bytes)
    snapshot = Snapshot(SourceName("examples"), "1", Digest("sha256:1"), files, os.fspath(EXAMPLE))
    return load(snapshot, catalog(load_packages([PACKAGE])), environ={})


def test_the_example_is_valid_and_every_part_of_it_is_one_of_its_own():
    desired = loaded()
    assert len(desired.instances) == 5
    assert len(build_graph([*desired.instances.values()]).order) == 5
    assert {str(one.shares[0]) for one in desired.instances.values()} == {
        f"path:/etc/{name}" for name in ("ssh/sshd_config", "hosts", "sudoers.d/deploy")
    }


@pytest.fixture
def site(lab, runner, tmp_path):
    host = lab.host("h1")
    host.exec("cp -a /etc/ssh/sshd_config /etc/hosts /root; rm -f /etc/sudoers.d/deploy")
    transport = SshTransport(
        host=host.address, user="root", identity_file=str(lab.identity_file), known_hosts=str(lab.known_hosts)
    )
    bench = Bench(tmp_path, Target(HERE.name, {}, transport, Digest("sha256:h1")))
    yield bench, host
    bench.close()
    host.exec(
        "mv /root/sshd_config /etc/ssh; cat /root/hosts > /etc/hosts; rm -f /root/hosts /etc/sudoers.d/deploy"
    )


@pytest.mark.lab
def test_the_example_on_a_host(site):
    bench, host = site
    desired = loaded()
    for one in desired.instances.values():
        for digest in one.bodies:
            bench.blobs[digest] = desired.blobs[digest].read()
    declared = [
        {"address": one.address, "kind": one.kind, "name": one.metadata.name, "spec": dict(one.spec)}
        for one in desired.instances.values()
    ]
    before = host.exec(
        "cat /etc/ssh/sshd_config /etc/hosts; stat -c '%a %u %g' /etc/ssh/sshd_config /etc/hosts"
    )
    replies = bench.put_right(*declared)
    assert [one for one in replies if isinstance(one, Failure)] == []
    assert [one["action"] for one in bench.plan(*declared)] == ["none"] * 5
    host.exec("sshd -t && visudo -c -q")
    assert host.exec("getent hosts db-2").split() == ["10.0.0.12", "db-2.internal", "db-2"]

    # What somebody does by hand: each of them is one line's or one block's trouble.
    host.exec(
        "sed -i 's/^PermitRootLogin.*/PermitRootLogin yes/; /^# END sftp-only/d' /etc/ssh/sshd_config;"
        " echo 'PermitEmptyPasswords yes' >>/etc/ssh/sshd_config; sed -i '/db-1/d' /etc/hosts; rm /etc/sudoers.d/deploy"
    )
    assert all(one["action"] != "none" for one in bench.plan(*declared))
    # The line was put behind the block, whose end somebody has removed: what is between the two is not known.
    replies = bench.put_right(*declared)
    assert [one for one in replies if isinstance(one, Failure)] == []
    assert [one["action"] for one in bench.plan(*declared)] == ["none"] * 5

    # What sshd does not accept never goes live.
    bad = bench.resource(
        "Line",
        path="/etc/ssh/sshd_config",
        line="PermitRootLogin perhaps",
        match="^PermitRootLogin",
        validate=["/usr/sbin/sshd", "-t", "-f", "%s"],
    )
    [reply] = bench.put_right(bad)
    assert isinstance(reply, Failure)
    assert reply.code == "validation_failed"
    assert "/etc/ssh/sshd_config" in reply.message

    gone = [{**one, "removed": True} for one in declared]
    bench.put_right(*gone)
    after = host.exec(
        "cat /etc/ssh/sshd_config /etc/hosts; stat -c '%a %u %g' /etc/ssh/sshd_config /etc/hosts"
    )
    same = [one for one in before.splitlines() if "PermitRootLogin " not in one]
    assert [one for one in after.splitlines() if "PermitRootLogin " not in one] == same
    assert host.exec("cat /etc/sudoers.d/deploy") == ""
