"""`froyo --help`, which imports next to nothing: it is there before one has let go of the key."""

from __future__ import annotations

import os
import sys

from reconciler.cli.catalogue import GROUPS

_HEAD = "Keep machines as they are declared: read what is, plan the difference, apply it, and go round again."


WIDEST = 100


def overview(*, colour: bool, width: int = WIDEST) -> str:
    """The text of `froyo --help`, in lines of at most `width` columns."""

    def bold(text: str) -> str:
        return f"\033[1m{text}\033[0m" if colour else text

    lines = [f"{bold('Usage:')} froyo COMMAND [ARGUMENTS] [OPTIONS]", "", *_wrapped("", _HEAD, width)]
    for title, commands in GROUPS:
        lines += ["", bold(title)]
        for name, summary in commands:
            lines += _wrapped(f"  {name:<11} ", summary, width)
    lines += ["", bold("Everywhere")]
    for option, meaning in _EVERYWHERE:
        lines += _wrapped(f"  {option:<11} ", meaning, width)
    lines += ["", f"{bold('Begin with')}  froyo init demo && cd demo && froyo apply"]
    return "\n".join(lines)


_EVERYWHERE = (
    ("-h, --help", "What a command does, with examples"),
    ("-o json", "The answer as a document, for programs (docs/cli.md)"),
    ("--state DIR", "Where the store is, instead of $FROYO_STATE or the XDG state directory"),
)


def _wrapped(first: str, text: str, width: int) -> list[str]:
    """`text` behind `first`, in as many lines as it takes. What the library has for it would have to be imported."""
    lines = [first]
    for word in text.split(" "):
        if len(lines[-1]) + len(word) > width and lines[-1].strip():
            lines[-1] = lines[-1].rstrip()
            lines.append(" " * len(first))
        lines[-1] += f"{word} "
    lines[-1] = lines[-1].rstrip()
    return lines


def print_overview() -> int:
    """Print it."""
    environ = os.environ
    colour = sys.stdout.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    print(overview(colour=colour, width=_columns()))
    return 0


def _columns() -> int:
    """How wide the text may be: as the terminal is, where there is one."""
    try:
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (ValueError, OSError):
        return WIDEST
    return max(40, min(WIDEST, columns))
