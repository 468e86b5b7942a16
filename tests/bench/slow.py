"""How soon a file that somebody changes is right again, while something slow is done on that target and while not."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import sites
from tests.bench.daemon import Daemon, running
from tests.bench.drift import PAUSES, drift
from tests.bench.rows import Row, percentile

FILES = 100
MOST = 300
"""Changes that are made; by then both have to be under way still."""


def beside(work: Path, *, spoils: int) -> Iterator[Row]:
    """On this machine.

    Args:
        work: an empty directory.
        spoils: how many times a file is changed.
    """
    root, site, state = work / "root", work / "site", work / "state"
    quick = [sites.local_target("here"), *sites.files("here", str(root), FILES)]
    names = [root / f"f{number}" for number in range(FILES)]
    wanted = {path: sites.content(number).encode() for number, path in enumerate(names)}
    spoils = min(spoils, MOST)
    sites.write(site, quick)
    with running(site, state, FILES + 1) as daemon:
        time.sleep(5)  # what follows the start
        without, missed_without = drift(names, wanted, spoils, pauses=PAUSES)
        sites.write(site, [*quick, *_slow(root, 60 + int(spoils * PAUSES[1]))])
        _under_way(daemon)
        took, missed = drift(names, wanted, spoils, pauses=PAUSES)
        both = _busy(daemon)
    note = f"limit: without them{'' if both else '; NOT BOTH WERE STILL UNDER WAY AT THE END'}"
    spread = f"of {len(took) + missed:,}; slowest {max(took, default=0.0) * 1000:.0f} ms"
    what = "a file changed by hand beside a slow validation and a long command"
    for name, part, told in (("p50", 0.5, note), ("p99", 0.99, spread)):
        yield Row(
            what=f"{what}: {name}",
            measured=percentile(took, part) * 1000,
            unit="ms",
            limit=percentile(without, part) * 1000,
            note=told,
        )
    yield Row(
        what=f"{what}: missed",
        measured=float(missed),
        unit=f"of {len(took) + missed:,}",
        limit=float(missed_without),
        budget=0.0,
    )


def _slow(root: Path, seconds: int) -> list[str]:
    """A file whose validation takes so long, and a command that does."""
    head = f"apiVersion: {sites.API}\nkind: "
    validate = f'[sh, -c, "sleep {seconds}", x, "%s"]'
    file = f'{{target: here, path: "{root}/validated", content: x, validate: {validate}}}'
    command = f'{{target: here, argv: [sleep, "{seconds}"], creates: "{root}/never"}}'
    return [
        f"{head}File\nmetadata: {{name: validated}}\nspec: {file}\n",
        f"{head}Exec\nmetadata: {{name: long}}\nspec: {command}\n",
    ]


def _busy(daemon: Daemon) -> bool:
    items = daemon.ask("/v1/resources")["items"]
    return sum(item["reason"] == "Applying" for item in items) == 2


def _under_way(daemon: Daemon) -> None:
    deadline = time.monotonic() + 60
    while not _busy(daemon):
        if time.monotonic() > deadline:
            raise RuntimeError("not both are under way: " + json.dumps(daemon.ask("/v1/status")["counts"]))
        time.sleep(0.1)
