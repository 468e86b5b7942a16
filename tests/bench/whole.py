"""Whole hosts: a role of packages, files and a service; a service that somebody stops; many packages and services."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from reconciler.app.places import places
from tests.bench import sites
from tests.bench.commands import FROYO, again, environment, repeated, timed
from tests.bench.daemon import running
from tests.bench.hosts import Host, Lab
from tests.bench.looking import look_again
from tests.bench.rows import Row, median, percentile

PACKAGES = ("hello", "lab-daemon", "sl", "tree")
WHERE = "/etc/froyo-bench"
FILES = 5
SERVICE = "lab-daemon.service"
CLEAN = f"apt-get purge -q -y {' '.join(PACKAGES)} && apt-get autoremove -q -y --purge; rm -rf {WHERE}"
STOPS = 30
SETTLE = 1  # seconds, the service's own
MANY_PACKAGES, MANY_SERVICES = 100, 50


def role(work: Path, lab: Lab) -> Iterator[Row]:
    """Four packages, five files and a service that is reloaded for each of them, on each of four hosts."""
    hosts = _four(lab)
    site, environ = work / "site", {"FROYO_STATE": str(work / "state")}
    documents = []
    for host in hosts:
        documents += [lab.target(host), *_role(host.name)]
    sites.write(site, documents)
    by_hand = _by_hand()
    look = f"dpkg-query -W {' '.join(PACKAGES)} && cd {WHERE} && stat * && sha256sum * && systemctl show {SERVICE}"
    apply = [FROYO, "apply", str(site)]

    def clean() -> None:
        _everywhere(lab, hosts, CLEAN)

    try:
        limit = again(lambda: _everywhere(lab, hosts, by_hand), times=3, before=clean)
        yield Row(
            what=f"role (packages, files, service, handler) on {len(hosts)} hosts, first",
            measured=repeated(apply, environ=environ, times=3, before=clean),
            unit="s",
            limit=limit,
            budget=5.0,
            note="limit: apt-get, the files and one reload over one ssh connection a host",
        )
        limit = again(lambda: _everywhere(lab, hosts, look), times=3)
        time.sleep(3)  # a fingerprint is only trusted once the source is older than its time stamps are fine
        timed(apply, environ=environ)
        yield Row(
            what="the same, in sync",
            measured=repeated(apply, environ=environ),
            unit="s",
            limit=limit,
            budget=1.2,
            note="limit: dpkg-query, stat, sha256sum and systemctl show over one ssh connection a host",
        )
    finally:
        clean()


def stopped(work: Path, lab: Lab) -> Iterator[Row]:
    """A service on a host that somebody stops, by systemd's own account of when it ended and began."""
    host = lab.hosts[0]
    site, state = work / "site", work / "state"
    sites.write(site, [lab.target(host), *_role(host.name)])
    try:
        _everywhere(lab, [host], f"{CLEAN}; apt-get install -q -y lab-daemon")
        again = f"systemctl stop {SERVICE}; systemctl start {SERVICE}"
        limit = [_down(lab, host, again) for _ in range(STOPS)]
        took = []
        with running(site, state, FILES + 3):
            for _ in range(STOPS):
                # Not while the last start has to show that it lasts: that somebody keeps stopping it is another matter.
                time.sleep(SETTLE + 1)
                took.append(_down(lab, host, f"systemctl stop {SERVICE}"))
        for what, part, budget in (("p50", 0.5, 50.0), ("p99", 0.99, None)):
            yield Row(
                what=f"a stopped service on a host, until it runs again: {what}",
                measured=percentile(took, part),
                unit="ms",
                limit=percentile(limit, part),
                budget=budget,
                note="by systemd's clock; limit: systemctl stop and start in one shell there",
            )
    finally:
        _everywhere(lab, [host], CLEAN)


