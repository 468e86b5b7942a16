"""The manifests of a directory as they are laid out. What is no manifest is left alone: a body is its own author's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reconciler.app.catalogues import installed
from reconciler.config.loading import declaring
from reconciler.documents.formatting import CannotFormat, formatted
from reconciler.documents.reading import read_documents
from reconciler.errors import Problem

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.model.source import Snapshot


@dataclass(slots=True)
class LaidOut:
    """What came of the manifests.

    Attributes:
        wanted: how each is to be, by path.
        others: the paths of those that are not.
        left: why one stays as it is, by path.
        problems: what does not parse.
    """

    wanted: dict[str, str] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def laid_out(snapshot: Snapshot, places: Places, environ: Mapping[str, str]) -> LaidOut:
    """How the manifests of a directory in YAML are to be.

    Raises:
        ConfigError: a provider package is broken.
    """
    _, catalog = installed(places)
    found = LaidOut()
    for path in declaring(snapshot, catalog, environ):
        if path.endswith((".yaml", ".yml")):
            _manifest(path, snapshot.files[path].read(), found)
    return found


def _manifest(path: str, data: bytes, found: LaidOut) -> None:
    read = read_documents(path, data)
    if read.problems:
        found.problems += read.problems
        return
    manifests = [one.value for one in read.documents if isinstance(one.value, dict)]
    if not any({"apiVersion", "kind"} <= one.keys() for one in manifests):
        return
    try:
        found.wanted[path] = formatted(data.decode("utf-8-sig"))
    except CannotFormat as why:
        found.left[path] = str(why)
        return
    if found.wanted[path].encode() != data:
        found.others.append(path)
