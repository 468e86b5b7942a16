"""What the compiler says is wrong, as problems that people read: with the line that it is about, and all its sides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from reconciler.core.spoken import listed
from reconciler.documents.text import FileText
from reconciler.errors import Problem

Texts: TypeAlias = Mapping[str, FileText]
"""The files that were sent, by path."""

MOST_PLACES = 4
"""Of one problem: what is said in a template conflicts in many places at once, and a few show why."""


def problem_of(said: Mapping[str, Any], files: Texts) -> Problem:
    """A problem of an answer.

    Args:
        said: as `docs/spec/compiler.md` has it.
        files: those that were sent, for the line that it is about.
    """
    return placed(said, files, said["message"], sides(said, files))


def sides(said: Mapping[str, Any], files: Texts) -> str:
    """The other places of a problem, as its hint; "" where it has none."""
    places = [located(place, files) for place in said.get("others", ()) if place["line"]]
    if len(places) > MOST_PLACES:
        places = [*places[:MOST_PLACES], f"{len(places) - MOST_PLACES} more"]
    return f"see also {listed(places, 'and')}" if places else ""


def placed(place: Mapping[str, Any], files: Texts, message: str, hint: str = "") -> Problem:
    """A problem at a place of an answer."""
    path, line = place["file"], place["line"]
    if not line or path not in files:
        return Problem(path, line, place["column"], message, hint)
    return files[path].problem(index_of(place, files[path]), message, hint)


def located(place: Mapping[str, Any], files: Texts) -> str:
    """`file:line:column` of a place of an answer."""
    path, line, column = place["file"], place["line"], place["column"]
    if path in files:
        line, column = files[path].place(index_of(place, files[path]))
    return f"{path}:{line}:{column}"


def index_of(place: Mapping[str, Any], file: FileText) -> int:
    """Where in a text a place of an answer is. Its columns count bytes."""
    before: int = max(place["column"], 1) - 1
    line = file.line(place["line"])
    if not line.isascii():
        before = len(line.encode()[:before].decode("utf-8", "ignore"))
    return file.line_start(place["line"]) + before
