"""`froyo cue`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from reconciler.cli.options import NoColor, Output, Quiet, SourceRoot, State, Verbose, one_of
from reconciler.cli.output import Format
from reconciler.cli.putting import export, kinds_for
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible

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
    directory: SourceRoot = ".",
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
    from reconciler.languages.cue.exporting import MODULE, MODULE_OF_ITS_OWN, exported

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    files = exported(kinds_for(directory, state))
    if not Path(directory, MODULE).exists():
        files[MODULE] = MODULE_OF_ITS_OWN
    done = export(directory, files)
    if not done.is_told(screen, output):
        for path in done.written:
            screen.say(f"wrote {visible(os.path.join(directory, path))}")
    return 0
