"""`froyo schema`."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.options import NoColor, Output, Quiet, SourceRoot, State, Verbose, one_of
from reconciler.cli.output import Format
from reconciler.cli.putting import export, kinds_for
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible

EXAMPLES = (
    ("froyo schema export", "write the schemas of all kinds below this directory, for your editor"),
    ("froyo schema export site", "the same for the source in the directory site"),
)

SCHEMAS = ".froyo/schemas"
"""Where they lie below a source's root, of which a hidden directory is no part."""


class SchemaTask(StrEnum):
    """What is to be done."""

    EXPORT = "export"


def command(
    action: Annotated[  # noqa: ARG001 - there is one
        SchemaTask,
        typer.Argument(metavar="ACTION", help="export.", parser=one_of("ACTION", SchemaTask, verb="is")),
    ],
    directory: SourceRoot = ".",
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write JSON Schemas of all kinds of the installed packages, with which an editor completes and checks manifests.

    They are in .froyo/schemas, which is no part of the source: one a kind, and all.json, which has all of them. An
    editor takes the one that the first line of a file names:

    # yaml-language-server: $schema=.froyo/schemas/all.json

    Run it again when packages have changed.
    """
    from reconciler.config.editor_schemas import ALL, modeline, schema_files

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    files = schema_files(kinds_for(directory, state))
    done = export(directory, {f"{SCHEMAS}/{name}": text for name, text in files.items()})
    if not done.is_told(screen, output):
        screen.say(f"wrote {len(done.written)} schemas to {visible(os.path.join(directory, SCHEMAS))}")
        screen.say(f"a manifest at the top begins with: {modeline(f'{SCHEMAS}/{ALL}').rstrip()}")
    return 0
