"""What pure providers have answered before, bounded.

A provider's answer is a function of the package, the phase, the request and the replies so far, so it may
be kept by the digest of these. Only answers are kept: a failure may be due to a limit, and limits depend on
the machine.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from reconciler.plugins.steps import Finished, Pending


class Memo:
    """The most recently used answers.

    Args:
        max_bytes: bound of the texts that are kept.
    """

    def __init__(self, max_bytes: int = 8 << 20) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._steps: OrderedDict[bytes, Finished | Pending] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def get(self, key: bytes) -> Finished | Pending | None:
        """What was answered, if it is still known."""
        step = self._steps.get(key)
        if step is None:
            self.misses += 1
            return None
        self.hits += 1
        self._steps.move_to_end(key)
        return step

    def put(self, key: bytes, step: Finished | Pending) -> None:
        """Keep an answer, and forget the least recently used ones beyond the bound."""
        if key in self._steps or _size(step) > self._max_bytes // 4:
            return
        self._steps[key] = step
        self._bytes += _size(step)
        while self._bytes > self._max_bytes:
            _, oldest = self._steps.popitem(last=False)
            self._bytes -= _size(oldest)


def _size(step: Finished | Pending) -> int:
    # A key and an entry cost something as well.
    return len(step.text) + 300


def first_key(*parts: str) -> bytes:
    """The key of what is answered to a request."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part.encode())
    return digest.digest()


def next_key(key: bytes, replies: str) -> bytes:
    """The key of what is answered to the replies that followed."""
    return hashlib.sha256(key + replies.encode()).digest()
