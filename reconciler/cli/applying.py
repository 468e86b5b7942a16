"""What `froyo apply` does once its command line is understood. Knows nothing of how that was written.

Apart from the command, because of the library that reads command lines: to import it takes longer than most applies.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from reconciler.app import evaluating, once
from reconciler.app.assembly import assemble
from reconciler.app.places import places
from reconciler.cli.deadline import deadline
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import nothing_declared
from reconciler.cli.progress import APPLYING, LiveProgress
from reconciler.cli.show.results import Document, result_document, result_lines, result_summary
from reconciler.cli.sourcing import roots, shown
from reconciler.cli.terminal import Terminal
from reconciler.core.prune import Budget

if TYPE_CHECKING:
    from reconciler.app.saved import Saved
    from reconciler.model.event import Event
    from reconciler.model.rollout import RolloutRecord
    from reconciler.model.source import Source

DONE = ("Created", "Updated", "Removed", "Restored", "Repaired", "Refreshed")


def apply(  # noqa: PLR0913 - the options of the command
    screen: Terminal,
    source: Source,
    *,
    saved: Saved | None = None,
    targets: Collection[str] = (),
    labels: str = "",
    output: Format = Format.TEXT,
    state: str | None = None,
    timeout: str | None = None,
    budget: Budget | None = None,
    max_disrupted: int | None = None,
) -> int:
    """Put right what is not as declared, once, and say what was done; the exit status.

    Args:
        screen: what it is said to.
        source: what is declared.
        saved: a plan that says what may be done; None for everything.
        targets: names of the targets that matter; empty for all.
        labels: a selector of the resources that matter; empty for all.
        output: how it is said.
        state: the state directory of the command line.
        timeout: after which it is given up, as written; None for never.
        budget: how much may be removed without a person being asked; None for the default.
        max_disrupted: how many targets may be disrupted at a time; None for the default.

    Raises:
        FroyoError: nothing can be applied at all.
    """
    document = asyncio.run(
        _apply(screen, source, saved, targets, labels, state, timeout, budget, max_disrupted)
    )
    if output.is_document:
        emit(screen, document, output)
    elif not document["targets"]:
        screen.say(nothing_declared(shown(source)))
    else:
        for line in result_lines(screen, document):
            screen.line(line)
        screen.say(result_summary(screen, document))
    return 1 if document["failed"] or document["unreachable"] or _stopped(document) else 0


async def _apply(  # noqa: PLR0913, PLR0917 - the same
    screen: Terminal,
    source: Source,
    saved: Saved | None,
    targets: Collection[str],
    labels: str,
    state: str | None,
    timeout: str | None,
    budget: Budget | None,
    max_disrupted: int | None,
) -> Document:
    where = places(os.environ, state=state, sources=roots([source]))
    began = time.monotonic()
    async with (
        LiveProgress(screen, APPLYING) as progress,
        deadline(timeout, "the apply"),
        assemble(
            where,
            os.environ,
            lease=True,
            notice=progress.notice,
            prune=budget,
            max_disrupted=max_disrupted,
        ) as parts,
    ):
        evaluated = await evaluating.evaluate(
            parts, source.place, settings=source.settings, targets=targets, labels=labels
        )
        progress.tell(evaluated)
        rollouts: list[RolloutRecord] = []
        whole = not targets and not labels and saved is None
        if whole and (evaluated.desired.rollouts or await parts.store.load_rollouts()):
            from reconciler.app import walking

            results, rollouts = await walking.apply(
                parts, evaluated, progress=progress, notice=progress.notice
            )
        else:
            results = await once.apply(
                parts,
                evaluated,
                progress=progress,
                notice=progress.notice,
                only=saved.units if saved is not None else None,
                whole=whole,
            )
        done: dict[str, list[Event]] = {}
        for event in (event for one in results for event in one.events if event.reason in DONE):
            done.setdefault(event.object, []).append(event)
    subjects = {address: one.subject for address, one in evaluated.instances.items()}
    document = result_document(results, done, subjects, seconds=time.monotonic() - began)
    if rollouts:
        from reconciler.api import views

        document["rollouts"] = [views.rollout(one) for one in rollouts]
    return document


def _stopped(document: Document) -> bool:
    """Whether a rollout goes no further."""
    return any(one["phase"] in ("Stopped", "RolledBack", "Aborted") for one in document.get("rollouts", ()))
