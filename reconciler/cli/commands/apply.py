"""`froyo apply`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Annotated

import typer

from reconciler.cli.options import (
    Directory,
    Git,
    GitPath,
    GitRef,
    GitWith,
    Labels,
    MaxDisrupted,
    NoColor,
    Output,
    PruneBudget,
    Quiet,
    Settings,
    State,
    Targets,
    Timeout,
    Verbose,
)
from reconciler.cli.output import Format
from reconciler.cli.sourcing import shown, sourced
from reconciler.cli.terminal import terminal
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo apply", "put right what is not as this directory declares it"),
    ("froyo apply site --target web-1", "on one target only"),
    ("froyo apply --plan next.plan", "what `froyo plan --out next.plan` showed, and nothing else"),
    ("froyo apply -o json", "what was done, as a document"),
)


def command(  # noqa: PLR0913 - its options
    directory: Directory = ".",
    *,
    plan: Annotated[
        str | None,
        typer.Option("--plan", metavar="FILE", help="Only what this saved plan says, where it still holds."),
    ] = None,
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
    max_disrupted: MaxDisrupted = None,
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
    from reconciler.cli.applying import apply

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    saved = None
    if plan is not None:
        from reconciler.app.at_rest import plan_text
        from reconciler.app.places import places
        from reconciler.app.saved import read_plan

        where = places(os.environ, state=state)
        saved = read_plan(plan, lambda content: plan_text(plan, content, where))
        directory = (
            saved.directory
            if directory == "." and git is None and saved.directory.startswith("/")
            else directory
        )
    source = sourced(directory, git=git, ref=ref, path=path, git_with=git_with or [], settings=settings or [])
    if saved is not None and shown(source) != saved.directory:
        raise UsageError(f"{plan}: it was made from {saved.directory}, not from {shown(source)}")
    if saved is not None:
        if settings and source.settings != saved.settings:
            raise UsageError(f"{plan}: it was made with other settings; leave --set out, or plan again")
        source = replace(source, settings=saved.settings)
    return apply(
        screen,
        source,
        saved=saved,
        targets=target or list(saved.targets if saved is not None else ()),
        labels=selector,
        output=output,
        state=state,
        timeout=timeout,
        budget=prune_budget,
        max_disrupted=max_disrupted,
    )
