"""`froyo doctor`."""

from __future__ import annotations

from dataclasses import asdict

from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.core.visible import one_line
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("froyo doctor", "everything that froyo needs, and what to do where it is missing"),
    ("froyo doctor -q", "only what is not well"),
    ("froyo doctor -o json", "the same as a document"),
)

_SIGNS = {"ok": ("good", "✔"), "warn": ("warn", "!"), "fail": ("bad", "✘")}


def command(
    *,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Check what froyo needs, and say what to do about it. Changes nothing.

    Exits with 1 when something fails.
    """
    from reconciler.cli.checks import every_check

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    checks = every_check(Asking.of(state))
    failed = [check for check in checks if check.level == "fail"]
    if output.is_document:
        document = {
            **envelope("Checks"),
            "healthy": not failed,
            "items": [asdict(check) for check in checks],
        }
        emit(screen, document, output)
        return 1 if failed else 0
    width = max(len(check.name) for check in checks)
    for check in checks:
        if quiet and check.level == "ok":
            continue
        style, sign = _SIGNS[check.level]
        screen.line(f"{screen.paint(style, sign)} {check.name:<{width}}  {one_line(check.message)}")
        if check.todo:
            screen.line(f"  {'':<{width}}  {screen.paint('note', one_line(check.todo))}")
    return 1 if failed else 0
