"""`froyo operator`."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from reconciler.app.places import places
from reconciler.cli.commands.up import keep
from reconciler.cli.options import MaxDisrupted, NoColor, Output, PruneBudget, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format
from reconciler.cli.terminal import terminal
from reconciler.core.redaction import Redactor
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.model.cluster import ClusterPlace
from reconciler.model.source import Source
from reconciler.telemetry.output import LogFormat

EXAMPLES = (
    ("froyo operator run --namespace web", "keep everything as the objects of that namespace say"),
    ("froyo operator run --namespace web -o json", "each event as one JSON document a line"),
)

_LONGEST = 63


class OperatorTask(StrEnum):
    """What is to be done."""

    RUN = "run"


def command(  # noqa: PLR0913 - its options
    action: Annotated[
        OperatorTask,
        typer.Argument(metavar="ACTION", help="run.", parser=one_of("ACTION", OperatorTask, verb="is")),
    ],
    *,
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", metavar="NAME", help="The namespace whose objects count."),
    ],
    metrics_listen: Annotated[
        str | None,
        typer.Option(
            "--metrics-listen",
            metavar="ADDRESS",
            help="Tell metrics and health on this port, too: 9469 is one of 127.0.0.1.",
        ),
    ] = None,
    output: Output = Format.TEXT,
    prune_budget: PruneBudget = None,
    max_disrupted: MaxDisrupted = None,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Keep everything as the objects of a namespace of a Kubernetes cluster say, until told to end.

    Which cluster, the current context of $KUBECONFIG says, or the ServiceAccount of the pod that this runs in. It has
    to know every kind that is installed: froyo crd | kubectl apply --server-side -f -
    """
    from reconciler.app.noticing import notice_on
    from reconciler.app.reporting import report_on
    from reconciler.telemetry.output import configure

    del action
    if not namespace.replace("-", "a").isalnum() or not namespace.isascii() or len(namespace) > _LONGEST:
        raise UsageError(f"--namespace takes the name of a namespace, not {namespace!r}")
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    shown = output if output.is_document or screen.out.isatty() else None
    level = "ERROR" if shown and not verbose else "WARNING" if quiet else "DEBUG" if verbose else "INFO"
    redactor = Redactor()
    configure(redactor=redactor, level=level, format=LogFormat.AUTO, environ=os.environ)
    place = ClusterPlace(namespace)
    abandoned = asyncio.run(
        keep(
            screen,
            [Source(place.name, place)],
            places(os.environ, state=state),
            redactor,
            shown=shown,
            budget=prune_budget,
            max_disrupted=max_disrupted,
            trial=None,
            metrics_listen=metrics_listen,
            webhook=None,
            further={
                "status": partial(report_on, place.name),
                "notices": partial(notice_on, place.name),
            },
        )
    )
    for address in abandoned:
        screen.note(
            f"abandoned in the middle of an apply, looked at again at the next start: {one_line(address)}"
        )
    return 0
