"""Which kind of machine a host is, so that the right runner is sent at once.

Only a guess that saves a second sending: the target's own shell says when it was wrong. Hosts are known by
their host keys. A wrong, lost or unreadable memory does no harm, so nothing about it is ever an error.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile


class Machines:
    """A memory of architectures.

    Args:
        path: where it is kept, or "" to keep it in memory only.
        usual: what a host is that nothing is known of.
    """

    def __init__(self, path: str, *, usual: str) -> None:
        self._path = path
        self.usual = usual
        self._known: dict[str, str] | None = None

    def guess(self, host_key: str) -> str:
        """The architecture that a host most likely has."""
        return self._load().get(host_key, self.usual)

    def learn(self, host_key: str, arch: str) -> None:
        """The architecture that a host has."""
        known = self._load()
        known[host_key] = arch
        if not self._path:
            return
        directory = os.path.dirname(self._path)
        with contextlib.suppress(OSError):
            os.makedirs(directory, mode=0o700, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=directory, prefix=".machines-")
            with open(descriptor, "w", encoding="ascii") as file:
                json.dump(known, file)
            os.replace(name, self._path)

    def _load(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            with contextlib.suppress(OSError, ValueError, AttributeError):
                with open(self._path, encoding="ascii") as file:
                    found = json.load(file)
                self._known = {str(key): str(arch) for key, arch in found.items()}
        return self._known
