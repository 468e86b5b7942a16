"""Hosts of the lab as targets, and commands on them that leave a line for each time that they were run."""

from __future__ import annotations

from tests.e2e.site import Document, instance, until
from tests.lab.fixture import Host, Lab

BASE = "/srv/e2e"
RAN = f"{BASE}/ran"


def target(lab: Lab, host: Host, **ssh: object) -> Document:
    """A host, as root by sudo unless it says otherwise; None leaves a field out."""
    fields = {
        "host": host.address,
        "identityFile": str(lab.identity_file),
        "knownHosts": str(lab.known_hosts),
        "connectTimeout": "5s",
        "keepaliveInterval": "2s",
        "user": "ops",
        "become": "sudo",
        **ssh,
    }
    return {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": {"name": host.name, "labels": {"role": "web", "host": host.name}},
        "spec": {"ssh": {name: value for name, value in fields.items() if value is not None}},
    }


def on(host: Host) -> dict[str, object]:
    """That something is declared on one host."""
    return {"target": host.name}


def execution(name: str, script: str, **spec: object) -> Document:
    """A command of the shell."""
    document = instance("Exec", name, "", argv=["/bin/sh", "-c", script], **spec)
    del document["spec"]["path"]
    return document


def handler(host: Host, script: str = "", **spec: object) -> Document:
    """A handler that leaves a line, and does something else before that."""
    return execution("note", f"{script} echo ran >>{RAN}", refreshOnly=True, **on(host), **spec)


def ran(host: Host) -> int:
    """How often something has left a line there."""
    return len(host.exec(f"cat {RAN} 2>/dev/null", check=False).splitlines())


def nothing_is_left(host: Host) -> None:
    """Wait until neither a runner nor an operation of ours is there, nor anything that one has kept."""
    seen = (
        "ps -eo args | grep -e 'serve --sha256' -e 'runner operation' -e froyo-operation | grep -v grep;"
        " find /run/froyo -mindepth 1 ! -path '/run/froyo/fence*' 2>/dev/null;"
        " systemctl list-units --all --plain --no-legend 'froyo-op-*'"
    )
    until("nothing of ours is left", lambda: host.exec(seen, check=False) == "")
