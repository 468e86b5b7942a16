"""The definitions as files of a source, where an editor and the `cue` command look for what is imported.

Froyo itself does not read them: it has those of the kinds that are installed. They are of use to who writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.languages.cue.definitions import FILE, library

if TYPE_CHECKING:
    from reconciler.model.catalog import Kind

MODULE = "cue.mod/module.cue"
"""The file that makes a directory a module."""

MODULE_OF_ITS_OWN = 'module: "froyo.local/source@v0"\nlanguage: version: "v0.16.0"\n'
"""What it says where nobody has said anything; the compiler takes a source without one for the same."""


def exported(kinds: Iterable[Kind]) -> dict[str, str]:
    """The text of each file by its path, without that of the module."""
    return {f"cue.mod/gen/{path}/{FILE}": text for path, text in library(kinds).items()}
