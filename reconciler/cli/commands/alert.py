"""`froyo alert`."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format, emit
from reconciler.cli.steering import person
from reconciler.cli.terminal import terminal

EXAMPLES = (
    ("froyo alert test ops", "send a message that says that nothing is wrong"),
    ("froyo alert test ops -o json", "the same, with the id of the message as a document"),
)

PATIENCE = 90.0
"""Seconds: longer than any way out may take."""


class AlertTask(StrEnum):
    """What is to be done."""

    TEST = "test"


def command(
    action: Annotated[
        AlertTask,
        typer.Argument(metavar="ACTION", help="test.", parser=one_of("ACTION", AlertTask, verb="is")),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The alert, by its name.")],
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Have an alert send a message by hand, now, and beside all that waits.

    What is sent has the reason Test, and says who sent it. It fails with the reason where nobody takes it, and is not
    tried again then.
    """
    del action
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    daemon = Asking.of(state).need_daemon("alerts are sent by a daemon: froyo up")
    told = daemon.post("/v1/alerts/test", {"name": name, "by": person(os.environ)}, timeout=PATIENCE)
    if output.is_document:
        emit(screen, told, output)
    else:
        screen.say(f"Alert/{name} was taken, with the id {told['id']}")
    return 0
