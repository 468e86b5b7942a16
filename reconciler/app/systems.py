"""What the system's errors about our own files mean to a person: why in small letters, and what to do about it."""

from __future__ import annotations

import errno

from reconciler.errors import why

_ADVICE = {
    errno.ENOENT: "make the directory first, or name another place",
    errno.EEXIST: "something else is in the way: move it, or name another place",
    errno.ENOTDIR: "a file is where a directory should be: move it, or name another place",
    errno.EISDIR: "a directory is where a file should be: move it, or name another place",
    errno.EACCES: "see who may, with ls -ld, or name another place",
    errno.EPERM: "see who may, with ls -ld and lsattr -d, or name another place",
    errno.EROFS: "mount the file system read-write, or name another place",
    errno.ENOSPC: "free some space there: df -h, df -i",
    errno.EDQUOT: "free some space there, or raise the quota: quota -s",
    errno.EMFILE: "raise the limit of open files: ulimit -n",
    errno.ENAMETOOLONG: "name a shorter place",
}


def explained(error: OSError) -> str:
    """Why, and what to do about it where that is known: `read-only file system; mount …`."""
    advice = _ADVICE.get(error.errno or 0, "")
    return f"{why(error)}; {advice}" if advice else why(error)
