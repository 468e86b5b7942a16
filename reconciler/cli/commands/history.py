"""`froyo history`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.show.history import run_lines
from reconciler.cli.terminal import terminal
from reconciler.cli.unknown import must_be_targets

EXAMPLES = (
    ("froyo history", "the last runs, the newest first"),
    ("froyo history --target web-1 -n 5 -v", "the last five on one target, with what differed"),
)


def command(
    *,
    target: Annotated[
        str | None, typer.Option("--target", metavar="NAME", help="Only on this target.")
    ] = None,
    number: Annotated[int, typer.Option("-n", "--limit", metavar="N", help="At most so many.", min=1)] = 20,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What was done, run by run.

    A run is one round on one target that set out to change something. One that found everything as declared is none.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    query = {"limit": str(number), **({"target": target} if target else {})}
    asking = Asking.of(state)
    document = asking.get("/v1/history", query)
    if not document["items"] and target:
        must_be_targets(asking, [target])
    if output.is_document:
        emit(screen, document, output)
    elif not document["items"]:
        screen.note("nothing was changed yet")
    else:
        for line in run_lines(screen, document["items"], now=time.time()):
            screen.line(line)
    return 0
