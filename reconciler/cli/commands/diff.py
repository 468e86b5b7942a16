"""`froyo diff`."""

from __future__ import annotations

import asyncio
import os
import re
import time

from reconciler.api.client import Document
from reconciler.app.places import places
from reconciler.cli.asking import Asking
from reconciler.cli.options import (
    DirectoryOrDaemon,
    Git,
    GitPath,
    GitRef,
    GitWith,
    Labels,
    NoColor,
    OfSource,
    Output,
    Quiet,
    Settings,
    State,
    Summary,
    Targets,
    Verbose,
)
from reconciler.cli.output import Format
from reconciler.cli.show.plans import Totals
from reconciler.cli.show.resources import broken_sources
from reconciler.cli.sourcing import git_source, sourced
from reconciler.cli.terminal import Terminal, terminal
from reconciler.cli.unknown import must_be_targets, nothing_matches, query_of
from reconciler.errors import UsageError
from reconciler.model.source import Source, with_settings

_REVISIONS = re.compile(r"(?P<earlier>[^\s/.][^\s]*?[^\s/.])\.\.(?P<later>[^\s/.][^\s]*)")

EXAMPLES = (
    ("froyo diff", "what differs on the targets of the running daemon"),
    ("froyo diff site", "what differs from a directory, with or without a daemon"),
    (
        "froyo diff 3f2a9c..8b1d07",
        "what would change from one revision to another; froyo get revisions lists them",
    ),
    ("froyo diff --git . main..feature", "what a branch would change"),
    ("froyo diff --target web-1", "on one target only"),
)


def command(  # noqa: PLR0913 - its options
    directory: DirectoryOrDaemon = None,
    *,
    git: Git = None,
    ref: GitRef = None,
    path: GitPath = None,
    git_with: GitWith = None,
    settings: Settings = None,
    target: Targets = None,
    selector: Labels = "",
    source: OfSource = "",
    summary: Summary = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What differs right now between what is declared and what is there.

    With REV1..REV2, what the second of two revisions declares otherwise than the first, by what is declared alone: two
    that are kept, or with --git two branches, tags or commits of a repository.
    Asks the daemon when there is one and no directory is named, else it plans that directory, or this one. Exits with 0
    when nothing differs, 2 when something does (held or not), 1 when something could not be looked at.
    """
    from reconciler.cli.commands import plan

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    named = _REVISIONS.fullmatch(directory) if directory is not None else None
    if named is not None and not os.path.exists(named[0]):
        pair = named.groups() if git is not None else ()
        revisions = [
            git_source(git or "", ref=one, path=path, git_with=git_with or [], settings=settings or [])
            for one in pair
        ]
        plans, revision = asyncio.run(_compared(screen, named, revisions, source, target or [], state))
        return plan.show_plans(screen, plans, revision, output, summary=summary)
    if source:
        raise UsageError("--source is about two revisions; name them: froyo diff REV1..REV2")
    asking = Asking.of(state)
    if directory is None and git is None and asking.daemon is not None:
        selected = _selected(asking, target, selector)
        found: list[Document] = asking.daemon.post("/v1/plan", {}, timeout=300.0)["items"]
        plans = [_within(entry, selected) for entry in found if not target or entry["target"] in target]
        plans = [entry for entry in plans if not selector or entry["units"] or entry["errors"]]
        revision = plans[0]["revision"] if plans else ""
        for line in broken_sources(screen, asking.get("/v1/sources")["items"], now=time.time()):
            screen.note(line)
    else:
        plans, revision, _ = plan.make(
            screen,
            sourced(
                directory or ".",
                git=git,
                ref=ref,
                path=path,
                git_with=git_with or [],
                settings=settings or [],
            ),
            targets=target or [],
            labels=selector,
            state=state,
        )
    status = plan.show_plans(screen, plans, revision, output, summary=summary)
    held = Totals.of(plans).held
    return 2 if status == 0 and held else status


async def _compared(
    screen: Terminal,
    named: re.Match[str],
    revisions: list[Source],
    source: str,
    targets: list[str],
    state: str | None,
) -> tuple[list[Document], str]:
    """Two revisions beside each other: of a repository, or those that are kept."""
    from reconciler.api import views
    from reconciler.app.assembly import assemble
    from reconciler.app.comparing import compared, kept_revisions

    where = places(os.environ, state=state)
    if not revisions:
        Asking(where).must_have_store()
    async with assemble(where, os.environ, lease=False, notice=screen.note) as parts:
        if revisions:
            first, second = [
                with_settings((await parts.watchers.take(one.place))[0], one.settings) for one in revisions
            ]
        else:
            first, second = await kept_revisions(parts, named["earlier"], named["later"], source=source)
        plans, instances, called = await compared(parts, first, second)
    return [views.plan(one, instances) for one in plans if not targets or one.target in targets], called


def _selected(asking: Asking, target: list[str] | None, selector: str) -> set[str] | None:
    """The addresses that have the labels; None for all."""
    must_be_targets(asking, target)
    if not selector:
        return None
    found = asking.get("/v1/resources", query_of("", target, selector))["items"]
    if not found:
        raise nothing_matches(asking, "", target, selector)
    return {view["address"] for view in found}


def _within(entry: Document, selected: set[str] | None) -> Document:
    """The plan of a target, without what was not asked for."""
    if selected is None:
        return entry
    units = [unit for unit in entry["units"] if unit["address"] in selected]
    errors = {
        what: why for what, why in entry["errors"].items() if what == entry["target"] or what in selected
    }
    return {**entry, "units": units, "errors": errors}
