"""Files of our own, and what the system's errors about them mean to a person: why in small letters, and what to do."""

from __future__ import annotations

import errno
import os

from reconciler.errors import UsageError, why

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


def write_whole(path: str, text: str, *, what: str, mode: int) -> None:
    """Write a file, all of it or nothing: somebody may be looking at the directory.

    Args:
        path: of the file; what is there is replaced.
        text: what is to be in it.
        what: that is, for the error, such as "the plan".
        mode: of the file, less what the umask takes away.

    Raises:
        UsageError: it cannot be written.
    """
    directory, name = os.path.split(path)
    partial = os.path.join(directory, f".{name}.{os.getpid()}.new")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise UsageError(f"{path}: {what} cannot be saved: {explained(error)}") from error


def write_new(path: str, text: str, *, what: str, mode: int = 0o666) -> None:
    """Write a file where nothing is yet, all of it or nothing.

    Args:
        path: of the file.
        text: what is to be in it.
        what: that is, for the error.
        mode: of the file, less what the umask takes away, from its first byte.

    Raises:
        UsageError: something is there already, or it cannot be written.
    """
    directory, name = os.path.split(path)
    partial = os.path.join(directory, f".{name}.{os.getpid()}.new")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)
        finally:
            os.unlink(partial)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already, and is not replaced; name another file") from error
    except OSError as error:
        raise UsageError(f"{path}: {what} cannot be saved: {explained(error)}") from error
