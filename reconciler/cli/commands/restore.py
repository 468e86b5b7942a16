"""`froyo restore`."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.api import times
from reconciler.api.client import Client, Document
from reconciler.api.views import instant
from reconciler.app.places import Places, places
from reconciler.cli.asking import Asking, must_be_files
from reconciler.cli.commands.backup import document, told
from reconciler.cli.options import DryRun, NoColor, Output, Quiet, State, Timeout, Verbose, Why
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.steering import person
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.visible import one_line, visible
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope
from reconciler.model.names import Address

if TYPE_CHECKING:
    from reconciler.store.backup import Backup

EXAMPLES = (
    ("froyo restore web-1/File/motd --dry-run", "what would be put back, and over what"),
    ("froyo restore web-1/File/motd --reason 'theirs was right'", "put back what was there before us"),
    (
        "froyo restore --backup /var/backups/froyo.tar --state /var/lib/froyo",
        "the whole state, from a backup",
    ),
)

PATIENCE = "5m"
LOOK = 5.0
"""Seconds after which is looked again though nothing was heard."""


def command(  # noqa: PLR0913 - its options
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Of what: target/Kind/name.")] = "",
    *,
    reason: Why = "",
    dry_run: DryRun = False,
    backup: Annotated[
        str | None,
        typer.Option("--backup", metavar="FILE", help="The whole state, from what `froyo backup` wrote."),
    ] = None,
    timeout: Timeout = PATIENCE,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Put back what was there before us; or with --backup, have the whole state back.

    What is put back is the content that a file had when it was taken over; mode, owner and group stay as they are, and
    a file that is not there any more comes back with mode 0600. What is declared there is left alone from then on:
    froyo resume ends that, and then it is taken over again. Where no daemon runs, the next apply does it. With
    --dry-run it exits with 0 when there is nothing to do, and with 2 when there are changes.

    A backup is put where no state is yet, all of it or nothing; one that is encrypted is opened with this user's
    identities (`froyo secrets`). What was done on targets since is not undone: the next
    apply, or the daemon, looks at everything, and what became ours since then counts as having been there before.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if bool(address) == (backup is not None):
        raise UsageError("name what to put back, as target/Kind/name, or a --backup FILE")
    if backup is not None:
        if reason or dry_run:
            raise UsageError(
                "--reason and --dry-run are about one thing that is put back, not about a --backup"
            )
        return _whole(screen, backup, places(os.environ, state=state), output)
    asking = Asking.of(state)
    wanted = _named(asking, address)
    if dry_run:
        return _show(screen, asking, wanted, output)
    if not reason.strip():
        raise UsageError("it takes a --reason that others understand; --dry-run shows what would be changed")
    asking.must_not_be_silent()
    by = person(os.environ)
    if asking.daemon is None:
        from reconciler.cli.writing import restore

        asyncio.run(restore(asking.where, wanted, by=by, reason=reason))
        event: Document = {}
    else:
        event = _put_back(
            asking.daemon, wanted, {"address": wanted, "by": by, "reason": reason}, timeout or PATIENCE
        )
    if output.is_document:
        done = {"address": wanted, "done": bool(event), "message": event.get("message", "")}
        emit(screen, envelope("Restored", **done), output)
    elif event:
        screen.say(f"{one_line(wanted)}: {one_line(event['message'])}")
    else:
        screen.say(f"{one_line(wanted)} is put back by the next froyo apply, since no daemon runs")
    if not output.is_document and _is_left_alone(asking, wanted):
        screen.say(f"what is declared there is left alone until: froyo resume {one_line(wanted)}")
    return 0


def _named(asking: Asking, written: str) -> Address:
    """The address that was written, and never what it may mean.

    Raises:
        UsageError: it is none; says what was probably meant.
    """
    if os.path.exists(written):
        raise UsageError(
            f"{written} is a file here; to have the whole state back: froyo restore --backup {written}"
        )
    asking.must_have_store()
    target, _, rest = written.partition("/")
    kind, _, name = rest.partition("/")
    if target and kind and name:
        return Address(written)
    found = [view["address"] for view in asking.get("/v1/resources", {"what": written})["items"]]
    if len(found) == 1:
        raise UsageError(f"it takes the whole address: froyo restore {found[0]}")
    several = (
        f", and {written!r} means {count(len(found), 'resource')}; see: froyo get {written}" if found else ""
    )
    raise UsageError(f"it takes a whole address, such as web-1/File/motd{several}")


def _put_back(daemon: Client, address: Address, request: Document, timeout: str) -> Document:
    """Have the daemon do it, and wait; the event that says that it is done.

    Raises:
        UsageError: it cannot be done, or is not done in time.
    """
    before = daemon.get("/v1/events", {"limit": "1"})["items"]
    query = {"object": address, "after": str(before[-1]["id"] if before else 0)}
    until = time.monotonic() + times.parse_duration(timeout)
    with daemon.changes() as changes:
        daemon.post("/v1/restore", request)
        while True:
            said = [e for e in daemon.get("/v1/events", query)["items"] if e["object"] == address]
            for event in said:
                if event["reason"] in ("Restored", "Removed"):
                    return dict(event)
            left = until - time.monotonic()
            if left < 0:
                why = f" ({said[-1]['reason']}: {said[-1]['message']})" if said else ""
                raise UsageError(
                    f"{address} is not put back yet{why}; it is as soon as it can be, also after a restart. To give "
                    f"it up: froyo resume {address}"
                )
            changes.receive(min(LOOK, left))


def _is_left_alone(asking: Asking, address: Address) -> bool:
    return any(entry["object"] == address for entry in asking.get("/v1/suspensions")["items"])


def _show(screen: Terminal, asking: Asking, address: Address, output: Format) -> int:
    """Show what it would change."""
    from reconciler.cli.commands.plan import show_plans

    if asking.daemon is not None:
        plans = asking.daemon.post("/v1/restore/plan", {"address": address}, timeout=300.0)["items"]
    else:
        plans = asyncio.run(_planned(screen, asking.where, address))
    return show_plans(screen, plans, plans[0]["revision"], output)


async def _planned(screen: Terminal, where: Places, address: Address) -> list[Document]:
    from reconciler.api import views
    from reconciler.app import once
    from reconciler.app.assembly import assemble
    from reconciler.app.restoring import Wish, restoring_from_record
    from reconciler.cli.progress import PLANNING, LiveProgress

    async with (
        LiveProgress(screen, PLANNING) as progress,
        assemble(where, os.environ, lease=False, notice=progress.notice) as parts,
    ):
        wish = Wish(address, person(os.environ), "", parts.runtime.now())
        found = await restoring_from_record(parts.store, wish, own_paths=where.own_paths)
        plans = await once.foresee(parts, found, progress=progress)
    return [views.plan(plan, {address: found.removal}) for plan in plans]


def _whole(screen: Terminal, file: str, where: Places, output: Format) -> int:
    """Have the whole state back."""
    must_be_files(where, "pg_restore puts one back")
    from reconciler.app.at_rest import have_back

    found: Backup = have_back(Path(os.path.abspath(file)), where)
    if output.is_document:
        emit(screen, document(found), output)
    else:
        taken = times.clock(instant(found.taken_at), now=time.time())
        screen.say(f"{visible(str(where.state))}: {told(found)}, as it was at {taken}")
    return 0
