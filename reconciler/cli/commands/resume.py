"""`froyo resume`."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, Resumed, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.steering import named_object, objects, person, typed
from reconciler.cli.terminal import terminal
from reconciler.core.spoken import listed
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope
from reconciler.model.names import Address
from reconciler.model.state import covers, overlap

EXAMPLES = (
    ("froyo resume web-1/File/motd", "end the suspension of one resource"),
    ("froyo resume web-1", "that of a target"),
    ("froyo resume --all", "every suspension there is"),
)


def command(
    what: Resumed = "",
    *,
    everything: Annotated[bool, typer.Option("--all", help="End every suspension.")] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """End a suspension: what was left alone is looked at again, at once where a daemon runs."""
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if bool(what) == everything:
        raise UsageError("name what to resume, or say --all; see: froyo get suspensions")
    asking = Asking.of(state)
    known = [entry["object"] for entry in asking.get("/v1/suspensions")["items"]]
    ended = known if everything else _meant(asking, what, known)
    by = person(os.environ)
    asking.must_not_be_silent()
    if asking.daemon is not None:
        for object_ in ended:
            asking.daemon.post("/v1/resume", {"object": object_, "by": by})
    elif ended:
        from reconciler.cli.writing import resume

        asyncio.run(resume(asking.where, ended, by=by))
    if output.is_document:
        document = envelope("Resumed", objects=ended)
        emit(screen, document, output)
    else:
        named = named_object(ended[0]) if len(ended) == 1 else count(len(ended), "suspension")
        others = [object_ for object_ in known if object_ not in ended]
        through = [object_ for object_ in others if any(overlap(object_, one) for one in ended)]
        if not ended:
            screen.say("nothing was suspended")
        elif through:
            on = "that of {} goes on" if len(through) == 1 else "those of {} go on"
            screen.say(f"the suspension of {named} has ended, and {on.format(_list(through))}")
            for object_ in through:
                screen.say(f"to end it: froyo resume {typed(object_)}")
        else:
            screen.say(f"resumed {named}")
    return 0


def _list(suspended: list[str]) -> str:
    return listed([named_object(object_) for object_ in suspended], "and")


def _meant(asking: Asking, what: str, known: list[str]) -> list[str]:
    wanted = "*" if what == "all" else what
    if wanted in known:
        return [wanted]
    named = objects(asking, what)
    found = [object_ for object_ in known if any(covers(name, Address(object_)) for name in named)]
    if found:
        return found
    addresses = [view["address"] for view in asking.get("/v1/resources", {"what": what})["items"]]
    for object_ in known:
        # It may be left alone because all of its target is, or everything.
        if any(covers(object_, address) for address in addresses):
            raise UsageError(
                f"{what} is suspended through {named_object(object_)}; resume that: froyo resume {typed(object_)}"
            )
    raise UsageError(f"{what} is not suspended; see: froyo get suspensions")
