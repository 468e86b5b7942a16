"""`froyo explain`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from reconciler.app.places import places
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("froyo explain", "every kind that can be declared, ours and those of installed packages"),
    ("froyo explain File", "what a File is, and its fields"),
    ("froyo explain file.mode", "one field: what it means, and which values it takes"),
    ("froyo explain Target --recursive", "the names and types of all fields at once"),
    ("froyo explain Directory.recursive -o json", "the same as a document"),
)


def command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="A kind, or a field of it: KIND.field.path; all kinds unless named."
        ),
    ] = "",
    *,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="The fields within fields, too, without what they mean.")
    ] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Say what can be declared: kinds, their fields, and what these mean and take.

    It is read from the schemas of the installed packages. A kind may be written in any case, and in the plural;
    `spec.` may be left out of a path.
    """
    from reconciler.app.catalogues import installed
    from reconciler.cli.show import explanations
    from reconciler.config.describing import every_kind, find

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    _, catalog = installed(places(os.environ, state=state))
    kinds = every_kind(catalog)
    if not what:
        if output.is_document:
            items = [
                {
                    "kind": one.kind,
                    "apiVersion": one.api_version,
                    "package": one.package,
                    "plural": one.plural,
                }
                for one in kinds
            ]
            emit(screen, envelope("KindList", items=items), output)
            return 0
        for line in explanations.kind_lines(screen, kinds):
            screen.line(line)
        return 0
    found = find(what, kinds)
    if output.is_document:
        items = [explanations.document(one, recursive=recursive) for one in found]
        emit(screen, envelope("ExplanationList", items=items), output)
        return 0
    for position, one in enumerate(found):
        if position:
            screen.line()
        for line in explanations.explanation_lines(screen, one, recursive=recursive):
            screen.line(line)
    return 0
