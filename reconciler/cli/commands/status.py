"""`froyo status`."""

from __future__ import annotations

import time

from reconciler.cli.asking import Asking
from reconciler.cli.asking_clusters import asking, say_what_is_left_out
from reconciler.cli.options import (
    AllNamespaces,
    Context,
    Kubeconfig,
    Namespace,
    NoColor,
    Output,
    Quiet,
    State,
    Verbose,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.show.status import status_lines
from reconciler.cli.terminal import terminal

EXAMPLES = (
    ("froyo status", "sources, targets, and what is not as declared"),
    ("froyo status -o json | jq .counts", "how many instances have which reason"),
    ("froyo status --context prod -A", "what the objects of a cluster say, in all namespaces"),
)


def command(  # noqa: PLR0913 - its options
    *,
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
    """How everything is, in short.

    Says which sources are in force and what is wrong with them, which targets are connected, and what is not as
    declared. Exits with 1 when a source is broken, a target cannot be reached, or the daemon cannot work; `froyo
    wait` is for waiting until all is as declared. Of a cluster (--context, --kubeconfig, -n or -A) it is what the
    statuses of its objects say, and a namespace with an object that is wrong is a source that is broken.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asked = asking(
        state, context=context, kubeconfig=kubeconfig, namespace=namespace, everywhere=all_namespaces
    )
    status = asked.get("/v1/status")
    broken = bool(status["problems"] or asked.silent) or any(
        condition["type"] == "Ready" and condition["status"] == "False"
        for one in (*status["sources"], *status["targets"])
        for condition in one["conditions"]
    )
    if output.is_document:
        emit(screen, status, output)
    elif not quiet or broken:
        kept_in = asked.where.kept_in if isinstance(asked, Asking) else ""
        where = "" if asked.silent is not None else kept_in
        for line in status_lines(screen, status, now=time.time(), where=where):
            screen.line(line)
        say_what_is_left_out(screen, status)
    return 1 if broken else 0
