"""Has one thing imported as it is where a library that it can use, and need not, is not installed.

structlog imports Rich and Pygments for tracebacks in colours, which we do not show: some MB that a daemon would keep
for months.

Invariant: what other threads import meanwhile is as ever.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator


class _Absent:
    """A finder that finds no module of that name for one thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread = threading.get_ident()

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Nothing: another finder may know it.

        Raises:
            ModuleNotFoundError: nobody is to be asked.
        """
        if name == self._name and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"no module named {name!r}, as far as this import goes", name=name)


@contextlib.contextmanager
def without(name: str) -> Iterator[None]:
    """Within this, a package that has not been imported yet is not to be had for this thread.

    Args:
        name: such as "rich".
    """
    finder = _Absent(name)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
