"""Which contents are nobody's business but their owner's, so that no text of them is shown or kept.

Invariant: it is decided by the declaration and by what is there, never by whoever asks. `mode` means a file's mode in
every kind (`docs/spec/manifests.md`), so this is known of kinds that nobody here has heard of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HIDDEN = "(sensitive)"
"""What stands in the place of such a content."""


def is_sensitive(spec: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> bool:
    """Whether the content of a resource is sensitive.

    Args:
        spec: as declared. `sensitive` in it decides; without that, a mode that gives nothing to group and others does.
        state: as it is, where that is known; its mode counts as the declared one does.
    """
    said = spec.get("sensitive")
    if isinstance(said, bool):
        return said
    return _is_private(spec.get("mode")) or _is_private((state or {}).get("mode"))


def _is_private(mode: object) -> bool:
    try:
        return isinstance(mode, str) and int(mode, 8) & 0o077 == 0
    except ValueError:
        return False
