"""Has what is imported meanwhile import a module of its own only when it uses it.

`dataclasses` imports `inspect`, and with it much of the compiler's modules, for the signatures of classes without a
docstring. We have none, and a twentieth of the short way of `apply` was spent on that.

Invariant: whoever imported the module meanwhile has something that behaves as the module does; everybody after that
has the module.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Postponed(ModuleType):
    def give_way(self) -> None:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, attribute: str) -> Any:
        self.give_way()
        return getattr(importlib.import_module(self.__name__), attribute)


@contextlib.contextmanager
def postponed(name: str) -> Iterator[None]:
    """Within this, have a module that is not there yet imported by the first use of anything in it.

    Args:
        name: such as "inspect".
    """
    if name in sys.modules:
        yield
        return
    stand_in = sys.modules[name] = _Postponed(name)
    try:
        yield
    finally:
        stand_in.give_way()
