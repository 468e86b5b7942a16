"""Files that commands write again and again, of what is installed."""

from __future__ import annotations

import os
from pathlib import Path


def write_anew(path: Path, text: str) -> bool:
    """Put a text at a path, whole or not at all, unless it is there; whether it was not."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)
    return True
