"""`froyo top`."""

from __future__ import annotations

from reconciler.api.measured import summed
from reconciler.api.views import document
from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.errors import TransportError, UsageError

EXAMPLES = (
    ("froyo top", "targets, work, drift and what happens, live; q ends it"),
    ("froyo top -o json | jq .work", "what is measured of work and drift, once"),
)

EVERY = 5.0
"""Seconds after which it is looked again where nothing has changed: ages and work go on."""
SETTLE = 0.25
"""Seconds that a change is given to be one of several."""


def command(
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Targets, work and drift, live.

    Shows in a terminal which targets are connected, what is not as declared, what is being done and how long drift
    lasts, and what happens. It needs a daemon, which tells it when anything changes; q ends it. As a document it is how
    everything is once, with what is measured of work and drift.
    """
    import time

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    daemon = Asking.of(state).need_daemon("`froyo up DIR` starts one, and `froyo status` tells what is known")
    if output.is_document:
        work = dict(sorted(summed(daemon.text("/metrics")).items()))
        emit(screen, document("Top", status=daemon.get("/v1/status"), work=work), output)
        return 0
    if not screen.out.isatty():
        raise UsageError("froyo top is for a terminal; once, and for programs: froyo top -o json")
    try:
        from reconciler.cli.show.top import EVENTS, Seen, Top
    except ModuleNotFoundError as error:
        raise UsageError(
            f"froyo top needs {error.name}, which is not installed: pip install 'openfroyo[top]'; "
            "without it: froyo events -f"
        ) from error

    with daemon.changes() as changes:

        def look(after: int) -> Seen:
            query = {"after": str(after)} if after else {"limit": str(EVENTS)}
            events = daemon.get("/v1/events", query)["items"]
            return Seen(daemon.get("/v1/status"), events, summed(daemon.text("/metrics")))

        def news(within: float) -> bool:
            if not changes.receive(within):
                return False
            time.sleep(SETTLE)
            return True

        ended = Top(look, news, every=EVERY).run()
    if ended is not None:
        raise TransportError(ended)
    return 0
