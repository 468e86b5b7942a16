"""`froyo schema`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reconciler.app.places import places
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format, emit
from reconciler.cli.putting import write_anew
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible
from reconciler.errors import UsageError

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
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The root of the source.")] = ".",
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
    from reconciler.app.catalogues import installed
    from reconciler.config.describing import every_kind
    from reconciler.config.editor_schemas import ALL, modeline, schema_files

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    root = Path(directory)
    if not root.is_dir():
        raise UsageError(f"{directory}: there is no such directory; name the root of a source")
    _, catalog = installed(places(os.environ, state=state))
    files = {f"{SCHEMAS}/{name}": text for name, text in schema_files(every_kind(catalog)).items()}
    written = [path for path, text in sorted(files.items()) if write_anew(root / path, text)]
    if output.is_document:
        made = {"directory": os.path.realpath(directory), "files": sorted(files), "written": written}
        emit(screen, {"apiVersion": "froyo.dev/v1alpha1", "kind": "Exported", **made}, output)
        return 0
    if not written:
        screen.say("all of it was there already")
        return 0
    screen.say(f"wrote {len(written)} schemas to {visible(os.path.join(directory, SCHEMAS))}")
    screen.say(f"a manifest at the top begins with: {modeline(f'{SCHEMAS}/{ALL}').rstrip()}")
    return 0
