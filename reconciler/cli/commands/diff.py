"""`froyo diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.asking import Asking
from reconciler.cli.client import Document
from reconciler.cli.options import NoColor, Output, Quiet, State, Targets, Verbose
from reconciler.cli.output import Format
from reconciler.cli.show.plans import Totals
from reconciler.cli.terminal import terminal

EXAMPLES = (
    ("froyo diff", "what differs on the targets of the running daemon"),
    ("froyo diff site", "what differs from a directory, with or without a daemon"),
    ("froyo diff --target web-1", "on one target only"),
)


def command(
    directory: Annotated[
        str | None,
        typer.Argument(
            metavar="DIR", help="The directory with the manifests; without it the daemon is asked."
        ),
    ] = None,
    *,
    target: Targets = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What differs right now between what is declared and what is there.

    Asks the daemon when there is one and no directory is named, else it plans that directory, or this one. Exits with 0
    when nothing differs, 2 when something does (held or not), 1 when something could not be looked at.
    """
    from reconciler.cli.commands import plan

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    if directory is None and asking.daemon is not None:
        found: list[Document] = asking.daemon.post("/v1/plan", {}, timeout=300.0)["items"]
        plans = [entry for entry in found if not target or entry["target"] in target]
        revision = plans[0]["revision"] if plans else ""
    else:
        plans, revision = plan.make(screen, directory or ".", targets=target or [], state=state)
    status = plan.show_plans(screen, plans, revision, output)
    held = Totals.of(plans).held
    return 2 if status == 0 and held else status
