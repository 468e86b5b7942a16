"""`froyo operator`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.app.ending import EndSignal, run_until_told
from reconciler.app.places import places
from reconciler.cli.asking_clusters import must_be_namespace
from reconciler.cli.keeping import keep
from reconciler.cli.options import MaxDisrupted, NoColor, Output, PruneBudget, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.core.redaction import Redactor
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.model.cluster import ClusterPlace, namespace_of
from reconciler.model.names import DEFAULT_NAMESPACE
from reconciler.telemetry.output import LogFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.app.daemon import Serve
    from reconciler.model.names import Address

EXAMPLES = (
    ("froyo operator run --namespace web", "keep everything as the objects of that namespace say"),
    ("froyo operator run", "the same of all namespaces"),
    ("froyo operator run --namespace web -o json", "each event as one JSON document a line"),
    ("froyo operator release --namespace web", "let deleted objects go, and leave what they were about"),
)


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
        list[str] | None,
        typer.Option(
            "--namespace",
            "-n",
            metavar="NAME",
            help="A namespace whose objects count; may be given again. All of them if it is not.",
        ),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(
            "--trust",
            metavar="NAME",
            help="Of several namespaces, one whose objects may be about the machine that this runs on.",
        ),
    ] = None,
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
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Share the targets out with others that are run so on the same --store postgresql://…",
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
    """Keep everything as the objects of namespaces of a Kubernetes cluster say, until told to end.

    Which cluster, the current context of $KUBECONFIG says, or the ServiceAccount of the pod that this runs in. It has
    to know every kind that is installed: froyo crd | kubectl apply --server-side -f -

    release takes froyo's finalizer off all objects of the namespace: those that were deleted go at once, and what they
    were about stays as it is on its targets. It is the way out where that cannot be removed any more.
    """
    from reconciler.telemetry.output import configure

    namespaces = list(dict.fromkeys(namespace or ()))
    for option, names in (("--namespace", namespaces), ("--trust", trust or ())):
        for name in names:
            must_be_namespace(name, option)
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    where = places(os.environ, state=state)
    if share and where.address is None:
        raise UsageError("--share takes a store that several can reach: --store postgresql://…")
    if share and leader_elect:
        raise UsageError("of those that --share all work, and none is elected: leave --leader-elect out")
    if action is OperatorTask.RELEASE:
        from reconciler.app.operator.releasing import release

        if not namespaces:
            raise UsageError("release takes the namespaces whose objects are to be let go: --namespace NAME")
        let_go = sum(asyncio.run(release(ClusterPlace(name), where)) for name in namespaces)
        screen.say(f"released: {count(let_go, 'object')}")
        return 0
    shown = output if output.is_document or screen.out.isatty() else None
    level = "ERROR" if shown and not verbose else "WARNING" if quiet else "DEBUG" if verbose else "INFO"
    redactor = Redactor()
    configure(redactor=redactor, level=level, format=LogFormat.AUTO, environ=os.environ)

    async def work(ending: EndSignal, further: Mapping[str, Serve]) -> list[Address]:
        from reconciler.app.operator.finalizing import finalize
        from reconciler.app.operator.namespaces import served
        from reconciler.app.operator.noticing import notice_on
        from reconciler.app.operator.reporting import report_on

        tasks = {"status": report_on, "notices": notice_on, "finalizers": finalize}
        given, about = served(namespaces, trust or (), tasks)
        alone = namespaces if len(namespaces) == 1 else ()
        trusted = {ClusterPlace(name).name for name in (*alone, *(trust or ()))}
        return await keep(
            ending,
            screen,
            given,
            where,
            redactor,
            shown=shown,
            budget=prune_budget,
            max_disrupted=max_disrupted,
            trial=None,
            metrics_listen=metrics_listen,
            webhook=None,
            share=share,
            isolates=lambda name: bool(namespace_of(name)) and name not in trusted,
            further={**about, **further},
        )

    async def run(ending: EndSignal) -> list[Address]:
        from reconciler.app.operator import electing

        # Where nothing else is said, what is the operator's own is with the first that it serves.
        home = namespaces[0] if namespaces else DEFAULT_NAMESPACE
        lease = electing.lease_of(os.environ, home) if leader_elect else None
        async with contextlib.AsyncExitStack() as stack:
            if admission_listen is not None:
                from reconciler.app.operator.admitting import admitting

                await stack.enter_async_context(admitting(admission_listen, home, where, os.environ))
            if lease is None:
                return await work(ending, {})
            done = await electing.elected(
                ending,
                lease,
                lambda held: work(ending, {"lease": held}),
                listen=metrics_listen,
                places=where,
            )
        return done or []

    for address in run_until_told(run) or ():
        screen.note(
            f"abandoned in the middle of an apply, looked at again at the next start: {one_line(address)}"
        )
    return 0
