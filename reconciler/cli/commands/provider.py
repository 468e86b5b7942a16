"""`froyo provider`."""

from __future__ import annotations

import asyncio
import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reconciler.app.places import Places, places, source_root
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.conformance.verdicts import PropertyVerdict
    from reconciler.plugins.packages import Package

EXAMPLES = (
    ("froyo provider list", "what is installed, what it asks for and what it is granted"),
    ("froyo provider new my.marker", "a package in the directory my.marker, to begin with"),
    ("froyo provider validate my.marker", "whether it loads, and all that is wrong with it"),
    ("froyo provider test my.marker", "whether it keeps what the provider interface promises"),
    (
        "froyo provider test my.marker --target local",
        "the same with real files in a directory of this machine",
    ),
    ("froyo provider test linux.pkg --target web-9 --site lab/", "on a host that lab/ declares as a Target"),
    ("froyo provider test linux.file -o json", "the report of an installed package, as a document"),
)


class ProviderTask(StrEnum):
    """What is to be done."""

    LIST = "list"
    NEW = "new"
    VALIDATE = "validate"
    TEST = "test"


MEMORY = "memory"
LOCAL = "local"
"""Worlds that are no target of anybody's."""


def command(  # noqa: PLR0913 - its options
    action: Annotated[
        ProviderTask,
        typer.Argument(
            metavar="ACTION",
            help="list, new, validate or test.",
            parser=one_of("ACTION", ProviderTask, verb="is"),
        ),
    ],
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="A package: its directory, or the name of an installed one.")
    ] = "",
    *,
    target: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="WORLD",
            help="What `test` runs against: memory, local, or a target of --site, by its name.",
        ),
    ] = MEMORY,
    site: Annotated[
        str,
        typer.Option("--site", metavar="SITE", help="The directory of manifests that declares the target."),
    ] = "",
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """List provider packages, or write a new one, check one, or try whether one keeps what it promises.

    `test` runs a package in its sandbox, with each case of its directory `cases`, against files in memory and whatever
    else its cases/world.py is a model of; with `--target local` against the real runner, in a directory that is removed
    afterwards. With a target's name it is tried on that host, as the user that the target names: also with the cases of
    cases/host, whose scripts are run there, so let it be a host that nobody needs. Exits with 1 where something is
    wrong. Also called: froyo validate-provider DIR.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    where = places(os.environ, state=state)
    if action is ProviderTask.LIST:
        if directory:
            raise UsageError("`provider list` takes no directory: it lists what is installed")
        return _list(screen, where, output)
    if not directory:
        raise UsageError(f"DIR is missing: which package; it is: froyo provider {action} DIR")
    if action is ProviderTask.NEW:
        return _new(screen, directory, output)
    if action is ProviderTask.VALIDATE:
        return _validate(screen, where, directory, output)
    return _test(screen, where, directory, output, target, site)


def _list(screen: Terminal, where: Places, output: Format) -> int:
    from reconciler.app.catalogues import granted, installed, is_built_in
    from reconciler.cli.show import packages as shown

    packages, _ = installed(where)
    given = granted(where, packages).packages
    if output.is_document:
        items = [shown.package_document(one, given, built_in=is_built_in(where, one)) for one in packages]
        emit(screen, _document("ProviderList", items=items), output)
        return 0
    for one in packages:
        for line in shown.package_lines(
            screen, one, given, built_in=is_built_in(where, one), grants=where.grants
        ):
            screen.line(line)
    return 0


def _new(screen: Terminal, directory: str, output: Format) -> int:
    from reconciler.app.skeleton import write_skeleton

    path = Path(os.path.abspath(directory))
    files = write_skeleton(path)
    if output.is_document:
        emit(screen, _document("ProviderWritten", directory=str(path), files=files), output)
        return 0
    for name in files:
        screen.say(f"wrote {os.path.join(directory, name)}")
    screen.say(
        f"Next: froyo provider test {directory}; docs/guides/writing-a-provider.md leads on from there"
    )
    return 0


def _validate(screen: Terminal, where: Places, directory: str, output: Format) -> int:
    from reconciler.app.conforming import check, package_at

    package = package_at(directory, where)
    cases = asyncio.run(check(package, where, notice=screen.note))
    kinds = [kind.kind for kind in package.kinds]
    if output.is_document:
        emit(
            screen,
            _document("ProviderValidation", package=package.name, valid=True, kinds=kinds, cases=cases),
            output,
        )
        return 0
    told = f"{package.name} {package.version}: {', '.join(kinds)}; {cases} cases"
    screen.say(f"{screen.paint('good', 'valid:')} {told}")
    return 0


def _test(screen: Terminal, where: Places, directory: str, output: Format, target: str, site: str) -> int:
    from reconciler.app.conforming import package_at
    from reconciler.cli.show import packages as shown

    package = package_at(directory, where)
    verdicts, cases = asyncio.run(_tried(screen, where, package, target, site))
    if output.is_document:
        report = shown.report_document(package, verdicts, cases, target)
        emit(screen, _document("ConformanceReport", **report), output)
    else:
        for line in shown.verdict_lines(screen, verdicts):
            screen.line(line)
        screen.say(shown.summary(package, verdicts, cases))
    return 0 if all(verdict.held for verdict in verdicts) else 1


async def _tried(
    screen: Terminal, where: Places, package: Package, target: str, site: str
) -> tuple[list[PropertyVerdict], int]:
    from reconciler.app.conforming import conform, lent

    if target in (MEMORY, LOCAL):
        if site:
            raise UsageError(f"--site declares the target, and {target} is none; name it with --target")
        return await conform(package, where, notice=screen.note, local=target == LOCAL)
    if not site:
        hint = did_you_mean(target, (MEMORY, LOCAL))
        hint = hint or "where it is a target, --site has to name the directory that declares it"
        raise UsageError(f"--target {target}: is neither {MEMORY} nor {LOCAL}; {hint}")
    root = source_root(site, os.environ)
    async with lent(target, root, where, os.environ, screen.note) as host:
        return await conform(package, where, notice=screen.note, host=host)


def _document(kind: str, **fields: Any) -> dict[str, Any]:
    return envelope(kind, **fields)
