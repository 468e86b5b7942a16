"""Under whose lease something is done, for who has to keep out a controller that does not know yet that it lost it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fence:
    """A lease, as targets are told of it.

    Attributes:
        store: whose lease it is: 32 hexadecimal digits.
        token: rises with every change of hands.
    """

    store: str
    token: int
