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
    from asyncssh.known_hosts import SSHKnownHosts
    from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs
finally:
    ctypes.util.find_library = _find_library

__all__ = ["SSHKnownHosts", "asyncssh", "get_default_certificate_algs", "get_default_public_key_algs"]
