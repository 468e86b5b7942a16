"""The plainest form of `apply`, done without the library that reads command lines; and at once, where that can be.

Invariant: what is understood here is understood as that library does; all else is left to it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_FLAGS = {"--no-color", "-q", "--quiet"}


@dataclass(slots=True)
class _Plain:
    """A directory (or none), `--state DIR`, and flags that change nothing about what is done."""

    directory: str = "."
    state: str | None = None
    no_color: bool = False
    quiet: bool = False


def try_shortcut(arguments: list[str]) -> int | None:
    """Do `froyo apply ARGUMENTS`; None where they are not of the plainest form: `-o json` and all else."""
    plain = _plain(arguments)
    if plain is None:
        return None
    from reconciler.app.places import source_root

    try:
        root = source_root(plain.directory, os.environ)
        if not root.is_dir():
            return None
        if _nothing_to_do(plain, root):
            return 0
    except OSError:
        return None  # the long way says what is wrong
    return _apply(plain, root)


def _plain(arguments: list[str]) -> _Plain | None:
    plain, rest, seen = _Plain(), list(arguments), False
    while rest:
        word = rest.pop(0)
        if word == "--state" and rest:
            plain.state = rest.pop(0)
        elif word in _FLAGS:
            plain.no_color = plain.no_color or word == "--no-color"
            plain.quiet = plain.quiet or word != "--no-color"
        elif word.startswith("-") or seen:
            return None
        else:
            plain.directory, seen = word, True
    return plain


def _nothing_to_do(plain: _Plain, root: Path) -> bool:
    """Whether that can be told, and has been, without importing any of the engine."""
    from reconciler.app import quick
    from reconciler.app.places import places

    found = quick.look(str(root), places(os.environ, state=plain.state), os.environ)
    if found is None:
        return False
    if not plain.quiet:
        from reconciler.cli.phrases import nothing_to_do

        print(nothing_to_do(found.instances, found.targets))
    return True


def _apply(plain: _Plain, root: Path) -> int:
    from reconciler.cli.failures import guarded
    from reconciler.cli.sourcing import directory_source
    from reconciler.cli.terminal import terminal

    screen = terminal(no_color=plain.no_color, quiet=plain.quiet)

    def work() -> int:
        from reconciler.cli.applying import apply

        return apply(screen, directory_source(root), state=plain.state)

    return guarded(screen, "apply", work)
