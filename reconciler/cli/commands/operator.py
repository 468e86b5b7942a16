"""`froyo operator`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.app.places import places
from reconciler.cli.commands.up import keep
from reconciler.cli.options import MaxDisrupted, NoColor, Output, PruneBudget, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.core.redaction import Redactor
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.model.cluster import ClusterPlace
from reconciler.model.source import Source
from reconciler.telemetry.output import LogFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.app.daemon import Serve
    from reconciler.model.names import Address

EXAMPLES = (
    ("froyo operator run --namespace web", "keep everything as the objects of that namespace say"),
    ("froyo operator run --namespace web -o json", "each event as one JSON document a line"),
    ("froyo operator release --namespace web", "let deleted objects go, and leave what they were about"),
)

_LONGEST = 63


class OperatorTask(StrEnum):
    """What is to be done."""

    RUN = "run"
    RELEASE = "release"


def command(  # noqa: PLR0913 - its options
    action: Annotated[
        OperatorTask,
        typer.Argument(
            metavar="ACTION", help="run, or release.", parser=one_of("ACTION", OperatorTask, verb="is")
        ),
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
    leader_elect: Annotated[
        bool,
        typer.Option(
            "--leader-elect",
            help="Of several that are run so, one works, and another goes on when it has ended.",
        ),
    ] = False,
    admission_listen: Annotated[
        str | None,
        typer.Option(
            "--admission-listen",
            metavar="ADDRESS",
            help="Say on this port what is wrong with objects before they are taken: 0.0.0.0:9443.",
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

    release takes froyo's finalizer off all objects of the namespace: those that were deleted go at once, and what they
    were about stays as it is on its targets. It is the way out where that cannot be removed any more.
    """
    from reconciler.telemetry.output import configure

    if not namespace.replace("-", "a").isalnum() or not namespace.isascii() or len(namespace) > _LONGEST:
        raise UsageError(f"--namespace takes the name of a namespace, not {namespace!r}")
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    where = places(os.environ, state=state)
    place = ClusterPlace(namespace)
    if action is OperatorTask.RELEASE:
        from reconciler.app.releasing import release

        screen.say(f"released: {count(asyncio.run(release(place, where)), 'object')}")
        return 0
    shown = output if output.is_document or screen.out.isatty() else None
    level = "ERROR" if shown and not verbose else "WARNING" if quiet else "DEBUG" if verbose else "INFO"
    redactor = Redactor()
    configure(redactor=redactor, level=level, format=LogFormat.AUTO, environ=os.environ)

    async def work(further: Mapping[str, Serve]) -> list[Address]:
        from reconciler.app.finalizing import finalize
        from reconciler.app.noticing import notice_on
        from reconciler.app.reporting import report_on

        about = {
            "status": partial(report_on, place.name),
            "notices": partial(notice_on, place.name),
            "finalizers": partial(finalize, place.name),
        }
        return await keep(
            screen,
            [Source(place.name, place)],
            where,
            redactor,
            shown=shown,
            budget=prune_budget,
            max_disrupted=max_disrupted,
            trial=None,
            metrics_listen=metrics_listen,
            webhook=None,
            further={**about, **further},
        )

    async def run() -> list[Address]:
        from reconciler.app import electing

        lease = electing.lease_of(os.environ, namespace) if leader_elect else None
        async with contextlib.AsyncExitStack() as stack:
            if admission_listen is not None:
                from reconciler.app.admitting import admitting

                await stack.enter_async_context(admitting(admission_listen, namespace, where, os.environ))
            if lease is None:
                return await work({})
            done = await electing.elected(
                lease, lambda held: work({"lease": held}), listen=metrics_listen, places=where
            )
        return done or []

    abandoned = asyncio.run(run())
    for address in abandoned:
        screen.note(
            f"abandoned in the middle of an apply, looked at again at the next start: {one_line(address)}"
        )
    return 0