def many(work: Path, lab: Lab) -> Iterator[Row]:
    """What a host has anyway: a hundred of its packages and fifty of its services, as they are."""
    host = lab.hosts[0]
    names = _said(lab, host, "dpkg-query -W -f '${Package}\\n'").split()[:MANY_PACKAGES]
    units = _said(
        lab,
        host,
        "systemctl list-units --all --plain --no-legend --type=service | awk '$2 == \"loaded\" { print $1 }'",
    ).split()[:MANY_SERVICES]
    site, environ = work / "site", {"FROYO_STATE": str(work / "state")}
    documents = [lab.target(host)]
    documents += [_document("Package", f"p{n}", host.name, packages=[one]) for n, one in enumerate(names)]
    documents += [_document("Service", f"s{n}", host.name, unit=one) for n, one in enumerate(units)]
    sites.write(site, documents)
    asked = f"dpkg-query -W {' '.join(names)} >/dev/null; systemctl show {' '.join(units)} >/dev/null"
    limit = median([_there(lab, host, asked) for _ in range(9)])
    timed([FROYO, "apply", str(site)], environ=environ)
    yield Row(
        what=f"{len(names)} packages and {len(units)} services in sync: one look in the running daemon",
        measured=asyncio.run(look_again(site, places(environment(environ)))),
        unit="s",
        limit=limit,
        budget=1.5 * limit,
        note="over SSH; limit: dpkg-query and systemctl show of the same, on the host itself",
    )


# --- What is declared -----------------------------------------------------------------------------------------------


def _document(kind: str, name: str, target: str, **spec: Any) -> str:
    document = {
        "apiVersion": sites.API,
        "kind": kind,
        "metadata": {"name": f"{target}-{name}"},
        "spec": {"target": target, **spec},
    }
    return json.dumps(document) + "\n"


def _role(target: str) -> list[str]:
    documents = [
        _document("Package", "tools", target, packages=list(PACKAGES)),
        _document("Directory", "settings", target, path=WHERE, mode="0755"),
        _document("Service", "daemon", target, unit=SERVICE, state="running", packages=["lab-daemon"]),
    ]
    documents += [
        _document(
            "File",
            f"f{number}",
            target,
            path=f"{WHERE}/f{number}",
            mode="0644",
            content=sites.content(number),
            notify=[f"Service/{target}-daemon"],
        )
        for number in range(FILES)
    ]
    return documents


def _by_hand() -> str:
    """The same as a script of a shell."""
    lines = [
        "set -e",
        "export DEBIAN_FRONTEND=noninteractive",
        f"apt-get install -q -y {' '.join(PACKAGES)}",
        f"mkdir -p {WHERE}",
        *(f"cat >{WHERE}/f{number} <<'END'\n{sites.content(number)}END" for number in range(FILES)),
        f"systemctl reload {SERVICE}",
    ]
    return "\n".join(lines)


# --- On hosts -------------------------------------------------------------------------------------------------------


def _four(lab: Lab) -> Sequence[Host]:
    if len(lab.hosts) < 4:
        raise RuntimeError("this takes four hosts: tests/lab/hosts up 4")
    return lab.hosts[:4]


def _everywhere(lab: Lab, hosts: Sequence[Host], script: str) -> None:
    with ThreadPoolExecutor(len(hosts)) as pool:
        list(pool.map(lambda host: _said(lab, host, script), hosts))


def _said(lab: Lab, host: Host, script: str) -> str:
    done = subprocess.run(
        [*lab.ssh, host.name, "sh", "-s"], input=script, check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise RuntimeError(f"on {host.name}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def _there(lab: Lab, host: Host, script: str) -> float:
    """Seconds that a script takes on the host itself."""
    said = _said(lab, host, f"began=$(date +%s%N)\n{script}\necho $(($(date +%s%N) - began))")
    return int(said.split()[-1]) / 1e9


def _down(lab: Lab, host: Host, stop: str) -> float:
    """Milliseconds from when the service ended until it ran again."""
    shown = f"systemctl show {SERVICE} -p InactiveEnterTimestampMonotonic -p ActiveEnterTimestampMonotonic"
    # Else systemd starts it five times in ten seconds and no more.
    forget = f"systemctl reset-failed {SERVICE}"
    until = f"until systemctl is-active -q {SERVICE}; do sleep 0.05; done"
    script = f"{forget}\n{stop}\n{until}\n{shown}"
    said = dict(line.split("=") for line in _said(lab, host, script).split())
    return (int(said["ActiveEnterTimestampMonotonic"]) - int(said["InactiveEnterTimestampMonotonic"])) / 1000
