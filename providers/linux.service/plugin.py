"""Units of systemd: the kinds Service, Timer and Unit. docs/spec/linux.service.md is normative."""

from __future__ import annotations

from services import Service
from timers import Timer
from unit_files import Unit

__all__ = ["Service", "Timer", "Unit"]
