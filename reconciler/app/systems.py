"""Files of our own, and what the system's errors about them mean to a person: why in small letters, and what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Callable

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


def read_whole(path: str | os.PathLike[str], *, most: int = 64 << 20) -> bytes:
    """All that a file holds, be it what it is: a pipe is read to its end.

    Args:
        path: of it.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be read.
        UsageError: it has more, or never ends.
    """
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UsageError(f"{os.fspath(path)} has more than {most >> 20} MiB, which is too much for this")
    return content


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
    try:
        _put(path, text.encode("utf-8", "surrogateescape"), mode)
    except OSError as error:
        raise UsageError(f"{path}: {what} cannot be saved: {explained(error)}") from error


def rewrite(path: str, text: str, *, was: bytes, what: str) -> None:
    """Write a file that is there anew, all of it or nothing: it keeps its mode and owner, and a link to it stays one.

    Args:
        path: of the file.
        text: what is to be in it.
        was: what was read of it before.
        what: that is, for the error.

    Raises:
        UsageError: it cannot be written, or is not any more what was read.
    """
    real = os.path.realpath(path)
    try:
        with open(real, "rb") as file:
            status, now = os.fstat(file.fileno()), file.read()
        if now != was:
            raise UsageError(
                f"{path} was changed by somebody else meanwhile, and stays as it is; begin again"
            )
        _put(real, text.encode("utf-8", "surrogateescape"), status.st_mode & 0o777, status)
    except OSError as error:
        raise UsageError(f"{path}: {what} cannot be saved: {explained(error)}") from error


def partial_name(name: str) -> str:
    """What a file is called until all of it is there. No name comes twice: what a killed process left is in no way."""
    return f".{name[:50]}.{secrets.token_hex(6)}.new"


def _put(
    path: str,
    content: bytes,
    mode: int,
    like: os.stat_result | None = None,
    *,
    place: Callable[[str, str], None] = os.replace,
) -> None:
    """Write a file beside its place, and put it there.

    Args:
        path: of the file.
        content: of it.
        mode: of it, less what the umask takes away, unless it is like another.
        like: whose mode and owner it is to have.
        place: puts it there.
    """
    directory, name = os.path.split(path)
    partial = os.path.join(directory, partial_name(name))
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if like is not None:
                made = os.fstat(descriptor)
                if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
                    with contextlib.suppress(PermissionError):  # who may not give it away has it from now on
                        os.fchown(descriptor, like.st_uid, like.st_gid)
                os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        place(partial, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)


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
    try:
        _put(path, text.encode(), mode, place=os.link)
    except FileExistsError as error:
        raise UsageError(f"{path} is there already, and is not replaced; name another file") from error
    except OSError as error:
        raise UsageError(f"{path}: {what} cannot be saved: {explained(error)}") from error
