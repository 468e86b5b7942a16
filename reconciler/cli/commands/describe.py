"""`froyo describe`."""

from __future__ import annotations

import time

from reconciler.api.client import Document
from reconciler.cli.asking import Asking
from reconciler.cli.options import Described, NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.show.description import description
from reconciler.cli.terminal import terminal
from reconciler.cli.unknown import nothing_matches
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("froyo describe web-1/File/motd", "one resource on one target"),
    ("froyo describe File/motd", "the same on every target"),
    ("froyo describe web-1/File/motd -o json", "the same as a document, with its last events"),
)

EVENTS = 10
"""Events that are shown."""
MOST = 20
"""Resources that are described at once."""


def command(
    what: Described,
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Everything about one thing: how it is declared and where, how it is, what was done to it, and who spoiled it."""
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    asking = Asking.of(state)
    found = asking.get("/v1/resources", {"what": what, "specs": "1"})["items"]
    if not found:
        raise nothing_matches(asking, what)
    if len(found) > MOST:
        raise UsageError(f"{what!r} means {len(found)} resources; name fewer, such as {found[0]['address']}")
    described: list[Document] = []
    for view in found:
        events = asking.get("/v1/events", {"object": view["address"], "limit": str(EVENTS)})["items"]
        # The filter is by beginning: File/motd is also the beginning of File/motd-2.
        described.append(
            {**view, "events": [event for event in events if event["object"] == view["address"]]}
        )
    if output.is_document:
        emit(
            screen,
            envelope("DescriptionList", items=described),
            output,
        )
        return 0
    asking.say_if_nobody_looks(screen)
    for index, view in enumerate(described):
        if index:
            screen.line()
        for line in description(screen, view, view["events"], now=time.time()):
            screen.line(line)
    return 0
