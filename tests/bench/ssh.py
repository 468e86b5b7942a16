"""Targets over SSH: hosts of the lab."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reconciler.model.names import Digest, TargetName
from reconciler.model.target import SshTransport, Target
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from tests.bench import sites
from tests.bench.commands import FROYO, repeated, shell, timed
from tests.bench.daemon import drift, running
from tests.bench.rows import Row, median, percentile

HOSTS = Path(__file__).parents[1] / "lab" / "hosts"
COUNT = 99
WHERE = "/srv/froyo-bench"


def rows(work: Path, *, spoils: int) -> Iterator[Row]:
    """Measured from below `work`, on hosts that must be running already."""
    lab = json.loads(
        subprocess.run([str(HOSTS), "ssh-config", "--json"], check=True, capture_output=True).stdout
    )
    hosts = [host for host in lab["hosts"] if host["state"] == "running"][:4]
    ssh = f"ssh -F {lab['ssh_config']} -l root"
    yield from _sync(work, lab, hosts[:1], ssh, budget=0.8)
    if len(hosts) == 4:
        yield from _sync(work, lab, hosts, ssh, budget=1.2)
    yield _first_session(work, lab, hosts[0], ssh)
    yield from _drift(work, lab, hosts[0], spoils)
    for host in hosts:
        timed(shell(f"{ssh} {host['name']} rm -rf {WHERE}"))


def _site(work: Path, lab: dict[str, Any], hosts: list[dict[str, Any]]) -> Path:
    documents = []
    for host in hosts:
        documents.append(
            sites.ssh_target(
                host["name"],
                host["address"],
                identity=lab["identity_file"],
                known_hosts=lab["known_hosts"],
            )
        )
        documents += sites.files(host["name"], WHERE, COUNT)
    site = work / f"site{len(hosts)}"
    sites.write(site, documents)
    return site


def _sync(
    work: Path, lab: dict[str, Any], hosts: list[dict[str, Any]], ssh: str, *, budget: float
) -> Iterator[Row]:
    site = _site(work, lab, hosts)
    environ = {"FROYO_STATE": str(work / f"state{len(hosts)}")}
    apply = [FROYO, "apply", str(site)]
    timed(apply, environ=environ)
    look = f"cd {WHERE} && stat * >/dev/null && sha256sum * >/dev/null"
    limit = repeated(shell(" & ".join(f"{ssh} {host['name']} '{look}'" for host in hosts) + " & wait"))
    time.sleep(3)
    timed(apply, environ=environ)
    yield Row(
        what=f"100 files in sync on {len(hosts)} host(s), one-shot over SSH",
        measured=repeated(apply, environ=environ),
        unit="s",
        limit=limit,
        budget=budget,
    )


def _first_session(work: Path, lab: dict[str, Any], host: dict[str, Any], ssh: str) -> Row:
    limit = repeated(shell(f"{ssh} {host['name']} true"))
    measured = asyncio.run(_sessions(work, lab, host))
    return Row(
        what="a target's first session over SSH",
        measured=measured,
        unit="s",
        limit=limit,
        budget=2 * limit,
        note="limit: ssh host true",
    )


async def _sessions(work: Path, lab: dict[str, Any], host: dict[str, Any]) -> float:
    lanes = ThreadLanes()
    runtime = Runtime(
        connect=make_connect(state=work, cache=work, offload=lanes, environ=os.environ), offload=lanes
    )
    transport = SshTransport(
        host=host["address"], user="root", identity_file=lab["identity_file"], known_hosts=lab["known_hosts"]
    )
    target = Target(TargetName(host["name"]), {}, transport, Digest(""))
    took = []
    for _ in range(8):
        began = time.perf_counter()
        session = await Session.open(target, runtime=runtime, on_event=lambda _event: None)
        took.append(time.perf_counter() - began)
        await session.close()
    lanes.close()
    return median(took[1:])


def _drift(work: Path, lab: dict[str, Any], host: dict[str, Any], spoils: int) -> Iterator[Row]:
    """Spoiled from this side of the host's disk, which its kernel notices like any other change."""
    site, state = _site(work, lab, [host]), work / "state1"
    root = Path(host["root_path"]) / WHERE.lstrip("/")
    names = [root / f"f{number}" for number in range(COUNT)]
    wanted = {path: sites.content(number).encode() for number, path in enumerate(names)}
    with running(site, state, COUNT + 1):
        time.sleep(1)
        took, missed = drift(names, wanted, spoils)
    for name, part, budget in (("p50", 0.5, 15.0), ("p99", 0.99, 100.0)):
        yield Row(
            what=f"a file changed by hand over SSH, until it is right again: {name}",
            measured=percentile(took, part) * 1000,
            unit="ms",
            budget=budget,
            note=f"of {len(took) + missed:,}, missed {missed}",
        )
