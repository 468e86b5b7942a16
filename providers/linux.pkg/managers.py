"""Which package managers there are."""

from __future__ import annotations

from apk import APK
from apt import APT
from dnf import DNF
from pacman import PACMAN
from zypper import ZYPPER

MANAGERS = {one.name: one for one in (APT, DNF, ZYPPER, PACMAN, APK)}
"""Each by its name, as `pkg.query` gives it."""
