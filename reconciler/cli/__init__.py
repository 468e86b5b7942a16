"""The command `froyo`.

`main` is what the script `froyo.sh` calls, with Ctrl-C blocked until it can be taken. It imports next to nothing:
`froyo apply` on a directory that is as it was when it was last applied is answered without any of the engine (see
`quick`), so are `froyo --help` and `froyo version`, and everything else is imported by the command that needs it.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from reconciler.cli.streams import prepare, silence

GARBAGE = 50_000
"""So many new objects until cycles among them are looked for: nearly all that is made here is needed to the end."""

_CTRL_C = (signal.SIGINT,)


def main() -> None:
    """Run the command line of this process, and exit. From when that is decided on Ctrl-C changes nothing any more."""
    gc.set_threshold(GARBAGE)
    prepare()
    if os.getpid() == 1:  # as in a container: by itself the kernel ends it for nobody's asking
        signal.signal(signal.SIGTERM, _end)
    try:
        try:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _CTRL_C)
            status = run(sys.argv[1:])
            sys.stdout.flush()
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, _CTRL_C)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        # Whoever read us has had enough.
        silence()
        status = 141
    except OSError as error:
        # What is answered here does nothing but write, and what others write is written out only now.
        from reconciler.cli.failures import show_failure
        from reconciler.cli.terminal import terminal

        status = show_failure(terminal(), error)
    gc.freeze()  # the interpreter would look through all of it once more, to find what ends with the process anyway
    sys.exit(status)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's character set does not have, such as bytes that are not UTF-8, is shown as an escape.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # ours are text streams
    if "FROYO_AGE_KEY" in os.environ:
        from reconciler.app.identities import take_from

        take_from(os.environ)
    first = arguments[0] if arguments else "--help"
    if first == "apply":
        from reconciler.cli.postponed import postponed

        with postponed("inspect"):
            from reconciler.cli.shortcut import try_shortcut

        status = try_shortcut(arguments[1:])
        if status is not None:
            return status
    elif first in ("--help", "-h", "help") and len(arguments) < 2:
        from reconciler.cli.overview import print_overview

        return print_overview()
    elif first == "--version" or arguments == ["version"]:
        from reconciler import __version__

        print(f"froyo {__version__}")
        return 0
    elif first == "__complete":
        from reconciler.cli.completing import print_candidates

        return print_candidates(arguments[1:])
    from reconciler.cli import app

    return app.run(arguments)
