"""`froyo migrate`."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.app.places import places, source_root
from reconciler.app.systems import write_whole
from reconciler.cli.asking_clusters import must_be_namespace
from reconciler.cli.options import (
    Context,
    Into,
    Kubeconfig,
    Namespace,
    NoColor,
    Output,
    Quiet,
    Settings,
    State,
    Verbose,
    one_of,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count, nothing_declared
from reconciler.cli.show.manifests import one_text
from reconciler.cli.sourcing import set_by
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.visible import one_line
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.app.migrating.carrying import CarriedOver
    from reconciler.app.places import Places

EXAMPLES = (
    ("froyo migrate to-cluster site/ --into site.yaml", "then: kubectl apply --server-side -f site.yaml"),
    (
        "froyo migrate to-cluster site/ --apply --context prod",
        "the same in one step, tried as a whole before",
    ),
    (
        "froyo migrate from-cluster site/ --context prod -n default",
        "the objects of a namespace as a directory",
    ),
)


class Way(StrEnum):
    """Where to."""

    TO_CLUSTER = "to-cluster"
    FROM_CLUSTER = "from-cluster"


def command(  # noqa: PLR0913 - its options
    way: Annotated[
        Way,
        typer.Argument(
            metavar="WAY", help="to-cluster, or from-cluster.", parser=one_of("WAY", Way, verb="is")
        ),
    ],
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="The directory with the manifests, or that is to have them.")
    ],
    *,
    into: Into = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Write the objects to the cluster, by server-side apply.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force-conflicts", help="With --apply: take over fields that somebody else manages."),
    ] = False,
    settings: Settings = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    namespace: Namespace = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Turn a directory of manifests into objects of a Kubernetes cluster, or the objects of a namespace into one.

    What is declared is the same afterwards, to the byte, which is seen to before anything is written; what cannot be
    carried over is an error with its place. Files that are bodies come into the objects, secrets and private keys into
    Secrets, and back. Secrets are never printed: to-cluster writes them with --into (mode 0600) or --apply only, and
    from-cluster to secrets/ of the state directory. The namespace is that of the manifests.

    How what is on record passes over, and back, is told in docs/guides/to-a-cluster.md.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    where = places(os.environ, state=state)
    if namespace is not None:
        must_be_namespace(namespace)
    if way is Way.TO_CLUSTER:
        if namespace is not None:
            raise UsageError("--namespace is for from-cluster; here it is that of the manifests")
        if force and not apply:
            raise UsageError("--force-conflicts is for --apply; nobody manages what is printed")
        given, cluster = set_by(settings or []), Cluster(context, kubeconfig, force)
        return _to_cluster(screen, where, directory, given, into, output, cluster, apply=apply)
    if into is not None or apply or force or settings or output.is_document:
        raise UsageError(
            "--into, --apply, --force-conflicts, --set and -o are for to-cluster; from-cluster writes DIR"
        )
    return _from_cluster(screen, where, Path(directory), Cluster(context, kubeconfig), namespace or "")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster, as its options name it.

    Attributes:
        context: of the kubeconfig.
        file: the kubeconfig.
        force: what others manage in it is taken over.
    """

    context: str | None
    file: str | None
    force: bool = False


def _to_cluster(
    screen: Terminal,
    where: Places,
    directory: str,
    settings: dict[str, str],
    into: Path | None,
    output: Format,
    cluster: Cluster,
    *,
    apply: bool,
) -> int:
    from reconciler.app.migrating.migration import Migration
    from reconciler.app.watching import take
    from reconciler.cli.knowing_facts import known
    from reconciler.errors import ConfigError
    from reconciler.model.source import DirectoryPlace, with_settings

    if into is not None and into.exists():
        raise UsageError(f"{into} is there already, and what is in it is not replaced; name another file")
    if not apply and cluster != Cluster(None, None):
        raise UsageError("--context and --kubeconfig are for --apply; what is printed is for any cluster")
    root = str(source_root(directory, os.environ))
    shown = with_settings(take(DirectoryPlace(root), where, os.environ), settings)
    try:
        found = Migration(where, os.environ, partial(known, where)).to_cluster(shown)
    except ConfigError as error:
        raise error.within(root) from error
    if not found.objects:
        raise UsageError(nothing_declared(directory).removeprefix("nothing to do: "))
    # What is printed has no Secrets, whatever else is done with them.
    shown_to_all = [*found.kept.objects("ConfigMap"), *found.objects]
    hidden = into is None and not apply
    objects = shown_to_all if hidden else [*found.kept.objects("Secret"), *shown_to_all]
    if apply:
        _apply(objects, where, cluster)
    if into is not None:
        mode = 0o600 if found.kept.objects("Secret") else 0o666
        write_whole(str(into), _text(objects), what="the objects", mode=mode)
    elif output.is_document:
        emit(screen, {"apiVersion": "v1", "kind": "List", "items": shown_to_all}, output)
    elif not apply:
        screen.out.write(_text(shown_to_all))
    _tell(screen, found, hidden=hidden)
    done = "applied" if apply else f"in {into}" if into is not None else "printed"
    _note(screen, f"{count(len(objects), 'object')} of the namespace {found.namespace} {done}")
    return 0


def _apply(objects: list[dict[str, Any]], where: Places, cluster: Cluster) -> None:
    from reconciler.app.migrating.writing import write

    context, file = cluster.context or "", cluster.file or ""
    asyncio.run(write(objects, where, os.environ, context=context, file=file, force=cluster.force))


def _tell(screen: Terminal, found: CarriedOver, *, hidden: bool) -> None:
    for note in found.notes:
        _note(screen, note)
    for one in found.kept.objects("Secret") if hidden else ():
        # Not told by -q alone: without it something would be missing in the cluster.
        screen.note(
            f"left out: the Secret {one['metadata']['name']} with {count(len(one['data']), 'key')}; it is written with "
            "--into FILE or --apply"
        )


def _from_cluster(screen: Terminal, where: Places, directory: Path, cluster: Cluster, namespace: str) -> int:
    from reconciler.app.migrating.writing import brought, written
    from reconciler.cli.knowing_facts import known

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is there already, and not empty; name another directory")
    found = asyncio.run(
        brought(
            where,
            os.environ,
            root=str(directory.absolute()),
            context=cluster.context or "",
            file=cluster.file or "",
            namespace=namespace,
            known=partial(known, where),
            write=one_text,
        )
    )
    written(found, directory)
    for note in found.notes:
        _note(screen, note)
    told = f"{count(len(found.files), 'file')} in {directory}"
    if found.secrets:
        told += f", {count(len(found.secrets), 'secret')} in {found.place}"
    _note(screen, told)
    return 0


def _note(screen: Terminal, text: str) -> None:
    if not screen.quiet:
        for line in screen.wrapped(one_line(text)):
            screen.note(line)


def _text(objects: list[dict[str, Any]]) -> str:
    return "---\n".join(map(one_text, objects))
