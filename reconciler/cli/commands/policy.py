"""`froyo policy`."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from reconciler.app.places import places, source_root
from reconciler.cli.failures import problem_lines
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose, one_of
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.core.visible import one_line
from reconciler.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from reconciler.api.client import Document
    from reconciler.cli.terminal import Terminal

EXAMPLES = (
    ("froyo policy starter site/policies", "begin with a set of policies, and their tests"),
    ("froyo policy test site", "run the tests of the policies in site/policies, and replay recorded plans"),
    ("froyo policy check site", "see whether they compile, and what they decide about"),
    ("froyo policy fmt site", "write them as they are usually written"),
    ("froyo policy test /srv/rules -o json", "the results as a document"),
)


class PolicyTask(StrEnum):
    """What is to be done."""

    TEST = "test"
    CHECK = "check"
    FMT = "fmt"
    STARTER = "starter"


def command(
    action: Annotated[
        PolicyTask,
        typer.Argument(
            metavar="ACTION",
            help="test, check, fmt, or starter.",
            parser=one_of("ACTION", PolicyTask, verb="is"),
        ),
    ],
    directory: Annotated[
        str,
        typer.Argument(
            metavar="DIRECTORY", help="A source with a directory policies, or policies themselves."
        ),
    ] = ".",
    *,
    run: Annotated[
        str,
        typer.Option("--run", metavar="REGEX", help="Of test: only tests whose names have this in them."),
    ] = "",
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Try, check and write policies: rules in Rego that say what may be put in force, and what may be done.

    test runs every rule of *_test.rego whose name begins with test_, and asks again what is in recorded plans: files
    whose names end in .plan.json, as `froyo plan -o json` prints them. Exits with 1 where something has failed.
    """
    from reconciler.app.trying_policies import checked, formatted, starter, tested, wanted

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if action is PolicyTask.STARTER:
        if directory == ".":
            raise UsageError("name the directory that the policies go to: froyo policy starter site/policies")
        names = starter(directory)
        screen.say(
            f"wrote {count(len(names), 'file')} to {directory}; try them: froyo policy test {directory}"
        )
        return 0
    where = places(os.environ, state=state)
    try:
        files = wanted(source_root(directory, os.environ))
        if action is PolicyTask.CHECK:
            document = checked(files, where, os.environ)
        elif action is PolicyTask.FMT:
            document = formatted(files, where)
        else:
            document = tested(files, where, os.environ, run=run)
    except ConfigError as error:
        for line in problem_lines(screen, error.problems):
            screen.line(line)
        return 1
    if output.is_document:
        emit(screen, document, output)
    else:
        _say(screen, document)
    return 1 if document.get("failed") else 0


def _say(screen: Terminal, document: Document) -> None:
    if document["kind"] == "PolicyFormat":
        for path in document["written"]:
            screen.line(one_line(path))
        screen.say(f"{count(len(document['written']), 'file')} written anew, of {document['modules']}")
        return
    if document["kind"] == "PolicyCheck":
        stages = " and ".join(document["stages"]) or "nothing"
        rules, tests = count(document["modules"], "file"), count(document["tests"], "file")
        bundles = f", {count(document['bundles'], 'bundle')}" if document["bundles"] else ""
        valid = screen.paint("good", "valid:")
        screen.say(f"{valid} {rules} of rules, {tests} of tests{bundles}; they decide about {stages}")
        return
    for one in document["results"]:
        if one["outcome"] == "passed" and not screen.verbose:
            continue
        good = one["outcome"] in {"passed", "skipped"}
        sign = screen.paint("good" if good else "bad", "✔" if good else "✘")
        place = f"   {screen.paint('dim', one_line(one['place']))}" if one.get("place") else ""
        screen.line(f"{sign} {one_line(one['name'])}{place}")
        for why in one.get("why", ()):
            screen.line(f"    {one_line(why)}")
    passed = sum(one["outcome"] == "passed" for one in document["results"])
    failed = f", {screen.paint('bad', str(document['failed']) + ' failed')}" if document["failed"] else ""
    screen.say(f"{count(passed, 'test')} passed{failed}")
