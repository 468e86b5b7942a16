"""Places within the text of a value, such as a line of a template, as places of the file that it stands in."""

from __future__ import annotations

from reconciler.documents.nodes import Node
from reconciler.documents.text import FileText


def within(file: FileText, node: Node, text: str, line: int, column: int) -> tuple[int, str]:
    """Where in a file a place of a text stands that is the value of a scalar of it, and what to say of it besides.

    Args:
        file: the file.
        node: the scalar.
        text: its value.
        line: 1-based line of the text.
        column: 1-based column.
    """
    if node.block:
        lines = text.split("\n")
        first = file.place(node.index)[0]
        filled = next((number for number, one in enumerate(lines) if one.strip()), 0)
        start = file.line_start(first + 1 + filled)
        raw = file.text[start : start + 200]
        indent = len(raw) - len(raw.lstrip(" ")) - (len(lines[filled]) - len(lines[filled].lstrip(" ")))
        return file.line_start(first + line) + max(indent, 0) + column - 1, ""
    begin = node.index + (file.text[node.index : node.index + 1] in {'"', "'"})
    same = line == 1 and file.text[begin : begin + column - 1] == text[: column - 1]
    return (begin + column - 1, "") if same else (node.index, f", at {line}:{column} of the text")
