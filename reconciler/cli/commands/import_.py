"""`froyo import`."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.app.places import places, source_root
from reconciler.app.systems import write_whole
from reconciler.cli.options import Into, NoColor, OneTarget, Output, Quiet, State, Timeout, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.show.manifests import manifest_text
from reconciler.cli.terminal import Terminal, terminal
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.model.source import DirectoryPlace

if TYPE_CHECKING:
    from reconciler.app.importing import Imported

EXAMPLES = (
    ("froyo import web-1 site/", "print manifests of what is on web-1, which site/ declares as a Target"),
    ("froyo import web-1 site/ --into site/web-1.yaml", "the same into a file; then: froyo plan site/"),
    ("froyo import web-1 site/ --kind User --kind Group", "of some kinds only"),
)


def command(  # noqa: PLR0913 - its options
    target: OneTarget,
    directory: Annotated[
        str, typer.Argument(metavar="DIR", help="Where it is declared; the working directory unless named.")
    ] = ".",
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help="Of this kind only; may be given more than once."),
    ] = None,
    into: Into = None,
    timeout: Timeout = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write manifests of what is on a target already. Changes nothing there.

    What is declared in DIR already is left out, and so is what every such machine has anyway. Applied as they are,
    these manifests adopt what is there without changing it. Secrets are never written, which a comment says. Exits
    with 1 when something could not be looked at.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if into is not None and into.exists():
        raise UsageError(f"{into} is there already, and what is in it is not replaced; name another file")
    root = source_root(directory, os.environ)
    found = asyncio.run(_found(screen, root, target, kind or [], state, timeout))
    manifests = [manifest for manifest, _ in found.manifests]
    if output.is_document:
        emit(screen, {"apiVersion": "v1", "kind": "List", "items": manifests}, output)
    elif into is not None:
        text = _for_editors(root, into) + manifest_text(found.manifests, target)
        write_whole(str(into), text, what="what was found", mode=0o666)
    elif manifests:
        screen.out.write(manifest_text(found.manifests, target))
    _tell(screen, found, into)
    return 1 if found.failed else 0


def _for_editors(root: Path, into: Path) -> str:
    """The line by which an editor finds the schemas, where `froyo schema export` has written them."""
    from reconciler.cli.commands.schema import SCHEMAS
    from reconciler.config.editor_schemas import ALL, modeline

    schema = root / SCHEMAS / ALL
    return modeline(os.path.relpath(schema, into.absolute().parent)) if schema.exists() else ""


async def _found(
    screen: Terminal, root: Path, target: str, kinds: list[str], state: str | None, timeout: str | None
) -> Imported:
    from reconciler.app.assembly import assemble
    from reconciler.app.evaluating import evaluate
    from reconciler.app.importing import imported
    from reconciler.cli.deadline import deadline

    where = places(os.environ, state=state, sources=[root])
    async with (
        deadline(timeout, "the import"),
        assemble(where, os.environ, lease=False, notice=screen.note) as parts,
    ):
        return await imported(parts, await evaluate(parts, DirectoryPlace(str(root))), target, kinds)


def _tell(screen: Terminal, found: Imported, into: Path | None) -> None:
    """What became of it, beside what was asked for."""
    for what, why in found.failed.items():
        screen.note(f"{one_line(what)}: {one_line(why)}")
    if screen.quiet:
        return
    parts = [count(len(found.manifests), "manifest") + (f" in {into}" if into is not None else "")]
    if found.declared:
        parts.append(f"{count(found.declared, 'resource')} left out: declared already")
    if found.silent:
        parts.append(f"not looked for: {', '.join(found.silent)}, whose providers cannot say what there is")
    screen.note("; ".join(parts))
