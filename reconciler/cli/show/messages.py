"""Messages that others have had a say in: a command that checks a file, with a mark below what is wrong in it."""

from __future__ import annotations

from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line, visible


def message_lines(screen: Terminal, message: str, *, indent: str) -> list[str]:
    """What is said, in one line, and below it whatever somebody else said in several.

    Those have a bar before them: none of them can look like a line of ours.
    """
    first, *rest = message.split("\n")
    bar = screen.paint("dim", "│")
    return [one_line(first), *(f"{indent}{bar} {visible(line).expandtabs().rstrip()}" for line in rest)]
