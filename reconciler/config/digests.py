"""Digests of values: equal values have equal digests, whatever the order of their keys."""

from __future__ import annotations

import hashlib
from json import JSONEncoder
from typing import Any

from reconciler.model.names import Digest

_encode = JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def digest_of(value: Any) -> Digest:
    """The digest of a value's canonical JSON."""
    return Digest(f"sha256:{hashlib.sha256(_encode(value).encode()).hexdigest()}")
