"""Files that commands write into a source again and again, of what is installed: `cue export`, `schema export`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.app.places import places
from reconciler.cli.output import Format, emit
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal
    from reconciler.model.catalog import Kind


def write_anew(path: Path, text: str) -> bool:
    """Put a text at a path, whole or not at all, unless it is there; whether it was not."""
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(content)
    os.replace(new, path)
    return True


def kinds_for(directory: str, state: str | None) -> list[Kind]:
    """All kinds that are installed, for a source that is there.

    Raises:
        UsageError: it is not.
    """
    from reconciler.app.catalogues import installed
    from reconciler.config.describing import every_kind

    if not Path(directory).is_dir():
        raise UsageError(f"{directory}: there is no such directory; name the root of a source")
    _, catalog = installed(places(os.environ, state=state))
    return every_kind(catalog)


@dataclass(frozen=True, slots=True)
class Export:
    """What was written.

    Attributes:
        directory: the root of the source.
        files: all that are there now, by their paths in it.
        written: those that were not, or were others.
    """

    directory: str
    files: list[str]
    written: list[str]

    def is_told(self, screen: Terminal, output: Format) -> bool:
        """Print it as a document, or that nothing was to be done; whether there is nothing more to say."""
        if output.is_document:
            made = {"directory": os.path.realpath(self.directory), "files": self.files}
            emit(screen, envelope("Exported", **made, written=self.written), output)
        elif not self.written:
            screen.say("all of it was there already")
        return output.is_document or not self.written


def export(directory: str, files: Mapping[str, str]) -> Export:
    """Have these files in a source.

    Args:
        directory: its root.
        files: their text, by path.
    """
    paths = sorted(files)
    return Export(
        directory, paths, [path for path in paths if write_anew(Path(directory, path), files[path])]
    )
