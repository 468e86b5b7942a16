"""linux.file: files, directories and symbolic links, kept as they are declared.

Each kind is read with one call an instance, all of them in one round trip, compared field by field, and put
right with few atomic calls, which the plan writes down in full: what is applied is what was shown. A call
carries the digest of the state that the plan saw, so that nothing is written over a world that has moved
meanwhile.

Invariants: what is not declared is left alone. Nothing is removed to make room unless the manifest says
`force`, except a symbolic link in the place of a file whose content is declared; and nothing that has
something in it, except by a Directory that says so. What other manifests manage is never purged.
docs/spec/linux.file.md is normative.
"""

from __future__ import annotations

from directories import Directory
from files import File
from symlinks import Symlink

__all__ = ["Directory", "File", "Symlink"]
