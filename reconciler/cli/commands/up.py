"""`froyo up`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from reconciler.api.server import serve
from reconciler.cli.assembly import assemble
from reconciler.cli.daemon import DaemonBackend, run_daemon
from reconciler.cli.places import places
from reconciler.telemetry.output import configure
from reconciler.telemetry.redaction import Redactor


def up(directory: str, *, state: str | None) -> int:
    """Keep everything as declared, until told to end; the exit status."""
    configure(redactor=Redactor(), environ=os.environ)
    return asyncio.run(_up(Path(os.path.realpath(directory)), state))


async def _up(directory: Path, state: str | None) -> int:
    where = places(os.environ, state=state)
    async with assemble(
        where, os.environ, lease=True, notice=lambda text: print(text, file=sys.stderr)
    ) as parts:
        abandoned = await run_daemon(
            parts, directory, serve={"api": lambda daemon: serve(DaemonBackend(daemon), where.socket)}
        )
    for address in abandoned:
        print(f"abandoned in the middle of an apply: {address}", file=sys.stderr)
    return 0
