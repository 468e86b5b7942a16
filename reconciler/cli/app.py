"""The command line itself: parses it, and calls the command, which is imported only then.

Exit codes: 0 all is well, 1 an error; `plan` and `diff` exit with 2 when there are changes; 130 on Ctrl-C.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable

import typer
from typer.exceptions import TyperException

from reconciler.cli.catalogue import SUMMARIES, module_of
from reconciler.cli.failures import INTERRUPTED, guarded
from reconciler.cli.help import Command
from reconciler.cli.misuse import sentence
from reconciler.cli.terminal import terminal
from reconciler.errors import UsageError


def application(names: Iterable[str]) -> typer.Typer:
    """Those commands, imported and ready to parse."""
    app = typer.Typer(
        name="froyo",
        rich_markup_mode=None,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    for name in names:
        module = importlib.import_module(module_of(name))
        app.command(name, cls=Command, short_help=SUMMARIES[name])(module.command)
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    """Makes Typer keep the name of a lone command."""


def run(arguments: list[str]) -> int:
    """Run a command line; its exit status. What went wrong has been said by then."""
    words = list(arguments)
    if words[:1] == ["dev"] and words[1:2] == ["up"]:
        del words[0]
    if words[:1] == ["validate-provider"]:
        words[:1] = ["provider", "validate"]
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    verbose = any(word in ("-v", "--verbose") for word in words)
    screen = terminal(no_color="--no-color" in words, verbose=verbose)
    return guarded(screen, words[0], lambda: _call(words))


def _call(words: list[str]) -> int:
    """Call the command that the first word names.

    Raises:
        UsageError: there is none, or it is called in another way.
    """
    name = words[0]
    _must_exist(name)
    command = typer.main.get_command(application([name]))
    try:
        status = int(command.main(words, prog_name="froyo", standalone_mode=False) or 0)
    except TyperException as error:
        parsed = command.commands[name]  # type: ignore[attr-defined] # it is a group
        raise UsageError(sentence(error, f"froyo {name}", parsed)) from error
    except SystemExit as stop:
        # The library has an exit status of its own for a pipe that nobody reads.
        if isinstance(stop.__context__, BrokenPipeError):
            raise stop.__context__ from None
        raise
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    return status


def _must_exist(name: str) -> None:
    if name in SUMMARIES:
        return
    if name.startswith("-"):
        raise UsageError(f"the command comes first, then its options such as {name}; see: froyo --help")
    from reconciler.cli.habits import COMMANDS
    from reconciler.core.suggest import did_you_mean

    # It has a second name, of which this is the first word.
    hint = "did you mean 'dev up'?" if name == "dev" else COMMANDS.get(name) or did_you_mean(name, SUMMARIES)
    hint = hint or "see: froyo --help"
    raise UsageError(f"there is no command {name!r}; {hint}")
