"""The command line itself: parses it, and calls the command, which is imported only then.

Exit codes: 0 all is well, 1 an error; `plan` and `diff` exit with 2 when there are changes.
"""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

app = typer.Typer(
    name="froyo",
    help="Keep machines as they are declared: read what is, plan the difference, apply it, and go round again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Directory = Annotated[str, typer.Argument(help="The directory with the manifests.")]
State = Annotated[
    Optional[str],
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where the store is kept, instead of $FROYO_STATE or the XDG state directory.",
    ),
]
Targets = Annotated[
    Optional[list[str]], typer.Option("--target", metavar="NAME", help="Only this target; may be repeated.")
]
Output = Annotated[str, typer.Option("-o", "--output", metavar="FORMAT", help="text or json.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say only what went wrong.")]


@app.command()
def apply(
    directory: Directory = ".",
    target: Targets = None,
    state: State = None,
    output: Output = "text",
    quiet: Quiet = False,
) -> None:
    """Put right what is not as declared, once.

    Examples:
      froyo apply site/
    """
    from reconciler.cli.commands.apply import apply as command

    raise typer.Exit(command(directory, targets=target or [], state=state, output=output, quiet=quiet))


@app.command()
def up(directory: Directory = ".", state: State = None) -> None:
    """Keep everything as declared, until told to end.

    Examples:
      froyo up site/
    """
    from reconciler.cli.commands.up import up as command

    raise typer.Exit(command(directory, state=state))


def run(arguments: list[str]) -> int:
    """Run a command line; its exit status."""
    from reconciler.errors import FroyoError

    try:
        app(arguments, standalone_mode=True)
    except FroyoError as error:
        print(f"froyo: {error}", file=sys.stderr)
        return 1
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0
