"""What every document of ours begins with: manifests, answers of the API, plans, and what `-o json` prints.

Imports nothing: what is to begin fast needs it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

API_VERSION = "froyo.dev/v1alpha1"
"""Of all documents that are ours, and no provider's."""


def envelope(kind: str, **fields: Any) -> dict[str, Any]:
    """A document of a kind, with these fields."""
    return {"apiVersion": API_VERSION, "kind": kind, **fields}
