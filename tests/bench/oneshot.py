"""One-shot commands on this machine: first apply, nothing to do, help."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from reconciler.app.places import places
from tests.bench import sites
from tests.bench.commands import FROYO, repeated, shell, timed
from tests.bench.looking import look_again
from tests.bench.rows import Row, median

COUNT = 1000


def thousand(work: Path) -> Iterator[Row]:
    """A thousand files of this machine, below `work`: applied, then as declared, then looked at by the daemon."""
    root, site, state = work / "root", work / "site", work / "state"
    environ = {"FROYO_STATE": str(state)}
    sites.write(site, [sites.local_target("here"), *sites.files("here", str(root), COUNT)])
    apply = [FROYO, "apply", str(site)]
    timed(apply, environ=environ)  # compiles the providers, where that has not been done

    archive = work / "files.tar"
    timed(["tar", "-cf", str(archive), "-C", str(root), "."])
    copy = work / "copy"

    # Moved away, not removed: ext4 searches long for an inode right after many were freed, which is not what a first
    # apply finds.
    bin_ = work / "bin"
    bin_.mkdir()
    number = itertools.count()

    def fresh_copy() -> None:
        if copy.exists():
            copy.rename(bin_ / f"{next(number)}")
        copy.mkdir()

    def forget() -> None:
        for made in (root, state):
            if made.exists():
                made.rename(bin_ / f"{next(number)}")

    def durable_copy() -> float:
        fresh_copy()
        began = time.perf_counter()
        timed(["tar", "-xf", str(archive), "-C", str(copy)])
        timed(["sync", "-f", str(copy)])
        return time.perf_counter() - began

    limit = repeated(["tar", "-xf", str(archive), "-C", str(copy)], before=fresh_copy)
    durable = median([durable_copy() for _ in range(5)])
    yield Row(
        what="1,000 files, first apply, here",
        measured=repeated(apply, environ=environ, before=forget),
        unit="s",
        limit=limit,
        budget=0.8,
        note=f"ours is durable; tar with a sync after it: {durable:.2g} s",
    )
    look = repeated(shell(f"cd {root} && stat * >/dev/null && sha256sum * >/dev/null"))
    time.sleep(3)  # a fingerprint is only trusted once the source is older than its time stamps are fine
    timed(apply, environ=environ)
    yield Row(
        what="1,000 files in sync: one-shot apply",
        measured=repeated(apply, environ=environ),
        unit="s",
        limit=look,
        budget=0.3,
        aim=0.13,
        note="the start of the process included",
    )
    yield Row(
        what="the same, nothing remembered of it",
        measured=repeated([*apply, "--target", "here"], environ=environ),
        unit="s",
        limit=look,
        note="loaded, read and planned in full",
    )
    yield Row(
        what="1,000 files in sync: one look in the running daemon",
        measured=asyncio.run(look_again(site, places(environ))),
        unit="s",
        limit=look,
        budget=0.010,
        note="a rescan: to the runner and back",
    )


def tree(work: Path) -> Iterator[Row]:
    """A thousand files of the source as one tree: applied, as declared, and with one of them changed."""
    root, site = work / "root", work / "site"
    environ = {"FROYO_STATE": str(work / "state")}
    sites.write(site, [sites.local_target("here"), sites.tree("here", str(root))])
    for number in range(COUNT):
        body = site / "bodies" / f"d{number % 20}" / f"f{number}"
        body.parent.mkdir(parents=True, exist_ok=True)
        body.write_text(sites.content(number))
    apply = [FROYO, "apply", str(site)]
    timed(apply, environ=environ)
    look = repeated(shell(f"cd {root} && stat */* >/dev/null && sha256sum */* >/dev/null"))
    time.sleep(3)  # as above
    timed(apply, environ=environ)
    yield Row(
        what="1,000 files as one tree in sync: one-shot apply",
        measured=repeated(apply, environ=environ),
        unit="s",
        limit=look,
        budget=0.1,
        note="the start of the process included",
    )
    number = itertools.count()

    def change() -> None:
        (site / "bodies" / "d0" / "f0").write_text(f"another content, number {next(number)}\n")

    yield Row(
        what="the same, one body of it changed",
        measured=repeated(apply, environ=environ, before=change),
        unit="s",
        limit=look,
        note="read, planned and compared in full",
    )


def empty(work: Path) -> Iterator[Row]:
    """Nothing to do at all."""
    directory = work / "empty"
    directory.mkdir()
    yield Row(
        what="nothing to do at all (empty directory)",
        measured=repeated([FROYO, "apply", str(directory)], environ={"FROYO_STATE": str(work / "none")}),
        unit="s",
        limit=_bare(),
        budget=0.35,
        note="limit: python -c pass",
    )


def help_(_work: Path) -> Iterator[Row]:
    """The table of contents."""
    yield Row(
        what="froyo --help",
        measured=repeated([FROYO, "--help"]),
        unit="s",
        limit=_bare(),
        budget=0.15,
        note="limit: python -c pass",
    )


def _bare() -> float:
    return repeated([sys.executable, "-c", "pass"])
