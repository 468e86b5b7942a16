"""linux.pkg: packages and where they come from, kept as they are declared.

What is installed is read for all of them in one call, without a process on the target. Only of what differs apt is
asked: which version there is, and, by its own simulation of everything that is wanted at once, what else would come,
change or go. So the plan shows what will be done, and all of it is done in one transaction.

Invariants: a package that nobody declared as absent, and nobody allowed to be removed, is not removed. Nothing is asked
of a person. A run of dpkg is not cut in half.
docs/spec/linux.pkg.md is normative.
"""

from __future__ import annotations

from packages import Package
from repositories import Repository

__all__ = ["Package", "Repository"]
