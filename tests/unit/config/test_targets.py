"""Targets: transports, durations, and paths on the controller."""

import json
from typing import Any

import pytest

from reconciler.config import load
from reconciler.errors import ConfigError
from reconciler.model.names import TargetName
from reconciler.model.target import LocalTransport, SshTransport, Target
from tests.unit.config.world import CATALOG, loaded, snapshot


def manifest(**spec: Any) -> str:
    return json.dumps(
        {
            "apiVersion": "froyo.dev/v1alpha1",
            "kind": "Target",
            "metadata": {"name": "web-1", "labels": {"role": "web"}},
            "spec": spec,
        }
    )


def target(file: str = "t.json", **spec: Any) -> Target:
    return loaded({file: manifest(**spec)}).targets[TargetName("web-1")]


def test_this_machine() -> None:
    found = target(local={})
    assert found.transport == LocalTransport()
    assert found.labels == {"role": "web"}
    assert target(local={"become": "sudo"}).transport == LocalTransport("sudo")


def test_another_machine_with_defaults() -> None:
    assert target(ssh={"host": "10.0.0.5"}).transport == SshTransport(host="10.0.0.5")


def test_another_machine_with_everything() -> None:
    found = target(
        "site/t.json",
        ssh={
            "host": "web",
            "port": 2222,
            "user": "ops",
            "become": "sudo",
            "identityFile": "../keys/id",
            "knownHosts": "~/.ssh/known",
            "hostKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI web",
            "trustOnFirstUse": True,
            "proxyJump": "ops@jump:22",
            "connectTimeout": 5,
            "keepaliveInterval": "1m",
        },
    )
    assert found.transport == SshTransport(
        host="web",
        port=2222,
        user="ops",
        become="sudo",
        identity_file="/src/keys/id",
        known_hosts="/home/ann/.ssh/known",
        host_key="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI web",
        trust_on_first_use=True,
        proxy_jump="ops@jump:22",
        connect_timeout=5.0,
        keepalive_interval=60.0,
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [("/etc/key", "/etc/key"), ("~", "/home/ann"), ("~/a/../b", "/home/ann/b"), ("key", "/src/site/key")],
)
def test_paths_on_the_controller(written: str, meant: str) -> None:
    found = target("site/t.json", ssh={"host": "a", "identityFile": written})
    assert isinstance(found.transport, SshTransport)
    assert found.transport.identity_file == meant


@pytest.mark.parametrize("written", ["key", "~/key", "~bob/key"])
def test_a_path_that_nothing_is_known_about_is_refused(written: str) -> None:
    taken = snapshot({"t.json": manifest(ssh={"host": "a", "identityFile": written})}, root="")
    with pytest.raises(ConfigError, match="could be relative to"):
        load(taken, CATALOG)


def test_the_digest_speaks_of_name_labels_and_transport_and_not_of_the_place() -> None:
    one = target(local={})
    assert target("elsewhere/t.json", local={}).digest == one.digest
    assert target(local={"become": "sudo"}).digest != one.digest
    assert target(ssh={"host": "a"}).digest != one.digest


@pytest.mark.parametrize("written", ["9" * 400 + "s", "36501d", "1h" * 900_000])
def test_a_time_that_is_longer_than_a_century_is_none(written: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        target(ssh={"host": "10.0.0.5", "connectTimeout": written})
    (problem,) = caught.value.problems
    assert len(problem.message) < 300
