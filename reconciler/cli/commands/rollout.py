"""`froyo rollout`."""

from __future__ import annotations

import asyncio
import os
import time
from enum import StrEnum
from typing import Annotated, Any

import typer

from reconciler.api.client import Document
from reconciler.cli.asking import Asking
from reconciler.cli.asking_clusters import AskingCluster, say_what_is_left_out
from reconciler.cli.asking_clusters import asking as of
from reconciler.cli.options import (
    AllNamespaces,
    Context,
    Kubeconfig,
    Namespace,
    NoColor,
    OfSource,
    Output,
    Quiet,
    State,
    Verbose,
    Why,
    one_of,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.show.rollouts import rollout_lines, rollout_table
from reconciler.cli.steering import person
from reconciler.cli.terminal import terminal
from reconciler.core.suggest import did_you_mean
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.model.rollout import FAILED

EXAMPLES = (
    ("froyo rollout status", "how far rollouts are"),
    ("froyo rollout status web", "one, target by target"),
    ("froyo rollout promote web", "have the next wave begin"),
    ("froyo rollout abort web --reason 'the new limits are wrong'", "end it here"),
)


class RolloutTask(StrEnum):
    """What is to be done."""

    STATUS = "status"
    PAUSE = "pause"
    RESUME = "resume"
    PROMOTE = "promote"
    ABORT = "abort"


OPERATOR = "kubectl exec -n froyo-system deploy/froyo-operator -- froyo"
DONE = {
    RolloutTask.PAUSE: "no further target has its turn; go on with: froyo rollout resume {name}",
    RolloutTask.RESUME: "it goes on",
    RolloutTask.PROMOTE: "it goes on as soon as the wave is ready",
    RolloutTask.ABORT: "it goes no further; try again with: froyo rollout resume {name}",
}


def command(  # noqa: PLR0913 - its options
    action: Annotated[
        RolloutTask,
        typer.Argument(
            metavar="ACTION",
            help="status, pause, resume, promote or abort.",
            parser=one_of("ACTION", RolloutTask, verb="is"),
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Which one; for status all of them.")] = "",
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Of promote: no further wave has to hold, or pauses, either.")
    ] = False,
    source: OfSource = "",
    reason: Why = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """How a revision reaches its targets wave by wave: see it, and steer it.

    A Rollout declares in which waves; what is said here holds for the revision that is on its way, but for a pause,
    which holds for the next one, too. status exits with 1 where one does not go on. Of a cluster (--context,
    --kubeconfig, -n or -A) status is what the statuses of Rollouts say; they are steered where the operator runs.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if full and action is not RolloutTask.PROMOTE:
        raise UsageError("--full is for promote")
    of_cluster = all_namespaces or any(one is not None for one in (context, kubeconfig, namespace))
    if action is RolloutTask.STATUS:
        asked = of(
            state, context=context, kubeconfig=kubeconfig, namespace=namespace, everywhere=all_namespaces
        )
        if isinstance(asked, Asking):
            asked.must_have_store()
        return _status(asked, name, source, output, no_color=no_color, quiet=quiet, verbose=verbose)
    if not name:
        raise UsageError(f"name the rollout: froyo rollout {action} NAME; see: froyo rollout status")
    if of_cluster:
        whose = source or (f"kubernetes:{namespace}" if namespace else "")
        words = f"{action} {name}" + (f" --source {whose}" if whose else "")
        raise UsageError(
            f"a cluster's rollouts are steered where its operator runs: {OPERATOR} rollout {words}"
        )
    asking = Asking.of(state)
    asking.must_have_store()
    asking.must_not_be_silent()
    request = {
        "action": action.value,
        "name": name,
        "source": source,
        "by": person(os.environ),
        "reason": reason,
        "full": full,
    }
    found = _steered(asking, request)
    if output.is_document:
        emit(screen, found, output)
        return 0
    then = "" if asking.daemon is not None else "; no daemon runs, so it takes the next froyo apply"
    screen.say(f"rollout {one_line(name)}: {DONE[action].format(name=one_line(name))}{then}")
    return 0


def _steered(asking: Asking, request: dict[str, Any]) -> Document:
    if asking.daemon is not None:
        return asking.daemon.post("/v1/rollouts", request)
    from reconciler.api import views
    from reconciler.app.rolling_out import Steering
    from reconciler.cli.writing import steer_rollout

    found = asyncio.run(steer_rollout(asking.where, Steering(**request)))
    return {**views.document("Rollout"), **views.rollout(found)}


def _status(
    asking: Asking | AskingCluster,
    name: str,
    source: str,
    output: Format,
    *,
    no_color: bool,
    quiet: bool,
    verbose: bool,
) -> int:
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    document = asking.get("/v1/rollouts")
    every = document["items"]
    document["items"] = [one for one in every if name in ("", one["name"]) and source in ("", one["source"])]
    if name and not document["items"]:
        names = sorted({str(one["name"]) for one in every})
        raise UsageError(
            f"there is no rollout {name!r}; {did_you_mean(name, names) or 'see: froyo rollout status'}"
        )
    if output.is_document:
        emit(screen, document, output)
    elif not document["items"]:
        screen.note("nothing is known of any rollout; a source declares one with kind: Rollout")
    else:
        asking.say_if_nobody_looks(screen)
        lines = rollout_lines if name else rollout_table
        for line in lines(screen, document["items"], now=time.time()):
            screen.line(line)
    if not output.is_document:
        say_what_is_left_out(screen, document)
    return 1 if any(_failed(one) for one in document["items"]) else 0


def _failed(view: Document) -> bool:
    return view["phase"] in FAILED
