"""How much of something is meant: everything there is, some of it, or nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Scope(Container[T], Generic[T]):
    """See the module. Immutable; false if it is nothing. Made by `Scope.of`, or one of `EVERYTHING` and `NOTHING`.

    Example:
        >>> some = Scope.of(["b", "a"])
        >>> some.among(["a", "c"]), EVERYTHING.among(["a", "c"]), NOTHING.among(["a", "c"])
        (['a'], ['a', 'c'], [])
        >>> (some | EVERYTHING).everything, bool(NOTHING | NOTHING)
        (True, False)

    Attributes:
        everything: whether nothing is left out.
    """

    __slots__ = ("_named", "everything")

    def __init__(self, named: Iterable[T], *, everything: bool) -> None:
        self.everything = everything
        self._named = dict.fromkeys(() if everything else named)

    @classmethod
    def of(cls, named: Iterable[T]) -> Scope[T]:
        """These and no others, be they none."""
        return cls(named, everything=False)

    @property
    def named(self) -> tuple[T, ...]:
        """What is named, in order and each once; nothing where everything is meant."""
        return tuple(self._named)

    def among(self, things: Iterable[T]) -> list[T]:
        """Those of `things` that are meant, in their order."""
        return [thing for thing in things if thing in self]

    def __contains__(self, thing: object) -> bool:
        return self.everything or thing in self._named

    def __bool__(self) -> bool:
        return self.everything or bool(self._named)

    def __or__(self, other: Scope[T]) -> Scope[T]:
        return Scope((*self._named, *other._named), everything=self.everything or other.everything)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Scope):
            return NotImplemented
        return (self.everything, self._named) == (other.everything, other._named)

    __hash__ = None  # type: ignore[assignment] # nobody keeps one as a key

    def __repr__(self) -> str:
        return "EVERYTHING" if self.everything else f"Scope.of({list(self._named)})"


EVERYTHING: Scope[Any] = Scope((), everything=True)
NOTHING: Scope[Any] = Scope.of(())
