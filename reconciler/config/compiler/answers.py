"""What the compiler says is wrong, as problems that people read: with the line that it is about, and all its sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

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
        files: those that were sent, for the lines that it is about.
    """
    return replace(_placed(said, files, said["message"]), others=others_of(said, files))


def others_of(said: Mapping[str, Any], files: Texts) -> tuple[Problem, ...]:
    """The other places that have a part in a problem of an answer, one of each line."""
    lines = {
        (place["file"], place["line"]): place for place in reversed(said.get("others", ())) if place["line"]
    }
    places = list(reversed(lines.values()))
    return tuple(_placed(place, files, "") for place in places[:MOST_PLACES])


def _placed(place: Mapping[str, Any], files: Texts, message: str) -> Problem:
    path, line = place["file"], place["line"]
    if not line or path not in files:
        return Problem(path, line, place["column"], message)
    return files[path].problem(index_of(place, files[path]), message)


def index_of(place: Mapping[str, Any], file: FileText) -> int:
    """Where in a text a place of an answer is. Its columns count bytes."""
    before: int = max(place["column"], 1) - 1
    line = file.line(place["line"])
    if not line.isascii():
        before = len(line.encode()[:before].decode("utf-8", "ignore"))
    return file.line_start(place["line"]) + before
