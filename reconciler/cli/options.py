"""The options that more than one command has: the same letters, the same words, everywhere."""

from __future__ import annotations

from typing import Annotated

import typer

from reconciler.cli.output import Format

Directory = Annotated[
    str, typer.Argument(metavar="DIR", help="The directory with the manifests.", show_default="this one")
]
State = Annotated[
    str | None,
    typer.Option(
        "--state",
        metavar="DIR",
        help="Where the store is, instead of $FROYO_STATE or the XDG state directory.",
    ),
]
Output = Annotated[
    Format,
    typer.Option("-o", "--output", metavar="FORMAT", help="text, json or yaml.", show_default=False),
]
TableOutput = Annotated[
    Format,
    typer.Option(
        "-o", "--output", metavar="FORMAT", help="text, wide, json, yaml or name.", show_default=False
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours, as with NO_COLOR in the environment.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say only what went wrong.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more; of a defect, the traceback.")]
Targets = Annotated[
    list[str] | None,
    typer.Option("--target", metavar="NAME", help="Only this target; may be given again."),
]
Labels = Annotated[
    str,
    typer.Option(
        "-l",
        "--selector",
        metavar="SELECTOR",
        help="Only resources with these labels, such as tier=web,env!=test.",
        show_default=False,
    ),
]
Timeout = Annotated[
    str | None,
    typer.Option("--timeout", metavar="TIME", help="Give up after this long, such as 30s or 5m."),
]
What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT", help="A kind, Kind/name, a target, or target/Kind/name.", show_default=False
    ),
]
