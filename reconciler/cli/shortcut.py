"""Recognises an `apply` that may be answered the short way, without parsing a command line in full."""

from __future__ import annotations

import os

_FLAGS = {"--no-color", "-q", "--quiet"}


def try_shortcut(arguments: list[str]) -> int | None:
    """Answer `froyo apply ARGUMENTS` if there is nothing to do; None where it takes the long way to know.

    Only the plainest form is recognised: a directory (or none), `--state DIR`, and flags that change nothing about
    the answer. `-o json` and all else goes the long way.
    """
    directory, state, quiet = ".", None, False
    rest = list(arguments)
    seen = False
    while rest:
        word = rest.pop(0)
        if word == "--state" and rest:
            state = rest.pop(0)
        elif word in _FLAGS:
            quiet = quiet or word in {"-q", "--quiet"}
        elif word.startswith("-") or seen:
            return None
        else:
            directory, seen = word, True
    from reconciler.app import quick
    from reconciler.app.places import places, source_root

    found = quick.look(str(source_root(directory, os.environ)), places(os.environ, state=state), os.environ)
    if found is None:
        return None
    if not quiet:
        from reconciler.cli.phrases import nothing_to_do

        print(nothing_to_do(found.instances, found.targets))
    return 0
