"""`froyo --help` and `froyo version`, which import next to nothing: each is there before one has let go of the key."""

from __future__ import annotations

import os
import sys

from reconciler.cli.catalogue import GROUPS

_HEAD = "Keep machines as they are declared: read what is, plan the difference, apply it, and go round again."


def overview(*, colour: bool) -> str:
    """The text of `froyo --help`."""

    def bold(text: str) -> str:
        return f"\033[1m{text}\033[0m" if colour else text

    lines = [f"{bold('Usage:')} froyo COMMAND [OPTIONS] [ARGUMENTS]", "", _HEAD]
    for title, commands in GROUPS:
        lines += ["", bold(title)]
        lines += [f"  {name:<11} {summary}" for name, summary in commands]
    lines += [
        "",
        bold("Everywhere"),
        "  -h, --help  What a command does, with examples",
        "  -o json     The answer as a document, for programs (docs/cli.md)",
        "  --state DIR Where the store is, instead of $FROYO_STATE or the XDG state directory",
        "",
        f"{bold('Begin with')}  froyo init demo && cd demo && froyo apply",
    ]
    return "\n".join(lines)


def print_overview() -> int:
    """Print it."""
    environ = os.environ
    colour = sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    print(overview(colour=colour))
    return 0
