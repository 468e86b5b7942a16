"""linux.archive: what is in an archive is in a directory, and stays so. docs/spec/linux.archive.md is normative."""

from __future__ import annotations

from archives import Archive

__all__ = ["Archive"]
