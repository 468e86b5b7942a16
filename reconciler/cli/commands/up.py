"""`froyo up`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.options import Directory, NoColor, Quiet, State, Verbose, one_of
from reconciler.cli.places import Places, places
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.visible import visible
from reconciler.errors import UsageError
from reconciler.model.names import Address
from reconciler.telemetry.output import Format as LogFormat

EXAMPLES = (
    ("froyo up", "keep everything as this directory declares it; Ctrl-C ends it"),
    ("froyo dev up site", "the same for another directory"),
    ("froyo up site --log-format json 2>froyo.log", "as a service, with a log for machines"),
)


def command(
    directory: Directory = ".",
    *,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            "--log-format",
            metavar="FORMAT",
            help="console or json; auto shows events in a terminal, and JSON elsewhere.",
            parser=one_of("--log-format", LogFormat),
        ),
    ] = LogFormat.AUTO,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Keep everything as declared, until told to end.

    Watches the directory and the targets, puts right whatever differs, and says who spoiled it. SIGTERM and Ctrl-C let
    what is under way end; what cannot be ended in time is named, and looked at again at the next start.
    """
    from reconciler.telemetry.output import configure
    from reconciler.telemetry.redaction import Redactor

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    root = Path(os.path.realpath(directory))
    if not root.is_dir():
        raise UsageError(
            f"{root}: there is no such directory; `froyo init {directory}` makes one to begin with"
        )
    shows = log_format is LogFormat.AUTO and screen.out.isatty()
    level = (
        "ERROR"
        if shows and not verbose
        else "WARNING"
        if quiet
        else "DEBUG"
        if verbose and not shows
        else "INFO"
    )
    configure(redactor=Redactor(), level=level, format=log_format, environ=os.environ)
    abandoned = asyncio.run(_up(screen, root, places(os.environ, state=state), shows=shows))
    for address in abandoned:
        screen.note(
            f"abandoned in the middle of an apply, looked at again at the next start: {visible(address)}"
        )
    if shows:
        screen.say("ended" + ("" if abandoned else "; nothing is left half-done"))
    return 0


async def _up(screen: Terminal, root: Path, where: Places, *, shows: bool) -> list[Address]:
    from reconciler.api.server import serve
    from reconciler.cli.assembly import assemble
    from reconciler.cli.daemon import Daemon, DaemonBackend, run_daemon
    from reconciler.cli.show.live import Live

    def notice(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    async with assemble(where, os.environ, lease=True, notice=notice) as parts:

        async def api(daemon: Daemon) -> None:
            await serve(DaemonBackend(daemon), where.socket)

        shown = {"api": api}
        if shows:
            newest = await parts.store.events(limit=1)
            live = Live(screen, after=newest[-1].id if newest else 0)
            live.banner(str(root), str(where.state))

            async def show(daemon: Daemon) -> None:
                await live.run(DaemonBackend(daemon))

            shown["screen"] = show
        return await run_daemon(parts, root, serve=shown)
