"""Where in a source something was declared, so that plans, events and errors can say so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a source.

    Attributes:
        file: path relative to the source's root; "" when it was not declared in a file.
        line: 1-based line of the document's first key; 0 when unknown.
        document: 0-based index of the document in the file.
    """

    file: str = ""
    line: int = 0
    document: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file
