"""`froyo version`, where more than the bare version is wanted."""

from __future__ import annotations

import platform

from reconciler import __version__
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("froyo version", "the version"),
    ("froyo version -o json", "the same for programs, with Python's"),
)


def command(
    *,
    output: Output = Format.TEXT,
    state: State = None,  # noqa: ARG001 - holds everywhere
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Print the version."""
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if output.is_document:
        document = {
            **envelope("Version"),
            "version": __version__,
            "python": platform.python_version(),
            "machine": platform.machine(),
        }
        emit(screen, document, output)
    else:
        screen.line(f"froyo {__version__}")
    return 0
