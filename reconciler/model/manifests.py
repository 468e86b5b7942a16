"""Which files of a source declare something. Imports nothing: who only looks at a source's tree needs no more of it."""

from __future__ import annotations

ENDINGS = (".yaml", ".yml", ".json")
"""Of the files that are read as manifests."""

PROGRAMS = (".cue", ".star")
"""Of the files that make manifests by evaluation, or help to."""


def is_manifest(path: str) -> bool:
    """Whether a file is read as a manifest: by its ending, and unless its name begins with a dot."""
    return path.endswith(ENDINGS) and not _hidden(path)


def is_program(path: str) -> bool:
    """Whether a file is read as a program, or a part of one: by its ending, and unless its name begins with a dot."""
    return path.endswith(PROGRAMS) and not _hidden(path)


def declares(path: str) -> bool:
    """Whether what a source declares may depend on a file although no manifest names it."""
    return path.endswith((*ENDINGS, *PROGRAMS)) and not _hidden(path)


def _hidden(path: str) -> bool:
    return path[path.rfind("/") + 1 :].startswith(".")
