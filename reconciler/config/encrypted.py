"""Files of a source that somebody has encrypted: by what they are called, and by what is in them."""

from __future__ import annotations

import re

LARGEST = 4 << 20
"""Bytes of a file that is looked into."""
_CALLED = re.compile(r"\.age$|[._-](?:enc|encrypted|sops)(?:\.|$)")


def is_called_encrypted(path: str) -> bool:
    """Whether a file is called as people call what they have encrypted: only those are worth looking into."""
    return _CALLED.search(path) is not None


def is_encrypted(content: bytes) -> bool:
    """Whether a content is what age or SOPS have made."""
    from reconciler.age.blocks import is_of_sops
    from reconciler.age.sealing import is_sealed

    return is_sealed(content) or is_of_sops(content.decode("utf-8", "replace"))
