"""linux.system: jobs of cron, settings of the kernel, and the name of a host.

Each is a file that is made here from what is declared, and perhaps a value of the kernel that runs. Invariants: a
file is compared by what it means to its reader, so that what was written by hand is adopted as it stands; it is
written whole, and only where it means something else. docs/spec/linux.system.md is normative.
"""

from __future__ import annotations

from crons import Cron
from hostnames import Hostname
from sysctls import Sysctl

__all__ = ["Cron", "Hostname", "Sysctl"]
