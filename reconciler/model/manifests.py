"""Which files of a source are manifests. Imports nothing: who only looks at a source's tree needs no more of it."""

from __future__ import annotations

ENDINGS = (".yaml", ".yml", ".json")
"""Of the files that are read as manifests."""


def is_manifest(path: str) -> bool:
    """Whether a file is read as a manifest: by its ending, and unless its name begins with a dot."""
    return path.endswith(ENDINGS) and not path[path.rfind("/") + 1 :].startswith(".")
