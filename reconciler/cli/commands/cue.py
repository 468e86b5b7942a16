"""`froyo cue`."""

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
    ("froyo cue export", "write the definitions of all kinds into this directory, for your editor"),
    ("froyo cue export site", "the same for the source in the directory site"),
    ("froyo cue export site -o json", "and which files have changed as a document, for a program"),
)


class CueTask(StrEnum):
    """What is to be done."""

    EXPORT = "export"


def command(
    action: Annotated[  # noqa: ARG001 - there is one
        CueTask,
        typer.Argument(metavar="ACTION", help="export.", parser=one_of("ACTION", CueTask, verb="is")),
    ],
    directory: Annotated[str, typer.Argument(metavar="DIR", help="The root of the source.")] = ".",
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write what CUE imports of froyo into a source: definitions of all kinds of the installed packages.

    They are for editors and the `cue` command, which look for imports in `cue.mod/gen`; froyo itself has them already.
    Run it again when packages have changed. A source that is no module of CUE becomes one (`cue.mod/module.cue`); one
    that is stays as it is.
    """
    from reconciler.app.catalogues import installed
    from reconciler.config.describing import every_kind
    from reconciler.languages.cue.exporting import MODULE, MODULE_OF_ITS_OWN, exported

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    root = Path(directory)
    if not root.is_dir():
        raise UsageError(f"{directory}: there is no such directory; name the root of a source")
    _, catalog = installed(places(os.environ, state=state))
    files = exported(every_kind(catalog))
    if not (root / MODULE).exists():
        files[MODULE] = MODULE_OF_ITS_OWN
    written = [path for path, text in sorted(files.items()) if write_anew(root / path, text)]
    if output.is_document:
        made = {"directory": os.path.realpath(directory), "files": sorted(files), "written": written}
        emit(screen, {"apiVersion": "froyo.dev/v1alpha1", "kind": "Exported", **made}, output)
        return 0
    for path in written:
        screen.say(f"wrote {visible(os.path.join(directory, path))}")
    if not written:
        screen.say("all of it was there already")
    return 0
