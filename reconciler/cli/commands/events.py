"""`froyo events`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from reconciler.api import times
from reconciler.api.client import Document
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Number, Output, Quiet, State, Targets, Verbose
from reconciler.cli.output import Format, emit, emit_line
from reconciler.cli.show.events import event_block, event_lines
from reconciler.cli.terminal import Terminal, terminal
from reconciler.cli.unknown import must_be_targets, must_have_events
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo events", "the last ones"),
    ("froyo events -f", "the last ones, and then as they happen"),
    ("froyo events --since 2h --cause drift", "what others changed in the last two hours"),
    ("froyo events --object web-1/File/motd", "what happened to one resource"),
    ("froyo events --target web-1", "what happened on one target"),
    ("froyo events -f --all -o json", "every event there is, one JSON object a line, and on"),
)

POLL = 0.5
"""Seconds between two looks into the store, where no daemon tells what happens."""
EVERYTHING = 100_000


def command(  # noqa: PLR0913 - its options
    *,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on with what happens from now on.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="From the first one that is kept.")] = False,
    number: Number = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Not older: 2h, 18:30, 2026-01-31; 0 for all."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", metavar="REASON", help="Only with it, such as Repaired.")
    ] = "",
    object_: Annotated[
        str, typer.Option("--object", metavar="OBJECT", help="Only of it: an address or its beginning.")
    ] = "",
    target: Targets = None,
    cause: Annotated[str, typer.Option("--cause", metavar="CAUSE", help="Only with it, such as drift.")] = "",
    warnings: Annotated[bool, typer.Option("--warnings", help="Only what a person should look at.")] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """What happened, to what, why, and who did it.

    The oldest is shown first, and the last 50 unless told otherwise; with -f, the last ten and then all that follow.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    object_ = _of_what(asking, object_, target or [])
    begin = times.parse_past(since, now=time.time()) if since is not None else 0.0
    everything = everything or (since is not None and number is None)
    query = {
        "reason": reason,
        "object": object_,
        "cause": cause,
        "type": "Warning" if warnings else "",
        "since": str(begin) if begin else "",
        "limit": str(EVERYTHING if everything else number or (10 if follow else 50)),
    }
    query = {key: value for key, value in query.items() if value}
    if not follow:
        document = asking.get("/v1/events", query)
        if not document["items"]:
            must_have_events(asking, object_)
        if output.is_document:
            emit(screen, document, output)
        elif not document["items"] and not quiet:
            chosen = object_ or reason or cause or warnings or since
            screen.note("no event matches" if chosen else "nothing has happened yet")
        else:
            for line in event_lines(screen, document["items"], now=time.time()):
                screen.line(line)
        return 0
    try:
        must_have_events(asking, object_)
    except UsageError as error:
        screen.note(f"{error} (waiting for it)")  # it may be declared in a moment
    if everything:
        query["after"] = "0"
    if asking.daemon is None:
        if not output.is_document:
            asking.say_if_nobody_looks(screen)
        _follow_store(screen, asking, query, output)
    else:
        for event in asking.daemon.follow(query):
            _show(screen, event, output)
    return 0


def _of_what(asking: Asking, object_: str, targets: list[str]) -> str:
    """How the objects begin whose events are asked for."""
    if not targets:
        return object_
    if object_ or len(targets) > 1:
        raise UsageError("events are those of one --target, or of one --object; give one of them")
    must_be_targets(asking, targets)
    return f"{targets[0]}/"


def _follow_store(screen: Terminal, asking: Asking, query: dict[str, str], output: Format) -> None:
    """Without a daemon: what one-shot commands do is in the store, too."""
    after: str | None = query.pop("after", None)
    while True:
        found = asking.get("/v1/events", query if after is None else {**query, "after": after})["items"]
        for event in found:
            _show(screen, event, output)
            after = str(event["id"])
        if after is None:
            newest = asking.get("/v1/events", {"limit": "1"})["items"]
            after = str(newest[-1]["id"]) if newest else "0"
        time.sleep(POLL)


def _show(screen: Terminal, event: Document, output: Format) -> None:
    if output.is_document:
        emit_line(screen, event, output)
    else:
        for line in event_block(screen, event, now=time.time(), width=24):
            screen.line(line)
        screen.out.flush()
