"""The command `froyo`.

`main` is what the console script calls. It imports next to nothing: `froyo apply` on a directory that is as it was when
it was last applied is answered without any of the engine (see `quick`), and everything else is imported by the command
that needs it.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line of this process, and exit."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["apply"]:
        from reconciler.cli.shortcut import try_shortcut

        status = try_shortcut(arguments[1:])
        if status is not None:
            sys.exit(status)
    from reconciler.cli.app import run

    sys.exit(run(arguments))
