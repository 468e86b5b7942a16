"""`make bench`: every budget beside its limit, measured in the same run.

    python -m tests.bench [NAME...] [--spoils N] [--idle SECONDS] [--quick] [--json FILE] [--docs FILE]

Figures depend on the machine; what counts is their ratio to the limit beside them. Nothing is decided by them: a budget
that is missed is said to be, and the status is 0 all the same; it is 1 where something could not be measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import cluster, config, daemon, drift, languages, oneshot, plugins, slow, ssh, store, whole
from tests.bench.hosts import Lab
from tests.bench.rows import Row, markdown, table

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that are measured together.

    Attributes:
        name: to choose them by.
        what: they are, in a few words.
        measure: does it, below a directory that is empty.
        lab: whether it takes the lab's hosts.
        inside: whether they are about parts of froyo, and not about what anybody sees.
    """

    name: str
    what: str
    measure: Callable[[Path], Iterator[Row]]
    lab: bool = False
    inside: bool = False


def groups(lab: Lab | None, *, spoils: int, idle: float) -> list[Group]:
    """All there are, in the order of the budgets."""
    # Never used where there is none: those groups are left out.
    hosts: Any = lab
    return [
        Group("thousand", "1,000 files here: first apply, in sync, one look", oneshot.thousand),
        Group("tree", "1,000 files here as one tree", oneshot.tree),
        Group("host", "100 files on one host", lambda work: ssh.one_host(work, hosts), lab=True),
        Group("hosts", "100 files on each of four hosts", lambda work: ssh.four_hosts(work, hosts), lab=True),
        Group("empty", "an empty directory", oneshot.empty),
        Group("fleet", "100 targets, and the start", lambda work: daemon.fleet(work, lab, seconds=idle)),
        Group("idle", "the daemon at rest", lambda work: daemon.idle(work, seconds=idle)),
        Group("drift", "changes by hand, here", lambda work: drift.here(work, spoils=spoils)),
        Group("slow", "changes by hand beside what is slow", lambda work: slow.beside(work, spoils=spoils)),
        Group(
            "drift-ssh",
            "changes by hand, on a host",
            lambda work: drift.over_ssh(work, hosts, spoils=spoils),
            lab=True,
        ),
        Group("role", "packages, files and a service", lambda work: whole.role(work, hosts), lab=True),
        Group("stopped", "a stopped service", lambda work: whole.stopped(work, hosts), lab=True),
        Group("many", "100 packages, 50 services", lambda work: whole.many(work, hosts), lab=True),
        Group("session", "a first session", lambda work: ssh.session(work, hosts), lab=True),
        *(
            [Group("cluster", "2,000 objects of a cluster", lambda work: cluster.rows(work, seconds=idle))]
            if cluster.is_up()
            else []
        ),
        Group("help", "froyo --help", oneshot.help_),
        Group("documents", "10,000 documents", lambda _work: config.documents()),
        Group("languages", "5,000 manifests that programs make", languages.rows),
        Group("config", "loading and watching", lambda _work: config.rows(), inside=True),
        Group("plugins", "the provider host", lambda _work: plugins.rows(), inside=True),
        Group("store", "the store", lambda _work: store.rows(), inside=True),
    ]


def main() -> int:
    """Measure, and print as it goes."""
    lab = Lab.find()
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"  {group.name:10} {group.what}" for group in groups(lab, spoils=0, idle=0)),
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all by default")
    parser.add_argument("--spoils", type=int, default=1000, help="how many files are changed by hand")
    parser.add_argument("--idle", type=float, default=130.0, help="seconds over which rest is measured")
    parser.add_argument("--quick", action="store_true", help="--spoils 100 --idle 15")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, too")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="put the tables into that page, too")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.spoils, arguments.idle = 100, 15.0
    known = groups(lab, spoils=arguments.spoils, idle=arguments.idle)
    unknown = set(arguments.names) - {group.name for group in known}
    if unknown:
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; there is: {', '.join(g.name for g in known)}"
        )
    chosen = [group for group in known if not arguments.names or group.name in arguments.names]
    run = Run(_machine(), [group for group in chosen if lab or not group.lab])
    print(run.machine)
    if lab is None:
        print(
            "over SSH: left out, since no host of a lab runs here (tests/lab/hosts check, tests/lab/hosts up 4)"
        )
    run.measure()
    print(f"\n{run.text()}")
    if arguments.json:
        arguments.json.write_text(json.dumps(run.document(), indent=2) + "\n", encoding="utf-8")
    if arguments.docs:
        page = arguments.docs.read_text(encoding="utf-8")
        before, after = page[: page.index(BEGIN)], page[page.index(END) :]
        arguments.docs.write_text(f"{before}{BEGIN}\n\n{run.page()}\n\n{after}", encoding="utf-8")
    return 1 if run.failed else 0


class Run:
    """What was measured, on one machine, one thing after the other.

    Args:
        machine: in words.
        chosen: what is to be measured.
    """

    def __init__(self, machine: str, chosen: list[Group]) -> None:
        self.machine = machine
        self.failed: dict[str, str] = {}
        self._chosen = chosen
        self._rows: list[tuple[Group, Row]] = []

    def measure(self) -> None:
        """Do it. What cannot be measured is said, and keeps nothing else from being."""
        for group in self._chosen:
            with tempfile.TemporaryDirectory(prefix="froyo-bench-", dir="/var/tmp") as work:
                try:
                    for row in group.measure(Path(work)):
                        self._rows.append((group, row))
                        print(
                            f"  {group.name}: {row.what}: {row.measured:.3g} {row.unit} {row.verdict}",
                            flush=True,
                        )
                except Exception as error:  # noqa: BLE001 - the others are measured all the same
                    self.failed[group.name] = str(error) or repr(error)
                    traceback.print_exc()

    def _sections(self) -> Iterator[tuple[str, list[Row]]]:
        for title, inside in (("Budgets", False), ("Inside", True)):
            rows = [row for group, row in self._rows if group.inside is inside]
            if rows:
                yield title, rows

    def text(self) -> str:
        """For a terminal."""
        parts = [f"{title}\n{table(rows)}" for title, rows in self._sections()]
        parts += [f"{name}: could not be measured: {why}" for name, why in self.failed.items()]
        return "\n\n".join(parts)

    def page(self) -> str:
        """For docs/benchmarks.md."""
        when = time.strftime("%Y-%m-%d", time.gmtime())
        parts = [f"{when}: {self.machine}."]
        parts += [f"### {title}\n\n{markdown(rows)}" for title, rows in self._sections()]
        parts += [f"`{name}` could not be measured: {why}" for name, why in self.failed.items()]
        return "\n\n".join(parts)

    def document(self) -> dict[str, Any]:
        """For machines."""
        rows = [
            {"section": "inside" if group.inside else "budgets", "group": group.name, **row.document}
            for group, row in self._rows
        ]
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"at": at, "machine": self.machine, "rows": rows, "failed": self.failed}


def _machine() -> str:
    processors = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start"
    return f"{processors}, Linux {platform.release()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
