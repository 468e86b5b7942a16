"""Units of systemd: the kinds Service and Unit. docs/spec/linux.service.md is normative."""

from __future__ import annotations

from services import Service
from unit_files import Unit

__all__ = ["Service", "Unit"]
