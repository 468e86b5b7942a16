"""`froyo wait`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

import typer

from reconciler.api import times
from reconciler.api.client import ANSWER, Document
from reconciler.api.folding import folded
from reconciler.cli.asking import Asking
from reconciler.cli.options import Labels, NoColor, Output, Quiet, State, Targets, Timeout, Verbose, What
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.show.resources import resource_table, source_table
from reconciler.cli.terminal import terminal
from reconciler.cli.unknown import nothing_matches, query_of
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.conditions import Reason

EXAMPLES = (
    ("froyo wait", "until everything is as declared"),
    ("froyo wait File/motd --timeout 30s", "until this one is, on every target"),
    ("froyo wait web-1 --for stalled", "until something on a target needs a person"),
    ("froyo wait web-1/File/motd --for reason=Suspended", "until a reason is given"),
)

_CONDITIONS = ("ready", "not-ready", "drifted", "stalled", "reconciling")

Condition = Callable[[Document], bool]

PATIENCE = "5m"
LEAST = 2.0
"""Seconds that the daemon gets for an answer although the time is over."""
START = 3.0
"""Seconds within which a daemon that was begun right before (`froyo up DIR & froyo wait`) listens."""
LOOK = 5.0
"""Seconds between two looks when nothing is heard: not everything that is said of an instance is on record."""


def command(  # noqa: PLR0913 - its options
    what: What = "",
    *,
    for_: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="CONDITION",
            help="ready, not-ready, drifted, stalled, reconciling, or reason=REASON.",
        ),
    ] = "ready",
    target: Targets = None,
    selector: Labels = "",
    timeout: Timeout = PATIENCE,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Wait until something is as declared (or has another condition), at the generation that is declared now.

    Exits with 0 once that is so for all that is selected, and with 1 when the time is over; then it says for what
    it still waited. A daemon may be just starting; without one nobody works towards it, and nobody looks: that is
    an error. As long as a source is broken, what it says now is not what is in force, and all of it is not ready.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    holds = _condition(for_)
    timeout = timeout or PATIENCE
    seconds = times.parse_duration(timeout)
    query = query_of(what, target, selector)
    until = time.monotonic() + seconds
    asking = _asking(state, min(until, time.monotonic() + START))
    if asking.daemon is None and not asking.get("/v1/resources", query)["items"]:
        raise nothing_matches(asking, what, target, selector)
    # What the last daemon or apply knew says nothing about now.
    daemon = asking.need_daemon(
        "nobody looks, and nobody works towards it: `froyo up DIR` does, and `froyo apply DIR` does once"
    )

    everything = for_.lower() == "ready" and not (what or target or selector)

    def look() -> tuple[Document, list[Document], bool]:
        """What is known now, the sources that are broken where that matters, and whether it is worth waiting."""
        left = min(ANSWER, max(LEAST, until - time.monotonic()))
        document = asking.get("/v1/resources", query, timeout=left)
        broken = _broken(asking.get("/v1/sources", timeout=left)) if everything else []
        over = asking.silent is not None or time.monotonic() > until
        return document, broken, not over and (bool(broken) or not _all(document, holds))

    document, broken, waits = look()
    if waits:
        if not document["items"]:
            # It may be declared in a moment; or it is a slip of the pen, and that is better known now.
            why = nothing_matches(asking, what, target, selector)
            screen.note(f"{why} (waiting for it, {timeout} at most)")
        with daemon.changes(timeout=min(ANSWER, max(LEAST, until - time.monotonic()))) as changes:
            while waits:
                document, broken, waits = look()
                if waits:
                    changes.receive(min(LOOK, max(0.0, until - time.monotonic())))
    waiting = [view for view in document["items"] if not holds(view)]
    if output.is_document:
        emit(screen, document, output)
    elif not document["items"]:
        screen.note(f"after {timeout}: {nothing_matches(asking, what, target, selector)}")
    elif waiting or broken:
        parts = [
            count(len(found), noun) for found, noun in ((waiting, "instance"), (broken, "source")) if found
        ]
        screen.note(f"not {for_} after {timeout}: {' and '.join(parts)}")
        for line in source_table(screen, broken, now=time.time()):
            screen.line(line)
        for line in resource_table(screen, folded(waiting), now=time.time(), wide=False) if waiting else ():
            screen.line(line)
    else:
        screen.say(f"{count(len(document['items']), 'instance')}: {for_}")
    return 0 if _all(document, holds) and not broken and asking.silent is None else 1


def _asking(state: str | None, until: float) -> Asking:
    """Whoever knows; the daemon, where one listens before `until`."""
    asking = Asking.of(state)
    while asking.daemon is None and (left := until - time.monotonic()) > 0:
        time.sleep(min(0.1, left))
        asking = Asking.of(state)
    return asking


def _broken(sources: Document) -> list[Document]:
    """Those whose newest state is not the one in force."""
    return [
        view
        for view in sources["items"]
        if any(one["type"] == "Ready" and one["status"] == "False" for one in view["conditions"])
    ]


def _all(document: Document, holds: Condition) -> bool:
    return bool(document["items"]) and all(holds(view) for view in document["items"])


def _condition(text: str) -> Condition:
    name, _, value = text.partition("=")
    match name.lower():
        case "ready" if not value:
            return lambda view: view["ready"] == "True" and view["observedGeneration"] == view["generation"]
        case "not-ready" if not value:
            return lambda view: view["ready"] != "True"
        case "drifted" | "stalled" | "reconciling" if not value:
            return lambda view: any(c["type"].lower() == name.lower() for c in view["conditions"])
        case "reason" if value:
            known = [reason.value for reason in Reason]
            if value.lower() not in map(str.lower, known):
                raise UsageError(
                    f"there is no reason {value!r}; {did_you_mean(value, known) or 'there are ' + ', '.join(known)}"
                )
            return lambda view: view["reason"].lower() == value.lower()
        case _:
            hint = did_you_mean(text, _CONDITIONS)
            raise UsageError(
                f"--for takes ready, not-ready, drifted, stalled, reconciling or reason=REASON, not {text!r}"
                + (f"; {hint}" if hint else "")
            )
