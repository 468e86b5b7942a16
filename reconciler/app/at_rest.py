"""What is written to be kept elsewhere, backups and saved plans, for recipients alone where there are any.

Who they are the command says, or the file `recipients` of the state directory, in age's form. It is an operator's, and
has nothing to do with those of the secrets in a source. Without any, what is written is readable by its owner alone, as
ever.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.age.sealing import is_sealed, open_stream, opened, seal_stream
from reconciler.app.ciphertexts.recipient_files import parsed, read, together
from reconciler.app.identities import own_identities
from reconciler.app.systems import explained, partial_name
from reconciler.errors import UsageError
from reconciler.model.secrets import SecretError
from reconciler.store.backup import restore, take

if TYPE_CHECKING:
    from reconciler.age.recipients import Recipient
    from reconciler.app.places import Places
    from reconciler.store.backup import Backup

_HEAD = 64 * 1024


def recipients(where: Places, written: Sequence[str]) -> list[Recipient]:
    """Whom what is kept elsewhere is for; nobody in particular, if there is none.

    Args:
        where: has the file that says so where the command does not.
        written: what the command says.

    Raises:
        UsageError: one of them is none.
    """
    if written:
        return together([parsed(one) for one in written])
    return together(read(where.recipients)) if where.recipients.exists() else []


def back_up(where: Places, destination: Path, wanted: Sequence[Recipient], *, now: float) -> Backup:
    """Write the whole state to a file, and see that it can be had back; see `take`.

    What is for recipients is put together, and tried, where the state is: nothing that others could read leaves that.

    Raises:
        StoreError: it cannot be read or written; then there is no file.
    """
    return take(where.state, destination, now=now, seal=partial(_sealed, wanted) if wanted else None)


def _sealed(wanted: Sequence[Recipient], made: Path, destination: Path) -> None:
    """Encrypt a file to another place, where nothing may be; all of it or nothing."""
    partial_ = destination.with_name(partial_name(destination.name))
    handle = os.open(partial_, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with made.open("rb") as source, os.fdopen(handle, "wb") as file:
            seal_stream(source, file, wanted)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial_, destination)
    finally:
        partial_.unlink()


def have_back(backup: Path, where: Places) -> Backup:
    """Put all of a backup into the state directory, opened first where it is for recipients; see `restore`.

    Raises:
        StoreError: see there.
        UsageError: nobody here opens it, or it cannot be read.
    """
    try:
        with backup.open("rb") as source:
            head = source.read(_HEAD)
            if not is_sealed(head):
                return restore(backup, where.state)
            source.seek(0)
            where.state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=where.state.parent, prefix=".froyo-backup-") as plain:
                open_stream(source, plain, own_identities(where, ()), head)
                plain.flush()
                return replace(restore(Path(plain.name), where.state), path=backup)
    except SecretError as error:
        raise UsageError(f"{backup}: {error.message}; {error.hint}") from None
    except OSError as error:
        raise UsageError(f"{backup}: it cannot be had back: {explained(error)}") from error


def plan_text(path: str, content: bytes, where: Places) -> bytes:
    """A saved plan as it was before it was encrypted, if it was.

    Raises:
        UsageError: nobody here opens it.
    """
    if not is_sealed(content):
        return content
    try:
        return opened(content, own_identities(where, ()))
    except SecretError as error:
        raise UsageError(f"{path}: {error.message}; {error.hint}") from None
