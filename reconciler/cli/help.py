"""The help of a command, and its usage line: what it does, its arguments, its options, and examples.

Invariant: no line is wider than the terminal, unless one word is; nothing here is decided by the library that parses.
"""

from __future__ import annotations

import importlib
import inspect
import os
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from reconciler.cli.catalogue import module_of

WIDEST = 100
"""Columns that a line of text has at most: longer ones are hard to read."""
NARROWEST = 40

Rows = Sequence[tuple[str, str]]


class Command(TyperCommand):
    """A command whose help is written here; it takes `--store` where it takes `--state`, and perhaps `--policies`."""

    def __init__(self, *arguments: Any, **words: Any) -> None:
        super().__init__(*arguments, **words)
        at = next((n for n, one in enumerate(self.params) if "--state" in one.opts), None)
        if at is not None and self.name != "store":  # which names two of them
            self.params.insert(at + 1, _store())
        if self.name in GOVERNED:
            self.params.insert(len(self.params) if at is None else at + 2, _policies())

    def get_help(self, ctx: typer.Context) -> str:  # type: ignore[override] # Typer's Context is click's
        """What `--help` prints."""
        columns = shutil.get_terminal_size((80, 24)).columns
        width = min(WIDEST, max(NARROWEST, columns - 1))
        module = importlib.import_module(module_of(str(self.name)))
        return "\n".join(help_lines(ctx.command_path, self, module.EXAMPLES, width))


GOVERNED = frozenset({"apply", "diff", "operator", "plan", "policy", "up", "validate"})
"""The commands to which the operator's policies have something to say."""


def _policies() -> TyperOption:
    """Says what FROYO_POLICIES says."""

    def note(_context: object, _option: object, value: str | None) -> None:
        if value is not None:
            os.environ["FROYO_POLICIES"] = value

    return TyperOption(
        param_decls=["--policies"],
        metavar="PLACE",
        help="Policies about everything: a directory, or URL#REF:PATH of a repository; else $FROYO_POLICIES.",
        expose_value=False,
        callback=note,
    )


def _store() -> TyperOption:
    """Says what FROYO_STORE says, to whatever in the command asks where the store is."""

    def note(_context: object, _option: object, value: str | None) -> None:
        if value is not None:
            from reconciler.store.postgresql.address import checked

            os.environ["FROYO_STORE"] = checked(value)

    return TyperOption(
        param_decls=["--store"],
        metavar="ADDRESS",
        help="A store in PostgreSQL instead: postgresql://USER@HOST/DATABASE; else $FROYO_STORE.",
        expose_value=False,
        callback=note,
    )


def usage(path: str, command: Any) -> str:
    """How a command is called, in one line: `froyo get [OPTIONS] [WHAT]`."""
    words = [name(one) if one.required else f"[{name(one)}]" for one in _arguments(command)]
    required = [f"{option_name(one)} {one.metavar}" for one in _options(command) if one.required]
    return " ".join((path, *words, *required, "[OPTIONS]"))


def help_lines(path: str, command: Any, examples: Rows, width: int) -> list[str]:
    """All of a command's help.

    Args:
        path: what is typed to call it.
        command: as the parser knows it.
        examples: command lines, each with what it does.
        width: columns that there are.
    """
    lines = textwrap.wrap(f"Usage: {usage(path, command)}", width, subsequent_indent=" " * 7)
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        lines += ["", *textwrap.wrap(" ".join(paragraph.split()), width)]
    arguments = [(name(one), one.help or "") for one in _arguments(command)]
    if arguments:
        lines += ["", "Arguments:", *_table(arguments, width)]
    lines += ["", "Options:", *_table([*map(_option, _options(command)), _HELP], width)]
    lines += ["", "Examples:", *_table(examples, width, gap=3)]
    return lines


def name(argument: Any) -> str:
    """An argument, as it is called where it is spoken of."""
    return str(argument.metavar or argument.name).upper()


def option_name(option: Any) -> str:
    """An option by its long name."""
    return str(max(option.opts, key=len))


def _arguments(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "argument"]


def _options(command: Any) -> list[Any]:
    return [one for one in command.params if one.param_type_name == "option"]


def _option(option: Any) -> tuple[str, str]:
    """Its names, the short one before the long one, and what it does."""
    short = [one for one in option.opts if not one.startswith("--")]
    names = f"{short[0]}, " if short else "    "
    value = f" {option.metavar}" if option.metavar else ""
    required = " Required." if option.required else ""
    return f"{names}{option_name(option)}{value}", f"{option.help}{required}"


def _table(rows: Iterable[tuple[str, str]], width: int, *, gap: int = 2) -> list[str]:
    """Two columns, or where there is no room for both, each row's second part below its first."""
    found = list(rows)
    first = max(len(left) for left, _ in found)
    room = width - 2 - first - gap
    lines: list[str] = []
    for left, right in found:
        if room >= 28:
            told = textwrap.wrap(right, room) or [""]
            lines.append(f"  {left:<{first}}{' ' * gap}{told[0]}".rstrip())
            lines += [" " * (2 + first + gap) + line for line in told[1:]]
        else:
            # A command line is only ever broken where there is a space.
            lines += textwrap.wrap(
                left,
                width,
                initial_indent="  ",
                subsequent_indent="      ",
                break_long_words=False,
                break_on_hyphens=False,
            )
            lines += textwrap.wrap(right, width, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return lines


_HELP = ("-h, --help", "Show this help.")
