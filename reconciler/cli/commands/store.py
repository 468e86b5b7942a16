"""`froyo store`."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.store.database import Place

EXAMPLES = (
    (
        "froyo store copy /var/lib/froyo postgresql://froyo@db.example.org/froyo",
        "from a state directory to a server, before the first froyo up --store …",
    ),
    ("froyo store copy postgresql://froyo@db.example.org/froyo /var/lib/froyo", "and back"),
)


class StoreTask(StrEnum):
    """What is to be done."""

    COPY = "copy"


def command(
    action: Annotated[
        StoreTask,
        typer.Argument(metavar="ACTION", help="copy.", parser=one_of("ACTION", StoreTask, verb="is")),
    ],
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A state directory, or postgresql://USER@HOST/DATABASE.")
    ],
    destination: Annotated[str, typer.Argument(metavar="TO", help="The same; nothing may be there yet.")],
    *,
    output: Output = Format.TEXT,
    state: State = None,  # noqa: ARG001 - holds everywhere
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Copy the whole store into another database, and see that all of it has arrived.

    Nobody may work with either meanwhile. It is read back, and compared row by row, and content by content; what did
    not arrive leaves nothing behind. The source stays as it is. What else lies in a state directory (host keys,
    secrets, grants, packages) is not in the store, and stays where it is.
    """
    from reconciler.store.copying import copy
    from reconciler.store.opening import connecting

    del action
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    from_, into = _place(source), _place(destination)
    found = copy(connecting(from_), connecting(into))
    if output.is_document:
        done = {"from": str(from_), "to": str(into), "rows": dict(found.rows), "auditRecords": found.audit}
        done |= {"contents": found.contents, "bytes": found.bytes}
        emit(screen, envelope("StoreCopied", **done), output)
        return 0
    rows = count(sum(found.rows.values()), "row")
    contents = f"{count(found.contents, 'content')} of {found.bytes / 1e6:.1f} MB"
    screen.say(
        f"{visible(str(into))}: {rows}, {contents}, {count(found.audit, 'audit record')}; all of it was read back, and "
        "is the same"
    )
    return 0


def _place(written: str) -> Place:
    """An address, or the database of a state directory."""
    if "://" in written:
        return written
    path = Path(os.path.abspath(written))
    return path if path.suffix == ".db" else path / "froyo.db"
