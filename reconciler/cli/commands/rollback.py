"""`froyo rollback`."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Annotated, Any

import typer

from reconciler.api import times
from reconciler.api.client import Document
from reconciler.app.places import Places, source_name
from reconciler.cli.asking import Asking
from reconciler.cli.options import DryRun, NoColor, OfSource, Output, Quiet, State, Until, Verbose, Why
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.steering import person
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.visible import one_line
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo rollback 3f2a9c --dry-run", "what would be changed; changes nothing"),
    ("froyo rollback 3f2a9c --for 2h --reason 'the new limits are wrong'", "for two hours"),
    ("froyo rollback --end", "the newest good revision is in force again"),
)


def command(  # noqa: PLR0913 - its options
    revision: Annotated[
        str, typer.Argument(metavar="REVISION", help="Which one, or a beginning that no other one has.")
    ] = "",
    *,
    source: OfSource = "",
    reason: Why = "",
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="How long: 30m, 2h, 1d12h.")
    ] = None,
    until: Until = None,
    end: Annotated[bool, typer.Option("--end", help="End it now.")] = False,
    dry_run: DryRun = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Put an earlier revision of a source in force again, for a while; `froyo get revisions` lists them.

    It is what counts until the end that is named, or until --end, over a restart too. What the source says meanwhile is
    read and checked, and waits. What that revision does not have is never removed unasked: froyo approve does it. Where
    no daemon runs, the next apply of the directory does it all. With --dry-run it exits with 0 when there is nothing to
    do, and with 2 when there are changes.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    now = time.time()
    if bool(revision) == end:
        raise UsageError("name a revision, or say --end; see: froyo get revisions")
    if lasting is not None and until is not None:
        raise UsageError("--for and --until both say when it ends; name one of them")
    asking = Asking.of(state)
    asking.must_have_store()
    source = _named(asking, source)
    if dry_run:
        return _foresee(screen, asking.where, revision, source, output)
    ends = _end(lasting, until, now=now)
    if not end and not reason.strip():
        raise UsageError("a rollback needs a --reason that others understand")
    asking.must_not_be_silent()
    done = _ended(asking, source) if end else _rolled_back(asking, revision, source, reason, ends)
    if output.is_document:
        emit(screen, done, output)
        return 0
    then = "" if asking.daemon is not None else "; no daemon runs, so it takes the next froyo apply"
    name, back = one_line(done["source"]), one_line(done["rollback"]["revision"])
    if end:
        screen.say(f"the rollback of {name} to {back} has ended{then}")
    else:
        until_when = (
            f"until {times.clock(done['rollback']['until'], now=now)}" if ends else "until you end it"
        )
        screen.say(
            f"rolled back {name} to {back} {until_when}; end it with: froyo rollback --end --source {name}{then}"
        )
        if waiting := done.get("waiting"):
            screen.note(f"{count(len(waiting), 'removal')} held, since it does not have that; see: froyo get")
    return 0


def _named(asking: Asking, source: str) -> str:
    """A source by its name; a directory may be written in any way that leads to it."""
    if not source or source in (view["name"] for view in asking.get("/v1/sources")["items"]):
        return source
    return source_name(os.path.realpath(source)) if os.path.isdir(source) else source


def _end(lasting: str | None, until: str | None, *, now: float) -> float | None:
    if lasting is not None:
        return now + times.parse_duration(lasting)
    return None if until is None else times.parse_future(until, now=now)


def _rolled_back(asking: Asking, revision: str, source: str, reason: str, until: float | None) -> Document:
    by = person(os.environ)
    if asking.daemon is not None:
        request = {"revision": revision, "source": source, "by": by, "reason": reason, "until": until}
        return asking.daemon.post("/v1/rollback", request)
    from reconciler.cli.writing import roll_back

    done = asyncio.run(roll_back(asking.where, revision, source, by=by, reason=reason, until=until))
    return _document("RolledBack", done)


def _ended(asking: Asking, source: str) -> Document:
    by = person(os.environ)
    if asking.daemon is not None:
        return asking.daemon.post("/v1/rollback/end", {"source": source, "by": by})
    from reconciler.cli.writing import end_rollback

    return _document("RollbackEnded", asyncio.run(end_rollback(asking.where, source, by=by)))


def _document(kind: str, rollback: Any) -> Document:
    from reconciler.api import views

    return views.document(kind, source=rollback.source, rollback=views.rollback(rollback))


def _foresee(screen: Terminal, where: Places, revision: str, source: str, output: Format) -> int:
    """Show what would be changed if a source were rolled back so."""
    from reconciler.cli.commands.plan import show_plans

    plans, found = asyncio.run(_planned(screen, where, revision, source))
    return show_plans(screen, plans, found, output)


async def _planned(screen: Terminal, where: Places, revision: str, source: str) -> tuple[list[Document], str]:
    from reconciler.api import views
    from reconciler.app import evaluating, once, rolling_back
    from reconciler.app.assembly import assemble
    from reconciler.cli.progress import PLANNING, LiveProgress

    by, now = person(os.environ), time.time()
    async with (
        LiveProgress(screen, PLANNING) as progress,
        assemble(where, os.environ, lease=False, notice=progress.notice) as parts,
    ):
        wanted = await rolling_back.wanted(
            parts.store, revision, source, by=by, reason="", since=now, until=None
        )
        evaluated = await evaluating.foresee(parts, wanted)
        found = await once.plan(parts, evaluated, progress=progress)
    instances = evaluated.instances
    return [views.plan(plan, instances) for plan in found], wanted.revision
