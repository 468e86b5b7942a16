"""`froyo apply`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from reconciler.cli import once
from reconciler.cli.assembly import assemble
from reconciler.cli.phrases import count, nothing_to_do
from reconciler.cli.places import places


def apply(directory: str, *, targets: list[str], state: str | None, output: str, quiet: bool) -> int:
    """Put right what is not as declared, once; the exit status."""
    return asyncio.run(_apply(Path(os.path.realpath(directory)), targets, state, quiet=quiet))


async def _apply(directory: Path, targets: list[str], state: str | None, *, quiet: bool) -> int:
    where = places(os.environ, state=state)
    notice = lambda text: print(text, file=sys.stderr)
    async with assemble(where, os.environ, lease=True, notice=notice) as parts:
        evaluated = await once.evaluate(parts, directory, targets=targets)
        results = await once.apply(parts, evaluated, step=lambda *_: None, whole=not targets)
    failed = False
    for result in results:
        if result.error:
            failed = True
            print(f"{result.target}: {result.error}")
        for address, why in result.failed.items():
            failed = True
            print(f"{address}: {why}")
    changed = sum(len(result.changed) for result in results)
    instances = sum(result.instances for result in results)
    if not failed and not changed:
        print(nothing_to_do(instances, len(results)))
    else:
        print(f"{count(changed, 'instance')} changed")
    return 1 if failed else 0
