"""`froyo forget`."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from reconciler.app.places import source_root
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.steering import person
from reconciler.cli.terminal import terminal
from reconciler.core.visible import one_line
from reconciler.model.envelope import envelope
from reconciler.model.names import Address

EXAMPLES = (
    ("froyo forget web-1/File/old", "leave what is declared no longer as it is, for good"),
    ("froyo forget /srv/old-site", "a source that is gone, with all that it declared"),
)


def command(
    what: Annotated[
        str,
        typer.Argument(metavar="OBJECT", help="target/Kind/name, or a source: its name or directory."),
    ],
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Leave as it is, for good, what is declared no longer: it is not ours any more, and never removed.

    Nothing is changed on any target. What is declared cannot be forgotten: it would be adopted again at the next look.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    asking.must_have_store()
    sources = [view["name"] for view in asking.get("/v1/sources")["items"]]
    # Those that a daemon does not serve any more are known by what is kept of them.
    sources += [view["source"] for view in asking.get("/v1/revisions")["items"]]
    source = _source(what, sources)
    addresses = [] if source else [what]
    by = person(os.environ)
    asking.must_not_be_silent()
    if asking.daemon is not None:
        request = {"addresses": addresses, "source": source, "by": by}
        done = asking.daemon.post("/v1/forget", request)["objects"]
    else:
        from reconciler.cli.writing import forget

        done = asyncio.run(forget(asking.where, [Address(one) for one in addresses], source, by=by))
    if output.is_document:
        emit(screen, envelope("Forgotten", objects=done), output)
    else:
        also = f", and {count(len(done) - 1, 'resource')} that it declared" if len(done) > 1 else ""
        screen.say(f"forgotten: {one_line(done[-1])}{also}; nothing is changed on any target")
    return 0


def _source(what: str, known: list[str]) -> str:
    """The source that is meant: by its name, as events name it, or by a path from here; "" where none is."""
    named = what.removeprefix("Source")
    for name in (what, named, named.removeprefix("/"), str(source_root(what, os.environ))):
        if name in known:
            return name
    return named if named.startswith("/") else ""
