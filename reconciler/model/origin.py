"""Where in a source something was declared, so that plans, events and errors can say so."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.errors import located


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a source.

    Attributes:
        file: path relative to the source's root; "" when it was not declared in a file.
        line: 1-based line of the document's first key; 0 when unknown.
        document: 0-based index of the document in the file.
        root: the directory of the source on the controller; "" when it is in none.
        program: path of the program that made it, where that is another file; else "".
    """

    file: str = ""
    line: int = 0
    document: int = 0
    root: str = ""
    program: str = ""

    @property
    def base(self) -> str:
        """The file of the source that paths in it are relative to."""
        return self.program or self.file

    def __str__(self) -> str:
        """As an editor or a terminal opens it, wherever it is started."""
        where = located(self.root, self.file)
        return f"{where}:{self.line}" if where and self.line else where
