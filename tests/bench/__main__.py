"""`make bench`: every budget beside its limit, measured in the same run.

    python -m tests.bench [--quick] [oneshot] [daemon] [ssh]

Figures depend on the machine; what counts is their ratio to the limit beside them.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import daemon, oneshot, ssh
from tests.bench.rows import Row, table


def main() -> None:
    """Measure, and print as it goes."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="spoil 500 files instead of 10,000")
    parser.add_argument("groups", nargs="*", help="oneshot, daemon, ssh; all by default")
    arguments = parser.parse_args()
    spoils = 500 if arguments.quick else 10_000
    groups: dict[str, Callable[[Path], Iterator[Row]]] = {
        "oneshot": oneshot.rows,
        "daemon": lambda work: daemon.rows(work, spoils=spoils),
        "ssh": lambda work: ssh.rows(work, spoils=min(spoils, 1000)),
    }
    wanted = arguments.groups or list(groups)
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Linux {platform.release()}"
    print(f"{machine}, Python {platform.python_version()}")
    rows: list[Row] = []
    for name in wanted:
        if name == "ssh" and not _lab():
            print("ssh: left out, since this machine has no lab (tests/lab/hosts check)")
            continue
        with tempfile.TemporaryDirectory(prefix="froyo-bench-", dir="/var/tmp") as work:
            for row in groups[name](Path(work)):
                rows.append(row)
                print(f"  {row.what}: {row.measured:.3g} {row.unit}", flush=True)
    print()
    print(table(rows))


def _lab() -> bool:
    listed = subprocess.run([str(ssh.HOSTS), "list"], capture_output=True, text=True, check=False)
    return "running" in listed.stdout


if __name__ == "__main__":
    main()
