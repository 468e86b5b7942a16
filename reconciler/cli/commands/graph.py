"""`froyo graph`."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from reconciler.app.places import places, source_root
from reconciler.cli.options import (
    Directory,
    NoColor,
    Output,
    Quiet,
    Settings,
    State,
    Targets,
    Verbose,
    one_of,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import nothing_declared
from reconciler.cli.sourcing import set_by
from reconciler.cli.terminal import terminal
from reconciler.core.suggest import did_you_mean
from reconciler.errors import ConfigError, UsageError
from reconciler.model.envelope import envelope
from reconciler.model.source import DirectoryPlace, with_settings

EXAMPLES = (
    ("froyo graph site", "what comes before what, for Mermaid, as Markdown shows it"),
    ("froyo graph site --target web-1 --as svg > web-1.svg", "one target, drawn"),
    ("froyo graph site --as dot | dot -Tpng > site.png", "for Graphviz"),
    ("froyo graph site -o json", "the edges as a document, each with who says so"),
)


class Notation(StrEnum):
    """What a graph is written in."""

    MERMAID = "mermaid"
    DOT = "dot"
    SVG = "svg"


def command(  # noqa: PLR0913 - its options
    directory: Directory = ".",
    *,
    notation: Annotated[
        Notation,
        typer.Option(
            "--as", metavar="NOTATION", help="mermaid, dot or svg.", parser=one_of("--as", Notation)
        ),
    ] = Notation.MERMAID,
    settings: Settings = None,
    target: Targets = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show what comes before what on each target, and why: written, or inferred from which subject.

    An arrow leads from what comes first to what comes after it; a dashed one is a `notify`. Reaches no target: facts
    that decide what is declared are those that are known already.
    """
    from reconciler.app.watching import take
    from reconciler.cli.knowing_facts import declared
    from reconciler.cli.show import drawing, graphs

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    root = str(source_root(directory, os.environ))
    try:
        where = places(os.environ, state=state)
        desired = declared(
            where, with_settings(take(DirectoryPlace(root), where, os.environ), set_by(settings or []))
        )
    except ConfigError as error:
        raise error.within(root) from error
    for name in target or ():
        if name not in desired.targets:
            hint = did_you_mean(name, desired.targets) or f"declared: {', '.join(sorted(desired.targets))}"
            raise UsageError(f"there is no target {name!r}; {hint}")
    for name in sorted(desired.waiting):
        screen.note(
            f"{screen.paint('warn', 'left out:')} {name}: what is declared for it depends on its facts, and they are "
            "not known yet: froyo apply and froyo up gather them"
        )
    shown = [
        graphs.graph_of(name, graph, desired.instances)
        for name, graph in desired.graphs.items()
        if graph.order and (not target or name in target)
    ]
    if output.is_document:
        document = envelope("GraphList", **graphs.document(shown))
        emit(screen, document, output)
        return 0
    if not shown and not desired.waiting:
        screen.note(nothing_declared(root))
        return 0
    write = {Notation.MERMAID: graphs.mermaid, Notation.DOT: graphs.dot, Notation.SVG: drawing.svg}
    for line in write[notation](shown):
        print(line, file=screen.out)
    return 0
