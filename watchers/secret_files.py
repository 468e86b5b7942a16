"""Secrets in files of the controller: read where a declaration names one, and looked at again while it counts.

Invariant: what others could read is no secret, and is not read. What is in a file is known here for as long as it takes
to hand it over, and never part of an error.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from typing import NamedTuple

from reconciler.errors import why
from reconciler.model.secrets import Secret, SecretError, SecretMissing, text_of
from reconciler.runtime import tick

LOOK = 0.5
"""Seconds between looks at the files that count. A stat of each, and no event: they are often on a mount that is
exchanged as a whole, where none is told."""

IDLE = 1.0
"""Seconds between looks whether there are any such files."""

_SHARE = 100
"""Looking takes at most one part in so many of the time."""

LARGEST = 64 * 1024
"""Bytes of a secret."""


class FileLook(NamedTuple):
    """What a stat says of a file: with another one it may hold something else."""

    device: int = 0
    inode: int = 0
    size: int = -1
    modified: int = 0
    changed: int = 0


class SecretFiles:
    """See the module.

    Args:
        place: the directory of secrets that are named by no absolute path.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._looks: dict[str, FileLook] = {}

    def read(self, secret: Secret, *, group: bool = False) -> str:
        """What a secret is: the text of its file; of a single line without its end.

        Args:
            secret: which.
            group: where it is root's, who is somebody else, its group may read it: else root could give it to nobody,
                as where a Secret of a cluster is mounted.

        Raises:
            SecretError: there is none, or it is none.
        """
        path = os.path.join(self._place, secret.file)
        self._looks[secret.file] = _look(path)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except FileNotFoundError:
            hint = "" if os.path.isabs(secret.file) else "write an absolute path where it is somewhere else"
            raise SecretMissing(f"there is no file {path}", hint) from None
        except OSError as error:
            raise SecretError(f"{path} cannot be read: {why(error)}") from None
        try:
            _must_be_secret(path, os.fstat(descriptor), group=group)
            content = os.read(descriptor, LARGEST + 1)
        except OSError as error:
            raise SecretError(f"{path} cannot be read: {why(error)}") from None
        finally:
            os.close(descriptor)
        return text_of(path, content)

    def look(self, secret: Secret) -> FileLook:
        """What tells whether a file may hold something else than when it was read."""
        return _look(os.path.join(self._place, secret.file))

    async def changes(self) -> AsyncIterator[set[str]]:
        """Tell of those whose files have become others since they were read, once nobody writes there any more."""
        before: dict[str, FileLook] = {}
        loop = asyncio.get_running_loop()
        cost = 0.0
        while True:
            if cost * _SHARE > LOOK:
                await asyncio.sleep(cost * _SHARE)
            else:
                await tick(LOOK if self._looks else IDLE)
            begun = loop.time()
            looks = {file: _look(os.path.join(self._place, file)) for file in self._looks}
            others = {file for file, look in looks.items() if look != self._looks[file]}
            quiet = {file for file in others if before.get(file) == looks[file]}
            before = {file: looks[file] for file in others}
            cost = loop.time() - begun
            if quiet:
                self._looks.update((file, looks[file]) for file in quiet)
                yield quiet


def _look(path: str) -> FileLook:
    try:
        found = os.stat(path)
    except OSError:
        return FileLook()
    return FileLook(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _must_be_secret(path: str, found: os.stat_result, *, group: bool) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise SecretError(f"{path} is no regular file")
    if found.st_uid not in (0, os.geteuid()):
        raise SecretError(
            f"{path} belongs to somebody else (uid {found.st_uid})", "let it be yours, or root's"
        )
    given = group and found.st_uid == 0 != os.geteuid()
    if found.st_mode & (0o037 if given else 0o077):
        mode = stat.S_IMODE(found.st_mode)
        raise SecretError(
            f"{path} is no secret: others can get at it (mode {mode:04o})", f"run: chmod 600 {path}"
        )
    if found.st_size > LARGEST:
        raise SecretError(f"{path} has {found.st_size} bytes, and a secret has {LARGEST} at most")
