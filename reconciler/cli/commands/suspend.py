"""`froyo suspend`."""

from __future__ import annotations

import asyncio
import os
import time

from reconciler.api import times
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Suspended, Until, Verbose, Why
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.steering import named_object, objects, person
from reconciler.cli.terminal import terminal
from reconciler.core.visible import one_line, visible
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo suspend web-1/File/motd --reason 'trying something' --until 2h", "one resource, for two hours"),
    ("froyo suspend web-1 --reason maintenance --until 18:30", "all of a target, until then"),
    ("froyo suspend all --reason 'who is doing this?'", "everything, until it is resumed"),
)


def command(
    what: Suspended,
    *,
    reason: Why,
    until: Until = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Leave something alone for a while: it is not changed, and the daemon does not look at it.

    Whoever looks, with status or describe, sees who suspended it, why, and until when.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if not reason.strip():
        raise UsageError("a suspension needs a reason that others understand")
    now = time.time()
    end = times.parse_future(until, now=now) if until is not None else None
    asking = Asking.of(state)
    found = objects(asking, what)
    by = person(os.environ)
    asking.must_not_be_silent()
    replaced = [one for one in asking.get("/v1/suspensions")["items"] if one["object"] in found]
    if asking.daemon is not None:
        for object_ in found:
            request = {"object": object_, "by": by, "reason": reason, "until": end}
            asking.daemon.post("/v1/suspend", request)
    else:
        from reconciler.cli.writing import suspend

        asyncio.run(suspend(asking.where, found, by=by, reason=reason, until=end))
    document = asking.get("/v1/suspensions")
    document["items"] = [entry for entry in document["items"] if entry["object"] in found]
    if output.is_document:
        emit(screen, document, output)
        return 0
    if end:
        ends = f"until {times.clock(document['items'][0]['until'], now=now)}"
    else:
        ends = "until it is resumed" if len(found) == 1 else "until they are resumed"
    named = named_object(found[0]) if len(found) == 1 else count(len(found), "resource")
    screen.say(f"suspended {named} {ends}; end it with: froyo resume {visible(what)}")
    for one in replaced:
        until = f" until {times.clock(one['until'], now=now)}" if one["until"] else ""
        had = f"{named_object(one['object'])} was suspended by {one_line(one['by'])}{until} ({one_line(one['reason'])})"
        screen.note(f"{had}; this takes the place of that")
    return 0
