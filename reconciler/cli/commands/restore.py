"""`froyo restore`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from reconciler.api import times
from reconciler.api.views import instant
from reconciler.app.places import places
from reconciler.cli.commands.backup import document, told
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible

EXAMPLES = (
    ("froyo restore /var/backups/froyo.tar --state /var/lib/froyo", "into a place where nothing is yet"),
)


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="What `froyo backup` wrote.")],
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Have the whole state back from a backup, on this machine or on another one.

    It is put where no state is yet, all of it or nothing. What was done on targets since the backup is not undone: the
    next apply, or the daemon, looks at everything, and what became ours since then counts as having been there before.
    """
    from reconciler.store.backup import restore

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    where = places(os.environ, state=state)
    found = restore(Path(os.path.abspath(file)), where.state)
    if output.is_document:
        emit(screen, document(found), output)
    else:
        taken = times.clock(instant(found.taken_at), now=time.time())
        screen.say(f"{visible(str(where.state))}: {told(found)}, as it was at {taken}")
    return 0
