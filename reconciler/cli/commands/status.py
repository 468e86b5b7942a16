"""`froyo status`."""

from __future__ import annotations

import time

from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.show.status import status_lines
from reconciler.cli.terminal import terminal

EXAMPLES = (
    ("froyo status", "sources, targets, and what is not as declared"),
    ("froyo status -o json | jq .counts", "how many instances have which reason"),
)


def command(
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """How everything is, in short.

    Says which sources are in force and what is wrong with them, which targets are connected, and what is not as
    declared. Exits with 1 when a source is broken, a target cannot be reached, or the daemon cannot work; `froyo wait`
    is for waiting until all is as declared.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    status = asking.get("/v1/status")
    broken = bool(status["problems"] or asking.silent) or any(
        condition["type"] == "Ready" and condition["status"] == "False"
        for one in (*status["sources"], *status["targets"])
        for condition in one["conditions"]
    )
    if output.is_document:
        emit(screen, status, output)
    elif not quiet or broken:
        where = "" if asking.silent is not None else asking.where.kept_in
        for line in status_lines(screen, status, now=time.time(), where=where):
            screen.line(line)
    return 1 if broken else 0
