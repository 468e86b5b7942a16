"""What commands print to: colours where there are colours, and text that arrives in one piece wherever it goes.

Invariants: without a terminal, with NO_COLOR, with TERM=dumb or with --no-color there is not one escape sequence; where
the character set is not Unicode, signs become words of ASCII; what comes from elsewhere passes `visible` first.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TextIO

from reconciler.core.visible import one_line

_STYLES = {
    "bold": "1",
    "dim": "2",
    "good": "32",
    "bad": "31",
    "warn": "33",
    "note": "36",
}

_ASCII = str.maketrans(
    {
        "→": "->",
        "…": "...",
        "✔": "+",
        "↻": "^",
        "✘": "x",
        "●": "*",
        "○": "o",
        "─": "-",
        "│": "|",
        "├": "|",
        "└": "`",
        "·": "-",
        "—": "-",
    }
)


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a command prints to.

    Attributes:
        out: for what was asked for.
        err: for what is said beside it.
        colour: whether `out` shows colours.
        unicode: whether signs beyond ASCII are shown.
        width: columns of the terminal; None where there is none, and nothing is to be cut.
        height: lines of the terminal.
        interactive: whether a person watches `out`, on a terminal that can move its cursor.
        quiet: say only what went wrong.
        verbose: say more.
    """

    out: TextIO
    err: TextIO
    colour: bool = False
    unicode: bool = True
    width: int | None = None
    height: int = 24
    interactive: bool = False
    quiet: bool = False
    verbose: bool = False

    def paint(self, style: str, text: str) -> str:
        """`text` in a style, where there are colours."""
        return f"\033[{_STYLES[style]}m{text}\033[0m" if self.colour and text else text

    def line(self, text: str = "") -> None:
        """Print a line of what was asked for."""
        print(self.plain(text), file=self.out)

    def say(self, text: str) -> None:
        """Print a line of what goes well, unless only what went wrong is wanted."""
        if not self.quiet:
            self.line(text)

    def note(self, text: str) -> None:
        """Print a line beside what was asked for."""
        print(self.plain(text), file=self.err, flush=True)

    def plain(self, text: str) -> str:
        """`text` with nothing beyond ASCII in our own signs, where the terminal wants that."""
        return text if self.unicode else text.translate(_ASCII)

    def indented(self, by: int) -> Terminal:
        """The same for lines that begin `by` columns later."""
        return self if self.width is None else replace(self, width=self.width - by)

    def fit(self, text: str, taken: int = 0) -> str:
        """`text`, made safe and cut to what is left of the line after `taken` columns; whole where no terminal is."""
        safe = one_line(text)
        if self.width is None:
            return safe
        room = max(8, self.width - taken)
        return safe if len(safe) <= room else safe[: room - 1] + "…"

    def wrapped(self, text: str, *, by: int = 0) -> list[str]:
        """`text` in lines that fit behind `by` columns; what has no blank in it, such as a path, stays whole."""
        if self.width is None:
            return [text]
        import textwrap

        room = max(20, self.width - by)
        return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [text]


def terminal(*, no_color: bool = False, quiet: bool = False, verbose: bool = False) -> Terminal:
    """The process's own."""
    return make_terminal(sys.stdout, sys.stderr, os.environ, no_color=no_color, quiet=quiet, verbose=verbose)


def make_terminal(
    out: TextIO,
    err: TextIO,
    environ: Mapping[str, str],
    *,
    no_color: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> Terminal:
    """A terminal as its streams and the environment have it."""
    tty = out.isatty()
    dumb = environ.get("TERM", "") in ("dumb", "unknown")
    forced = environ.get("FORCE_COLOR", "") not in ("", "0")
    colour = (tty and not dumb) or forced
    if no_color or environ.get("NO_COLOR"):
        colour = False
    size = shutil.get_terminal_size((80, 24))
    return Terminal(
        out=out,
        err=err,
        colour=colour,
        unicode=_is_unicode(out, environ),
        width=max(20, size.columns) if tty else None,
        height=max(5, size.lines),
        interactive=tty and not dumb,
        quiet=quiet,
        verbose=verbose,
    )


def _is_unicode(out: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether signs beyond ASCII arrive. A locale that says "C" is taken at its word; one that says nothing is not."""
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    if locale in ("C", "POSIX"):
        return False
    return (getattr(out, "encoding", None) or "").lower().replace("-", "") == "utf8"
