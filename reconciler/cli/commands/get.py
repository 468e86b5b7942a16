"""`froyo get`."""

from __future__ import annotations

import time

from reconciler.api.client import Document
from reconciler.cli.asking import Asking
from reconciler.cli.asking_clusters import AskingCluster, asking, say_what_is_left_out
from reconciler.cli.options import (
    AllNamespaces,
    Context,
    Kubeconfig,
    Labels,
    Namespace,
    NoColor,
    Quiet,
    State,
    TableOutput,
    Targets,
    Verbose,
    What,
)
from reconciler.cli.output import Format, emit, emit_names
from reconciler.cli.show.resources import (
    alert_table,
    orphan_table,
    resource_table,
    revision_table,
    source_table,
    suspension_lines,
    target_table,
)
from reconciler.cli.show.rollouts import rollout_table
from reconciler.cli.terminal import Terminal, terminal
from reconciler.cli.unknown import must_be_targets, nothing_matches, query_of
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo get", "all resources"),
    ("froyo get files --target web-1", "the files on one target"),
    ("froyo get File/motd -o wide", "one resource on all targets, with more columns"),
    ("froyo get -l tier=web -o name", "addresses only, of what has a label"),
    ("froyo get targets", "also: sources, suspensions, orphans, revisions, rollouts, alerts"),
    ("froyo get files --context prod -n web", "what the objects of a cluster's namespace say"),
)

_LISTS = {
    "alert": "/v1/alerts",
    "alerts": "/v1/alerts",
    "target": "/v1/targets",
    "targets": "/v1/targets",
    "source": "/v1/sources",
    "sources": "/v1/sources",
    "suspension": "/v1/suspensions",
    "suspensions": "/v1/suspensions",
    "orphan": "/v1/orphans",
    "orphans": "/v1/orphans",
    "rollout": "/v1/rollouts",
    "rollouts": "/v1/rollouts",
    "revision": "/v1/revisions",
    "revisions": "/v1/revisions",
}


def command(  # noqa: PLR0913 - its options
    what: What = "",
    *,
    target: Targets = None,
    selector: Labels = "",
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    all_namespaces: AllNamespaces = False,
    output: TableOutput = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What is known, a line each.

    Of a cluster (--context, --kubeconfig, -n or -A) it is what the statuses of its objects say, for which no
    operator need run; what these do not say is told on standard error. Of an object for several targets they name
    at most ten on which it is not as declared.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asked = asking(
        state, context=context, kubeconfig=kubeconfig, namespace=namespace, everywhere=all_namespaces
    )
    if what.lower() in _LISTS:
        document = _list(asked, what.lower(), target, selector)
    else:
        specs = "1" if output.is_document or output is Format.WIDE else "0"
        must_be_targets(asked, target if isinstance(asked, AskingCluster) else None)
        document = asked.get("/v1/resources", {**query_of(what, target, selector), "specs": specs})
        if not document["items"] and (what or target or selector) and not document.get("leftOut"):
            raise nothing_matches(asked, what, target, selector, words=_LISTS)
    if output.is_document:
        emit(screen, document, output)
    elif output is Format.NAME:
        emit_names(screen, [_name(view) for view in document["items"]])
    elif not document["items"]:
        screen.note(f"nothing is known of any {document['kind'].removesuffix('List').lower()}")
    else:
        asked.say_if_nobody_looks(screen)
        for line in _lines(screen, document, wide=output is Format.WIDE):
            screen.line(line)
    if not output.is_document:
        say_what_is_left_out(screen, document)
    return 0


def _list(asking: Asking | AskingCluster, what: str, target: list[str] | None, selector: str) -> Document:
    """What is known besides resources; nothing that was asked for may be passed over in silence."""
    path = _LISTS[what]
    if selector or (target and path != "/v1/targets"):
        option = "-l" if selector else "--target"
        raise UsageError(f"{option} chooses resources; `froyo get {what}` always lists all of them")
    document = asking.get(path)
    must_be_targets(asking, target)
    if target:
        document["items"] = [view for view in document["items"] if view["name"] in target]
    return document


def _name(view: Document) -> str:
    return str(view.get("address") or view.get("name") or view.get("object") or view["revision"])


def _lines(screen: Terminal, document: Document, *, wide: bool) -> list[str]:
    now, items = time.time(), document["items"]
    match document["kind"]:
        case "TargetList":
            return target_table(screen, items, now=now, live=document["live"])
        case "SourceList":
            return source_table(screen, items, now=now)
        case "RevisionList":
            return revision_table(screen, items, now=now)
        case "RolloutList":
            return rollout_table(screen, items, now=now)
        case "AlertList":
            return alert_table(screen, items, now=now)
        case "OrphanList":
            return orphan_table(screen, items)
        case "SuspensionList":
            return suspension_lines(screen, items, now=now)
        case _:
            return resource_table(screen, items, now=now, wide=wide)
