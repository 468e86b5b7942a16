"""The daemon's unix socket: whoever may open it (0600) may do what the daemon's owner may.

Invariant: it is only ever taken over from a daemon that has died.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from reconciler.errors import UsageError, why


def identity(path: Path) -> tuple[int, int] | None:
    """What tells a socket from another one of the same name; None if there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def listen(path: Path) -> socket.socket:
    """The socket, taken over from a daemon that has died, never from one that lives.

    Raises:
        UsageError: another daemon listens there, or nobody can.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(os.fspath(path))
    except (FileNotFoundError, ConnectionRefusedError):
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _cannot_listen(path, error) from error
    else:
        raise UsageError(f"{path}: another froyo listens there already; end it first, or use another --state")
    finally:
        probe.close()
    listening = socket.socket(socket.AF_UNIX)
    # It gets its name when somebody listens: whoever finds it between the two would take the daemon for dead.
    unnamed = path.with_name(".froyo")  # as the kernel will show it, for ever
    unnamed.unlink(missing_ok=True)
    try:
        # There is no moment at which others could connect: Linux gives the name the mode that the socket has by then.
        # The umask would do it too, but is the whole process's: what other threads create meanwhile would get it.
        os.fchmod(listening.fileno(), 0o600)
        listening.bind(os.fspath(unnamed))
        listening.listen()
        unnamed.replace(path)
    except OSError as error:
        listening.close()
        raise _cannot_listen(path, error) from error
    listening.setblocking(False)  # noqa: FBT003 - its one argument
    return listening


def _cannot_listen(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path}: cannot listen there: {why(error)}; a socket's path may have 107 characters: "
        "choose a shorter --state directory"
    )
