"""`froyo facts`."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.api import times
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, OneTarget, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import Terminal, terminal

if TYPE_CHECKING:
    from reconciler.api.client import Document

EXAMPLES = (
    ("froyo facts web-1", "all that is known of a target itself"),
    ("froyo facts web-1 os.codename", "one fact, as an expression names it"),
    ("froyo facts web-1 'mounts[\"/srv\"]' --refresh -o json", "asked of the target now, as a document"),
)


def command(
    target: OneTarget,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="One fact, such as os.codename; all unless named.")
    ] = "",
    *,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the target first.")] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What is known of a target itself: its system, processors, disks, network, users and so on.

    It was gathered within the last hour, or after the last change that touches it. Changes nothing on the target.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    if refresh and asking.daemon is not None:
        asking.daemon.post("/v1/facts", {"target": target})
    elif refresh:
        asking.must_not_be_silent()
        asking.must_have_store()
        asyncio.run(_refreshed(screen, asking, target))
    found = asking.get("/v1/facts", {"target": target, "path": path})
    if output.is_document:
        emit(screen, found, output)
        return 0
    value: Any = found["facts"] if "facts" in found else found["value"]
    if isinstance(value, dict | list):
        emit(screen, value, Format.YAML)
    else:
        screen.line(str(value).lower() if isinstance(value, bool) else str(value))
    if not screen.quiet:
        _tell(screen, found)
    return 0


def _tell(screen: Terminal, found: Document) -> None:
    """How good it is, beside what was asked for."""
    cut = f"; there is more than is kept of: {', '.join(found['cut'])}" if found["cut"] else ""
    screen.note(f"gathered {times.age(found['gatheredAt'], now=time.time())} ago{cut}")


async def _refreshed(screen: Terminal, asking: Asking, name: str) -> None:
    from reconciler.app.assembly import assemble
    from reconciler.app.gathering import ask_again

    async with assemble(asking.where, os.environ, lease=True, notice=screen.note) as parts:
        await ask_again(parts, name)
