"""Whether the files that a controller works with are still the ones at their path.

A file that was removed or moved away goes on working for whoever has it open, and keeps nobody else out: a second
controller would make new ones at the same path, and both would work on the same targets.
"""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.app.places import Places
from reconciler.errors import LeaseLost


class Standing:
    """Remembers the store and the lock of its lease as they are when this is made.

    Args:
        places: of a controller that has both open, unless its store is on a server.
    """

    def __init__(self, places: Places) -> None:
        self._state = places.state
        mine = (places.database, places.database.with_suffix(".lock")) if places.address is None else ()
        self._files = {path: _identity(path) for path in mine}

    def check(self) -> None:
        """See that nothing has happened to them.

        Raises:
            LeaseLost: one is gone, or another one is in its place.
        """
        for path, known in self._files.items():
            try:
                if _identity(path) == known:
                    continue
            except (FileNotFoundError, NotADirectoryError):
                pass
            except OSError:
                continue  # nothing is said about the file by that
            raise LeaseLost(
                f"{path}: it was removed, moved away or replaced while this controller worked with it; nothing keeps "
                f"another one from starting on {self._state}, so this one ends. Put the directory back, or go on "
                "without what was in it, and start again"
            )


def _identity(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino
