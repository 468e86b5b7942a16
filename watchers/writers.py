"""Whether somebody has a file open for writing, which no stat tells: what is in it then may be half of it.

The kernel grants a read lease only on a file that nobody has open for writing, so asking for one and giving it
back at once is the question (fcntl(2), "Leases"). Who opens the file within these microseconds waits for them.
"""

from __future__ import annotations

import errno
import fcntl
import signal
import sys


def is_being_written(descriptor: int) -> bool:
    """Whether somebody has the file open for writing; False where that cannot be known.

    It can be known on Linux, of local file systems, by the file's owner and by root.

    Args:
        descriptor: of the file, open for reading only.
    """
    if sys.platform != "linux":
        return False
    try:
        # Who opens it meanwhile has a signal sent to us. This one does nothing to who does not wait for it.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
