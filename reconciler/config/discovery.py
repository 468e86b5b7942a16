"""Which files of a source are manifests. Imports nothing: whoever only takes stats asks it too."""

from __future__ import annotations

MANIFESTS = (".yaml", ".yml", ".json")


def is_manifest(path: str) -> bool:
    """Whether a file is read as a manifest: by its ending, and unless its name begins with a dot."""
    return path.endswith(MANIFESTS) and not path[path.rfind("/") + 1 :].startswith(".")
