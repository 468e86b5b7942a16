"""The arguments of a call, each held to its shape: who asks may be anybody's provider.

Invariant: what is not said has its default, what is said and makes no sense is refused, and nothing is unbounded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.outside.unanswered import bad

TIMEOUT_MAX = 60_000
"""Milliseconds that one call may take, from the first look for a name to the last byte."""
BODY_MAX = 1 << 20
"""Bytes of an answer that are given to a provider at most."""
HEADERS_MAX = 64
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,256}")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]{0,8192}")


class Arguments:
    """Those of one call.

    Args:
        args: as the provider gave them.
        known: the names that the call has.

    Raises:
        Unanswered: there are others.
    """

    def __init__(self, args: Mapping[str, Any], known: frozenset[str]) -> None:
        self._args = args
        if unknown := sorted(args.keys() - known):
            raise bad(f"there is no argument {unknown[0]!r}")

    def has(self, name: str) -> bool:
        """Whether it is said."""
        return self._args.get(name) is not None

    def text(self, name: str, default: str = "", *, most: int = 256 * 1024) -> str:
        """A text."""
        value = self._args.get(name, default)
        if not isinstance(value, str) or len(value) > most:
            raise bad(f"{name} is no text of at most {most} characters")
        return value

    def number(self, name: str, default: int, *, most: int) -> int:
        """A whole number from 0 to `most`."""
        value = self._args.get(name, default)
        if type(value) is not int or not 0 <= value <= most:
            raise bad(f"{name} is no whole number from 0 to {most}")
        return value

    def flag(self, name: str) -> bool:
        """Whether something is so; not, unless it is said."""
        value = self._args.get(name, False)
        if not isinstance(value, bool):
            raise bad(f"{name} is neither true nor false")
        return value

    @property
    def timeout(self) -> float:
        """Seconds that all of it may take."""
        return max(1, self.number("timeout_ms", 10_000, most=TIMEOUT_MAX)) / 1000

    @property
    def headers(self) -> dict[str, str]:
        """What is sent along."""
        value = self._args.get("headers", {})
        if not isinstance(value, Mapping) or len(value) > HEADERS_MAX:
            raise bad(f"headers are no mapping of at most {HEADERS_MAX}")
        for name, content in value.items():
            if not isinstance(name, str) or not _TOKEN.fullmatch(name):
                raise bad(f"{name!r} is no name of a header")
            if not isinstance(content, str) or not _VALUE.fullmatch(content):
                raise bad(f"the header {name} has no value that can be sent")
        return dict(value)
