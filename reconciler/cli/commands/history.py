"""`froyo history`."""

from __future__ import annotations

import time

from reconciler.api.client import Document
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Number, Output, Quiet, State, Targets, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.show.history import history_lines
from reconciler.cli.terminal import terminal
from reconciler.cli.unknown import must_be_targets

EXAMPLES = (
    ("froyo history", "the last runs, the newest last"),
    ("froyo history --target web-1 -n 5 -v", "the last five on one target, with what differed"),
)

SHOWN = 20
"""Runs that are shown unless told otherwise."""


def command(
    *,
    target: Targets = None,
    number: Number = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What was done, run by run.

    A run is one round on one target that set out to change something. One that found everything as declared is none.
    The newest is shown last, as with events, and 20 of them unless told otherwise. Between them stands that a source
    was rolled back, and why.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    document = _runs(asking, target or [""], number or SHOWN)
    if output.is_document:
        emit(screen, document, output)
    elif not document["items"] and not document["rollbacks"]:
        screen.note("nothing was changed yet")
    else:
        for line in history_lines(screen, document, now=time.time()):
            screen.line(line)
    return 0


def _runs(asking: Asking, targets: list[str], number: int) -> Document:
    """The newest runs on those targets together, "" being all of them."""
    found = [
        asking.get("/v1/history", {"limit": str(number), **({"target": name} if name else {})})
        for name in dict.fromkeys(targets)
    ]
    for name, document in zip(dict.fromkeys(targets), found, strict=True):
        if name and not document["items"]:
            must_be_targets(asking, [name])
    runs = [run for document in found for run in document["items"]]
    rollbacks = {event["id"]: event for document in found for event in document["rollbacks"]}
    return {
        **found[0],
        "items": sorted(runs, key=lambda run: run["startedAt"])[-number:],
        "rollbacks": [rollbacks[number] for number in sorted(rollbacks)],
    }
