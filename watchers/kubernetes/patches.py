"""A document as the body of a server-side apply, which is YAML and reads less than all JSON.

Invariant: what is above U+FFFF stands there as itself, since an API server takes no pair of escapes for one character;
what may not stand in YAML as itself is escaped, and what is no text, such as a byte of a name of a file, is U+FFFD.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

HEADERS = {"Content-Type": "application/apply-patch+yaml"}
_NOT_PLAIN = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def patch(document: Mapping[str, Any]) -> bytes:
    """A document, as it is sent."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return _NOT_PLAIN.sub(_escaped, text).encode()


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"
