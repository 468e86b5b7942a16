"""`froyo backup`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.api.client import Document
from reconciler.api.views import instant
from reconciler.cli.asking import Asking, must_be_files
from reconciler.cli.options import NoColor, Output, Quiet, Recipients, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.store.backup import Backup

EXAMPLES = (
    ("froyo backup /var/backups/froyo.tar", "everything that froyo keeps, while the daemon runs"),
    (
        "froyo backup ~/froyo.tar --state /var/lib/froyo -o json",
        "of another state, and what is in it as a document",
    ),
)


def command(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; it must not be there yet.")],
    *,
    recipient: Recipients = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write the whole state to one file, and see that it can be had back.

    A daemon may run meanwhile: the database in it is one moment of it. The file has mode 0600, since contents of your
    files are in it, and is encrypted where there are recipients. What can be made again (compiled providers) and the
    manifests themselves are not in it.
    """
    from reconciler.app.at_rest import back_up, recipients

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    asking.must_have_store()
    must_be_files(asking.where, "pg_dump backs up a database")
    whom = recipients(asking.where, recipient or [])
    found = back_up(asking.where, Path(os.path.abspath(file)), whom, now=time.time())
    if output.is_document:
        emit(screen, {**document(found), "recipients": [one.text for one in whom]}, output)
    else:
        sealed = f"; it is encrypted for {count(len(whom), 'recipient')}" if whom else ""
        screen.say(f"{visible(str(found.path))}: {told(found)}; it was restored, and is sound{sealed}")
    return 0


def told(backup: Backup) -> str:
    """What is in a backup, for a person."""
    return (
        f"{count(backup.files, 'file')}, {backup.bytes / 1e6:.1f} MB, {count(backup.audit, 'audit record')}"
    )


def document(backup: Backup) -> Document:
    """The same for a program."""
    return {
        **envelope("Backup"),
        "path": str(backup.path),
        "takenAt": instant(backup.taken_at),
        "version": backup.version,
        "schema": backup.schema,
        "files": backup.files,
        "bytes": backup.bytes,
        "auditRecords": backup.audit,
    }
