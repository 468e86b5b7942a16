"""`froyo audit`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.api import times
from reconciler.api.client import Document
from reconciler.api.views import instant, items
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Number, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.show.tables import table
from reconciler.cli.terminal import terminal
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.store.audit import ChainHead
    from reconciler.store.records import AuditRecord

EXAMPLES = (
    ("froyo audit", "who suspended, resumed and approved what, and what packages were refused"),
    ("froyo audit -n 500 -o json", "more of it, with all that is known"),
    ("froyo audit verify", "whether any record was changed or taken out"),
)

SHOWN = 50
"""Records that are shown unless told otherwise."""
VERIFY = "verify"


def command(
    what: Annotated[
        str, typer.Argument(metavar="verify", help="verify: follow the chain of all records.")
    ] = "",
    *,
    number: Number = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What was done that needs a trail, the newest last; or whether that trail is whole.

    Each record has a hash over itself and the one before it: one that was changed or taken out shows, with the records
    behind it. What was cut off at the end does not: keep the hash that `verify` prints somewhere else, and compare.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if what not in ("", VERIFY):
        raise UsageError(f"audit takes {VERIFY} or nothing, not {what!r}")
    asking = Asking.of(state)
    asking.must_have_store()
    if what == VERIFY:
        head = asyncio.run(_verify(asking.where))
        if output.is_document:
            emit(screen, envelope("AuditChain", **asdict(head)), output)
        else:
            screen.say(f"{count(head.records, 'record')}, an unbroken chain that ends with {head.hash}")
        return 0
    records = asyncio.run(_records(asking.where, number or SHOWN))
    if output.is_document:
        emit(screen, items("AuditList", map(_view, records)), output)
    elif not records:
        screen.note("nothing was done yet that needs a trail")
    else:
        now = time.time()
        rows: list[list[tuple[str, str]]] = [
            [
                ("", times.clock(instant(record.at), now=now)),
                ("", record.actor),
                ("", record.action),
                ("", record.object),
                ("", ", ".join(f"{key}={value}" for key, value in record.data.items() if value is not None)),
            ]
            for record in records
        ]
        for line in table(screen, ["WHEN", "WHO", "WHAT", "OBJECT", "MORE"], rows):
            screen.line(line)
    return 0


async def _records(where: Places, number: int) -> list[AuditRecord]:
    from reconciler.app.opening import reading

    async with reading(where) as (store, _):
        head = await store.verify_audit()
        return await store.audit(after=max(0, head.records - number), limit=number)


async def _verify(where: Places) -> ChainHead:
    from reconciler.app.opening import reading

    async with reading(where) as (store, _):
        return await store.verify_audit()


def _view(record: AuditRecord) -> Document:
    view: dict[str, Any] = asdict(record)
    return {**view, "at": instant(record.at)}
