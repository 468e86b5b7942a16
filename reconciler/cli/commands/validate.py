"""`froyo validate`."""

from __future__ import annotations

import os
from dataclasses import asdict

from reconciler.app.places import places
from reconciler.cli.failures import problem_lines
from reconciler.cli.here import from_here
from reconciler.cli.options import (
    Directory,
    Git,
    GitPath,
    GitRef,
    GitWith,
    NoColor,
    Output,
    Quiet,
    Settings,
    State,
    Verbose,
)
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.sourcing import shown, sourced
from reconciler.cli.terminal import terminal
from reconciler.core.visible import one_line
from reconciler.errors import ConfigError
from reconciler.model.envelope import envelope
from reconciler.model.source import with_settings

EXAMPLES = (
    ("froyo validate", "the manifests in this directory"),
    ("froyo validate site -o json", "the problems as a document, for an editor or a pipeline"),
)


def command(  # noqa: PLR0913 - its options
    directory: Directory = ".",
    *,
    git: Git = None,
    ref: GitRef = None,
    path: GitPath = None,
    git_with: GitWith = None,
    settings: Settings = None,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Check manifests, and say everything that is wrong with them, each with its place and what to do about it.

    Reaches no target: facts that decide what is declared are those that are known already.
    """
    from reconciler.app.policies import Admission
    from reconciler.app.watching import take
    from reconciler.cli.knowing_facts import declared

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    where = places(os.environ, state=state)
    source = sourced(directory, git=git, ref=ref, path=path, git_with=git_with or [], settings=settings or [])
    root = shown(source)
    snapshot = with_settings(take(source.place, where, os.environ), source.settings)
    document = envelope("Validation", directory=root)
    try:
        desired = Admission(where, os.environ).admitted(snapshot, declared(where, snapshot))
    except ConfigError as error:
        if output.is_document:
            problems = [asdict(problem) for problem in error.problems]
            emit(screen, {**document, "valid": False, "problems": problems}, output)
        else:
            for line in problem_lines(screen, error.within(source.place.root).problems):
                screen.line(line)
        return 1
    found = {"targets": len(desired.targets), "instances": len(desired.instances)}
    if output.is_document:
        warnings = {"warnings": list(desired.warnings), "leftOut": dict(snapshot.left_out)}
        emit(screen, {**document, "valid": True, "problems": [], **found, **warnings}, output)
        return 0
    for warning in desired.warnings:
        screen.line(f"{screen.paint('warn', 'warning:')} {one_line(from_here(warning))}")
    for file, why in snapshot.left_out.items():
        screen.say(f"{screen.paint('warn', 'left out:')} {one_line(file)}: {one_line(why)}")
    counts = f"{count(found['instances'], 'instance')} on {count(found['targets'], 'target')}"
    if desired.waiting:
        counts += f", without those of {count(len(desired.waiting), 'target')} whose facts are not known"
    screen.say(f"{screen.paint('good', 'valid:')} {counts}, revision {desired.revision}")
    return 0
