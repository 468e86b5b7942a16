"""The one place where asyncssh is imported: without its search for libraries that are not needed.

At import, asyncssh looks for liboqs and nettle, which it can do without (the post-quantum key exchange that
it needs comes with `cryptography`). The search starts `ldconfig`, a compiler and a linker, and costs more
than the import itself.
"""

from __future__ import annotations

import ctypes.util

_find_library = ctypes.util.find_library
ctypes.util.find_library = lambda name: None  # noqa: ARG005 - called as the real one is
try:
    import asyncssh
finally:
    ctypes.util.find_library = _find_library

__all__ = ["asyncssh"]
