"""`froyo crd`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from reconciler.app.places import places
from reconciler.cli.options import NoColor, Quiet, State, TableOutput, Verbose
from reconciler.cli.output import Format, emit, emit_line
from reconciler.cli.terminal import terminal

EXAMPLES = (
    ("froyo crd | kubectl apply --server-side -f -", "have a cluster know every kind"),
    ("froyo crd File", "the definition of one kind"),
    ("froyo crd -o name", "what the definitions are called"),
)


def command(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND...", help="Of which kinds; of all unless named."),
    ] = None,
    *,
    output: TableOutput = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Print the custom resource definitions of the kinds of the installed packages, and of froyo's own.

    They are made of the schemas that manifests are held to, and so are the files of `crds/`, which have those of the
    packages that come with froyo.
    """
    from reconciler.app.catalogues import installed
    from reconciler.config.crds import crd
    from reconciler.config.describing import every_kind, find

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    _, catalog = installed(places(os.environ, state=state))
    known = every_kind(catalog)
    wanted = [one.kind for name in kinds for one in find(name, known)] if kinds else known
    made = [crd(kind) for kind in wanted]
    if output is Format.NAME:
        for one in made:
            screen.line(one["metadata"]["name"])
    elif output is Format.JSON:
        emit(screen, {"apiVersion": "v1", "kind": "List", "items": made}, output)
    else:
        for one in made:
            emit_line(screen, one, Format.YAML)
    return 0
