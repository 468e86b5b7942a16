"""`froyo plan`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Annotated

import typer

from reconciler.api.client import Document
from reconciler.app.places import places
from reconciler.cli.options import (
    Directory,
    Git,
    GitPath,
    GitRef,
    GitWith,
    Labels,
    NoColor,
    Output,
    PruneBudget,
    Quiet,
    Recipients,
    Settings,
    State,
    Summary,
    Targets,
    Timeout,
    Verbose,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import nothing_declared
from reconciler.cli.progress import PLANNING, LiveProgress
from reconciler.cli.show.plans import Totals, plan_lines
from reconciler.cli.sourcing import roots, shown, sourced
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.prune import Budget
from reconciler.model.envelope import envelope
from reconciler.model.source import Source

EXAMPLES = (
    ("froyo plan", "what an apply of this directory would change"),
    ("froyo plan site --target web-1", "on one target only"),
    ("froyo plan --out next.plan", "keep it; `froyo apply --plan next.plan` does exactly that"),
    ("froyo plan --summary", "a line a change, without what differs"),
    ("froyo plan --git https://git.example.com/site.git --ref main", "of what a repository has"),
    ("froyo plan -o json", "the plan as a document"),
)


def command(  # noqa: PLR0913 - its options
    directory: Directory = ".",
    *,
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="FILE", help="Save the plan for `froyo apply --plan FILE`."),
    ] = None,
    recipient: Recipients = None,
    summary: Summary = False,
    git: Git = None,
    ref: GitRef = None,
    path: GitPath = None,
    git_with: GitWith = None,
    settings: Settings = None,
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
    """Show what would be changed, and why. Changes nothing, on no target.

    What is the same on several targets is shown once. + is created, ~ is changed, ↻ has drifted and is put back, - is
    removed, » is refreshed, ! differs and is left alone, ✘ would fail. Exits with 0 when there is nothing to do,
    with 2 when there are changes, with 1 when something could not be planned, would fail, or is denied by policy.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    source = sourced(directory, git=git, ref=ref, path=path, git_with=git_with or [], settings=settings or [])
    plans, revision, rollouts = make(
        screen,
        source,
        targets=target or [],
        labels=selector,
        state=state,
        timeout=timeout,
        budget=prune_budget,
    )
    if out is not None:
        from reconciler.api.views import instant
        from reconciler.app.at_rest import recipients
        from reconciler.app.saved import write_plan

        whom = recipients(places(os.environ, state=state), recipient or [])
        made = max((plan["observedAt"] for plan in plans), default=instant(0))
        write_plan(
            out,
            plans,
            directory=shown(source),
            revision=revision,
            created_at=made,
            settings=source.settings,
            recipients=whom,
        )
    status = show_plans(screen, plans, revision, output, summary=summary, rollouts=rollouts)
    if out is not None and not output.is_document:
        screen.say(f"Saved in {out}; carry out exactly this with: froyo apply --plan {out}")
    if not plans and not output.is_document:
        screen.say(nothing_declared(shown(source)))
    return status


def show_plans(
    screen: Terminal,
    plans: list[Document],
    revision: str,
    output: Format,
    *,
    summary: bool = False,
    rollouts: Sequence[Document] = (),
) -> int:
    """Print plans; the exit status that they mean. Of rollouts, by which they would be made, documents speak."""
    totals = Totals.of(plans)
    if output.is_document:
        document = {
            **envelope("PlanList"),
            "revision": revision,
            "create": totals.create,
            "update": totals.update,
            "delete": totals.delete,
            "refresh": totals.refresh,
            "held": totals.held,
            "denied": totals.denied,
            "inSync": totals.same,
            "fails": totals.fails,
            "errors": totals.errors,
            **({"rollouts": list(rollouts)} if rollouts else {}),
            "items": plans,
        }
        emit(screen, document, output)
    elif plans:
        if not screen.quiet or totals.errors or totals.fails:
            for line in plan_lines(screen, plans, summary=summary):
                screen.line(line)
        screen.say(totals.summary())
    return 1 if totals.errors or totals.fails or totals.denied else 2 if totals.changes else 0


def make(
    screen: Terminal,
    source: Source,
    *,
    targets: list[str],
    labels: str = "",
    state: str | None = None,
    timeout: str | None = None,
    budget: Budget | None = None,
) -> tuple[list[Document], str, list[Document]]:
    """The plans for a source, target by target, its revision, and the rollouts by which it would reach them."""
    return asyncio.run(
        _plan(screen, source, targets=targets, labels=labels, state=state, timeout=timeout, budget=budget)
    )


async def _plan(
    screen: Terminal,
    source: Source,
    *,
    targets: list[str],
    labels: str,
    state: str | None,
    timeout: str | None,
    budget: Budget | None,
) -> tuple[list[Document], str, list[Document]]:
    from reconciler.api import views
    from reconciler.app import evaluating, once
    from reconciler.app.assembly import assemble
    from reconciler.cli.deadline import deadline

    where = places(os.environ, state=state, sources=roots([source]))
    async with (
        LiveProgress(screen, PLANNING) as progress,
        deadline(timeout, "the plan"),
        assemble(where, os.environ, lease=False, notice=progress.notice, prune=budget) as parts,
    ):
        evaluated = await evaluating.evaluate(
            parts, source.place, settings=source.settings, targets=targets, labels=labels
        )
        progress.tell(evaluated)
        rollouts: list[Document] = []
        if evaluated.desired.rollouts and not targets and not labels:
            from reconciler.app import walking

            for record in await walking.foretold(parts, evaluated):
                progress.notice(walking.in_waves(record))
                rollouts.append(views.rollout(record))
        found = await once.plan(parts, evaluated, progress=progress)
        if not targets and not labels and (said := once.given_up(evaluated)):
            progress.notice(said)
    instances = evaluated.instances
    return [views.plan(plan, instances) for plan in found], evaluated.desired.revision, rollouts
