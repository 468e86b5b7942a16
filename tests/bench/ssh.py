"""Hosts over SSH: one-shot commands, and what a session takes."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from tests.bench import sites
from tests.bench.commands import FROYO, repeated, shell, timed
from tests.bench.hosts import Lab
from tests.bench.rows import Row, median

COUNT = 99
WHERE = "/srv/froyo-bench"


def one_host(work: Path, lab: Lab) -> Iterator[Row]:
    """A hundred files that are as declared, on one host."""
    yield _sync(work, lab, 1, budget=0.8)


def four_hosts(work: Path, lab: Lab) -> Iterator[Row]:
    """The same on each of four."""
    if len(lab.hosts) < 4:
        raise RuntimeError("this takes four hosts: tests/lab/hosts up 4")
    yield _sync(work, lab, 4, budget=1.2)


def _sync(work: Path, lab: Lab, count: int, *, budget: float) -> Row:
    site, hosts = work / "site", lab.hosts[:count]
    documents = []
    for host in hosts:
        documents += [lab.target(host), *sites.files(host.name, WHERE, COUNT)]
    sites.write(site, documents)
    environ = {"FROYO_STATE": str(work / "state")}
    apply = [FROYO, "apply", str(site)]
    ssh = shlex.join(lab.ssh)
    look = f"cd {WHERE} && stat * >/dev/null && sha256sum * >/dev/null"
    with lab.cleaned(hosts, WHERE):
        timed(apply, environ=environ)
        limit = repeated(shell(" & ".join(f"{ssh} {host.name} '{look}'" for host in hosts) + " & wait"))
        time.sleep(3)  # a fingerprint is only trusted once the source is older than its time stamps are fine
        timed(apply, environ=environ)
        return Row(
            what=f"100 files in sync on {'one host' if count == 1 else f'{count} hosts, each'}, one-shot over SSH",
            measured=repeated(apply, environ=environ),
            unit="s",
            limit=limit,
            budget=budget,
            note="limit: stat and sha256sum over one ssh connection a host",
        )


def session(work: Path, lab: Lab) -> Iterator[Row]:
    """From nothing to a runner that has said that it is ready."""
    limit = repeated([*lab.ssh, lab.hosts[0].name, "true"])
    yield Row(
        what="a target's first session over SSH",
        measured=asyncio.run(_sessions(work, lab)),
        unit="s",
        limit=limit,
        budget=2 * limit,
        note="limit: ssh host true; the runner is sent each time",
    )


async def _sessions(work: Path, lab: Lab) -> float:
    lanes = ThreadLanes()
    runtime = Runtime(
        connect=make_connect(state=work, cache=work, offload=lanes, environ=os.environ), offload=lanes
    )
    host = lab.hosts[0]
    transport = SshTransport(
        host=host.address, user="root", identity_file=lab.identity, known_hosts=lab.known_hosts
    )
    target = Target(TargetName(host.name), {}, transport, Digest(""))
    took = []
    for _ in range(8):
        began = time.perf_counter()
        opened = await Session.open(target, runtime=runtime, on_event=lambda _event: None)
        took.append(time.perf_counter() - began)
        await opened.close()
    lanes.close()
    return median(took[1:])
