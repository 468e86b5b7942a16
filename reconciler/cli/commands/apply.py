"""`froyo apply`."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.app.places import places, source_root
from reconciler.cli.options import (
    Directory,
    Labels,
    NoColor,
    Output,
    PruneBudget,
    Quiet,
    State,
    Targets,
    Timeout,
    Verbose,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import nothing_declared
from reconciler.cli.progress import APPLYING, LiveProgress
from reconciler.cli.show.results import result_document, result_lines, result_summary
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.prune import Budget
from reconciler.core.visible import one_line
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.api.client import Document
    from reconciler.app.saved import Saved

EXAMPLES = (
    ("froyo apply", "put right what is not as this directory declares it"),
    ("froyo apply site --target web-1", "on one target only"),
    ("froyo apply --plan next.plan", "what `froyo plan --out next.plan` showed, and nothing else"),
    ("froyo apply -o json", "what was done, as a document"),
)

DONE = ("Created", "Updated", "Removed", "Restored", "Repaired", "Refreshed")


def command(  # noqa: PLR0913 - its options
    directory: Directory = ".",
    *,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="FILE", help="Only what this saved plan says, where it still holds."),
    ] = None,
    target: Targets = None,
    selector: Labels = "",
    timeout: Timeout = None,
    output: Output = Format.TEXT,
    prune_budget: PruneBudget = None,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Put right what is not as declared, once.

    Targets are worked on at once and do not wait for each other. A second apply finds nothing to do, and changes
    nothing. With a saved plan, parts whose target or declaration has moved since are refused, and the others applied.
    Exits with 0 when everything is as declared (or left alone on purpose), else with 1.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    saved = None
    if plan is not None:
        from reconciler.app.saved import read_plan

        saved = read_plan(plan)
        directory = saved.directory if directory == "." else directory
    root = source_root(directory, os.environ)
    if saved is not None and str(root) != saved.directory:
        raise UsageError(f"{plan}: it was made from {saved.directory}, not from {root}")
    document = asyncio.run(
        _apply(
            screen,
            root,
            saved=saved,
            targets=target or list(saved.targets if saved is not None else ()),
            labels=selector,
            state=state,
            timeout=timeout,
            budget=prune_budget,
        )
    )
    if output.is_document:
        emit(screen, document, output)
    elif not document["targets"]:
        screen.say(nothing_declared(str(root)))
    else:
        for line in result_lines(screen, document):
            screen.line(line)
        screen.say(result_summary(screen, document))
    return 1 if document["failed"] or document["unreachable"] else 0


async def _apply(
    screen: Terminal,
    root: Path,
    *,
    saved: Saved | None,
    targets: list[str],
    labels: str,
    state: str | None,
    timeout: str | None,
    budget: Budget | None,
) -> Document:
    from reconciler.app import evaluating, once
    from reconciler.app.assembly import assemble
    from reconciler.cli.deadline import deadline

    where = places(os.environ, state=state, sources=[root])
    began = time.monotonic()
    async with (
        LiveProgress(screen, APPLYING) as progress,
        deadline(timeout, "the apply"),
        assemble(where, os.environ, lease=True, notice=progress.notice, prune=budget) as parts,
    ):
        evaluated = await evaluating.evaluate(parts, root, targets=targets, labels=labels)
        for told in evaluated.notices:
            progress.notice(one_line(told))
        results = await once.apply(
            parts,
            evaluated,
            progress=progress,
            notice=progress.notice,
            only=saved.units if saved is not None else None,
            whole=not targets and not labels and saved is None,
        )
        done = {event.object: event for one in results for event in one.events if event.reason in DONE}
    subjects = {address: one.subject for address, one in evaluated.instances.items()}
    return result_document(results, done, subjects, seconds=time.monotonic() - began)
