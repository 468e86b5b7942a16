"""Whether the artefacts were made of the sources that lie beside them.

In a checkout the runner and the provider packages are built, and a tree that has moved on since (`git pull`) talks to
those of before, which answer in ways that nobody would guess the reason of. An installed froyo has no sources, and is
never asked. Read only where something is wrong already, or where a person asks: it reads every source file.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

LIST = "SOURCES.json"
"""Of the artefacts: which sources each was made of, path to SHA-256, as the build leaves it."""

_ARTIFACTS = Path(__file__).resolve().parent / "_artifacts"


def stale(artifacts: Path = _ARTIFACTS) -> list[str]:
    """The artefacts that were made of other sources than lie in the tree now. A new file alone is not seen."""
    root = artifacts.parent.parent
    try:
        made = json.loads((artifacts / LIST).read_bytes())
        if not (root / "hatch_build.py").is_file():
            return []
        return [
            name
            for name, sources in made.items()
            if any(_digest(root / path) != digest for path, digest in sources.items())
        ]
    except (OSError, ValueError, AttributeError, TypeError):
        return []


def advice(artifacts: Path = _ARTIFACTS, *, about: str | tuple[str, ...] = "") -> str:
    """What to add to an error that a stale artefact may be the reason of; "" where there is none.

    Args:
        artifacts: where they are.
        about: how the names of those begin that may be the reason.
    """
    found = [name for name in stale(artifacts) if name.startswith(about)]
    if not found:
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"; {found[0]}{more} was built from other sources than lie here: run `make build`"


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
