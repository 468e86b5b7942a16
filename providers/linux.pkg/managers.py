"""Which package managers there are."""

from __future__ import annotations

from apt import APT

MANAGERS = {one.name: one for one in (APT,)}
"""Each by its name, as `pkg.query` gives it."""
