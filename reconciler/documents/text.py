"""A manifest file as text: decoded, and able to say where in it a character stands.

Invariant: places are those that an editor shows. Lines end with a line feed, a carriage return or both, and
nothing else (YAML 1.1 would also end them at U+0085 and U+2028), and a byte order mark with which a document begins
is not part of its line: a file may have been put together of several.

Knows nothing of YAML, JSON or manifests.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from itertools import accumulate

from reconciler.documents.invisible import visible
from reconciler.errors import BEFORE, Problem

_LINE_END = re.compile(r"\r\n|\n|\r")
_EXCERPT = 200
_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if code != 0x09},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0)), 0xFFFD),
}
"""Nothing in a file may command the terminal that shows it."""
_BEGINS = re.compile(
    r"((?:\A|^(?:---|\.\.\.)[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r))(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r))*)\ufeff+"
    r"|^\ufeff+(?=---(?:[ \t\r\n]|\Z))",
    re.MULTILINE,
)
"""Byte order marks where a document begins."""
_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class FileText:
    """The text of one file.

    Attributes:
        path: as the user knows it, relative to the source's root.
        text: without byte order marks where a document begins.
    """

    __slots__ = ("_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] | None = None

    def place(self, index: int) -> tuple[int, int]:
        """The 1-based line and column of the character at `index`."""
        starts = self._line_starts()
        line = bisect_right(starts, min(max(index, 0), len(self.text)))
        return line, index - starts[line - 1] + 1

    def line_start(self, line: int) -> int:
        """The index of the first character of a 1-based line; the end of the text beyond the last."""
        starts = self._line_starts()
        return starts[line - 1] if line <= len(starts) else len(self.text)

    def line(self, number: int) -> str:
        """A 1-based line, without its end."""
        end = self.line_start(number + 1)
        return self.text[self.line_start(number) : end].rstrip("\r\n")

    def excerpt(self, line: int, column: int) -> str:
        """The line for a person and a terminal.

        Control characters are shown as pictures of themselves, and what nobody would see as something. A very
        long line is cut, around the column where that lies far to the right.
        """
        text = visible(self.line(line).translate(_PICTURES))
        if len(text) <= _EXCERPT:
            return text
        if column <= _EXCERPT - BEFORE:
            return text[:_EXCERPT] + "…"
        return "…" + text[column - BEFORE : column + BEFORE] + "…"

    def problem(self, index: int, message: str, hint: str = "") -> Problem:
        """A problem with the character at `index`."""
        line, column = self.place(index)
        return Problem(self.path, line, column, message, hint, self.excerpt(line, column))

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            if "\r" in self.text:
                ends = [match.end() for match in _LINE_END.finditer(self.text)]
            else:  # without a step of Python's for each line
                *ends, _ = accumulate(map((1).__add__, map(len, self.text.split("\n"))))
            self._starts = [0, *ends]
        return self._starts


def decode(path: str, data: bytes) -> FileText | Problem:
    """The text of a file, or why it is none."""
    for mark, name in _WIDE:
        if data.startswith(mark):
            return Problem(path, 1, 1, f"the file is {name}, not UTF-8", "save it as UTF-8")
    data = data.removeprefix(codecs.BOM_UTF8)
    if not data.strip():
        # So does a manifest look whose writing has begun, or failed for want of room. Unknown is not empty.
        hint = "delete it if it is meant to declare nothing"
        return Problem(
            path,
            1,
            1,
            "the file is empty",
            hint if path.endswith(".json") else f"{hint}, or leave a comment in it",
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        good = FileText(path, data[: error.start].decode())
        line, column = good.place(error.start and len(good.text))
        return Problem(
            path,
            line,
            column,
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            "save the file as UTF-8; bytes that are not text belong in base64 or in a file of their own",
            good.excerpt(line, column),
        )
    nul = text.find("\0")
    if nul >= 0:
        file = FileText(path, text)
        line, column = file.place(nul)
        return Problem(
            path,
            line,
            column,
            "a NUL character: this is not a text file, or it was only half written",
            "",
            file.excerpt(line, column),
        )
    return FileText(path, _BEGINS.sub(r"\1", text) if "\ufeff" in text else text)
