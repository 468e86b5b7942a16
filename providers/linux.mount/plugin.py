"""linux.mount: file systems, mounted now and when the machine starts. docs/spec/linux.mount.md is normative."""

from __future__ import annotations

from mounts import Mount

__all__ = ["Mount"]
