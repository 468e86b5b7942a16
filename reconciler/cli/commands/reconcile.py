"""`froyo reconcile`."""

from __future__ import annotations

import time

from reconciler.api import times
from reconciler.api.client import Client, Document
from reconciler.api.folding import folded
from reconciler.cli.asking import Asking
from reconciler.cli.options import (
    Labels,
    NoColor,
    Output,
    Quiet,
    State,
    Targets,
    Timeout,
    Verbose,
    Wait,
    What,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.show.resources import resource_table
from reconciler.cli.terminal import terminal
from reconciler.cli.unknown import nothing_matches, query_of
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo reconcile", "look at everything now, and fetch what sources are remote"),
    ("froyo reconcile web-1/File/motd --wait", "one resource, and wait for what comes of it"),
    ("froyo reconcile files -l tier=web", "files that have a label"),
)

PATIENCE = "5m"
LOOK = 5.0
"""Seconds between two looks when nothing is heard."""


def command(  # noqa: PLR0913 - its options
    what: What = "",
    *,
    target: Targets = None,
    selector: Labels = "",
    wait: Wait = False,
    timeout: Timeout = PATIENCE,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Have the daemon look at something now, before all else, and put it right.

    Without a name, or with that of a source, remote sources are looked at, too. What had failed for good is tried
    again. With --wait it says what came of it, and exits with 1 if something is not as declared then.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    daemon = asking.need_daemon("`froyo apply DIR` does it once, `froyo up DIR` starts a daemon")
    is_source = bool(what) and any(one["name"] == what for one in daemon.get("/v1/sources")["items"])
    if is_source:  # what comes of it may be anywhere
        what = ""
    query = query_of(what, target, selector)
    found = daemon.get("/v1/resources", query)["items"]
    everything = not (what or target or selector)
    if not found and not everything:
        raise nothing_matches(asking, what, target, selector)
    addresses = [view["address"] for view in found]
    accepted = daemon.post("/v1/reconcile", {} if everything else {"addresses": addresses})
    if not wait:
        if output.is_document:
            emit(screen, accepted, output)
        else:
            seen = count(accepted["instances"], "instance") + (", and the sources" if everything else "")
            screen.say(f"looking at {seen}; see: froyo events")
            if held := sum("suspended" in view for view in found):
                screen.note(
                    f"{count(held, 'instance')} not looked at, being suspended; see: froyo get suspensions"
                )
        return 0
    document = _wait(daemon, query, {view["target"] for view in found}, timeout or PATIENCE)
    bad = [view for view in document["items"] if view["ready"] != "True"]
    if output.is_document:
        emit(screen, document, output)
    elif bad:
        for line in resource_table(screen, folded(bad), now=time.time(), wide=False):
            screen.line(line)
    else:
        screen.say(f"{count(len(document['items']), 'instance')} as declared")
    return 1 if bad else 0


def _wait(daemon: Client, query: dict[str, str], targets: set[str], timeout: str) -> Document:
    """What is known once the request was dealt with on every target that can be reached."""
    until = time.monotonic() + times.parse_duration(timeout)
    with daemon.changes() as changes:
        while True:
            waiting = {entry["target"] for entry in daemon.get("/v1/queue")["items"]} & targets
            if waiting:
                lost = {
                    entry["name"]
                    for entry in daemon.get("/v1/targets")["items"]
                    if any(c["type"] == "Ready" and c["status"] == "False" for c in entry["conditions"])
                }
                waiting -= lost
            if not waiting:
                return daemon.get("/v1/resources", query)
            left = until - time.monotonic()
            if left < 0:
                raise UsageError(
                    f"not looked at within {timeout}: {', '.join(sorted(waiting))}; see: froyo status"
                )
            changes.receive(min(LOOK, left))
