"""`froyo up`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from reconciler.app.places import places, source_root
from reconciler.cli.keeping import keep
from reconciler.cli.options import (
    Directories,
    Git,
    GitPath,
    GitRef,
    GitWith,
    MaxDisrupted,
    NoColor,
    Output,
    PruneBudget,
    Quiet,
    Settings,
    State,
    Verbose,
    Wait,
    one_of,
)
from reconciler.cli.output import Format
from reconciler.cli.sourcing import directory_source, must_be_no_url, sourced
from reconciler.cli.terminal import terminal
from reconciler.core.redaction import Redactor
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.telemetry.output import LogFormat

EXAMPLES = (
    ("froyo up", "keep everything as this directory declares it; Ctrl-C ends it"),
    ("froyo up site", "the same for another directory; also spelled froyo dev up"),
    ("froyo up base site", "two directories; what both of them claim stays with the first"),
    ("froyo up --git ssh://git@git.example.com/site.git --ref main", "as a repository declares it"),
    ("froyo up /etc/froyo", "as a service: manifests/systemd/froyo.service is a unit for systemd"),
    ("froyo up site -o json", "each event as one JSON document a line, in a terminal too"),
)


def command(  # noqa: PLR0913 - its options
    directories: Directories = None,
    *,
    git: Git = None,
    ref: GitRef = None,
    path: GitPath = None,
    git_with: GitWith = None,
    settings: Settings = None,
    wait: Wait = False,
    log_format: Annotated[
        LogFormat,
        typer.Option(
            "--log-format",
            metavar="FORMAT",
            help="console, json or journal; auto shows events in a terminal, and suits systemd and pipes.",
            parser=one_of("--log-format", LogFormat),
        ),
    ] = LogFormat.AUTO,
    output: Output = Format.TEXT,
    prune_budget: PruneBudget = None,
    max_disrupted: MaxDisrupted = None,
    rollback_within: Annotated[
        str | None,
        typer.Option(
            "--rollback-within",
            metavar="TIME",
            help="Go back to the revision before if a probe is not well so soon after a change: 5m.",
        ),
    ] = None,
    metrics_listen: Annotated[
        str | None,
        typer.Option(
            "--metrics-listen",
            metavar="ADDRESS",
            help="Tell metrics and health on this port, too: 9469 is one of 127.0.0.1.",
        ),
    ] = None,
    webhook_listen: Annotated[
        str | None,
        typer.Option(
            "--webhook-listen",
            metavar="ADDRESS",
            help="Hear of pushes on this port, at /hook: 9470 is one of 127.0.0.1.",
        ),
    ] = None,
    share: Annotated[
        bool,
        typer.Option(
            "--share",
            help="Share the targets out with others that are run so on the same --store postgresql://…",
        ),
    ] = False,
    webhook_secret: Annotated[
        str | None,
        typer.Option(
            "--webhook-secret",
            metavar="FILE",
            help="What is shared with the git server; without a slash, one of the secrets.",
        ),
    ] = None,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Keep everything as declared, until told to end.

    Watches the directories and the targets, puts right whatever differs, and says who spoiled it. SIGTERM and Ctrl-C
    let what is under way end; what cannot be ended in time is named, and looked at again at the next start.
    """
    from reconciler.api.times import parse_duration
    from reconciler.app.ending import run_until_told
    from reconciler.telemetry.output import configure

    trial = parse_duration(rollback_within) if rollback_within is not None else None
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    named = directories or ([] if git is not None else ["."])
    roots = list(dict.fromkeys(source_root(directory, os.environ) for directory in named))
    for directory, root in zip(named, roots, strict=False):
        must_be_no_url(directory)
        if not root.is_dir() and not wait:
            raise UsageError(
                f"{root}: there is no such directory; `froyo init {directory}` makes one to begin with, and --wait "
                "waits for one"
            )
    given = [directory_source(root, settings=settings or []) for root in roots]
    if git is not None or ref or path or git_with:
        given.append(
            sourced(".", git=git, ref=ref, path=path, git_with=git_with or [], settings=settings or [])
        )
    shows = log_format is LogFormat.AUTO and (output.is_document or screen.out.isatty())
    level = (
        "ERROR"
        if shows and not verbose
        else "WARNING"
        if quiet
        else "DEBUG"
        if verbose and not shows
        else "INFO"
    )
    shown = output if shows or output.is_document else None
    redactor = Redactor()
    configure(redactor=redactor, level=level, format=log_format, environ=os.environ)
    where = places(os.environ, state=state, sources=roots)
    if share and where.address is None:
        raise UsageError("--share takes a store that several can reach: --store postgresql://…")
    if share and trial is not None:
        raise UsageError(
            "--rollback-within goes by what one controller sees of all targets: leave it or --share out"
        )
    if (webhook_listen is None) != (webhook_secret is None):
        raise UsageError("a webhook needs both: --webhook-listen ADDRESS and --webhook-secret FILE")
    hook = None
    if webhook_listen is not None and webhook_secret is not None:
        from reconciler.app.hearing import Webhook

        hook = Webhook(webhook_listen, webhook_secret, where)
    abandoned = run_until_told(
        lambda ending: keep(
            ending,
            screen,
            given,
            where,
            redactor,
            shown=shown,
            budget=prune_budget,
            max_disrupted=max_disrupted,
            trial=trial,
            metrics_listen=metrics_listen,
            webhook=hook,
            share=share,
        )
    )
    for address in abandoned or ():
        screen.note(
            f"abandoned in the middle of an apply, looked at again at the next start: {one_line(address)}"
        )
    if shown is Format.TEXT:
        screen.say("ended" + ("" if abandoned else "; nothing is left half-done"))
    return 0
