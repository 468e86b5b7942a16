"""`froyo fmt`."""

from __future__ import annotations

import os

from reconciler.app.places import places
from reconciler.cli.here import from_here
from reconciler.cli.options import Check, Directory, NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.core.visible import one_line
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("froyo fmt site", "lay out the manifests, programs and policies of a source"),
    ("froyo fmt --check site", "only say what is laid out otherwise, and exit with 1 then: for CI"),
)


def command(
    directory: Directory = ".",
    *,
    check: Check = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Lay out the manifests, programs and policies of a source: YAML, CUE (as `cue fmt`) and Rego (as `opa fmt`).

    What they say stays the same. In YAML only white space changes: two spaces a level, lists below their key, one space
    behind a dash; comments, quotes, what is in brackets and the order of everything stay. Files that are bodies, JSON
    and Starlark stay as they are. Where something does not parse that is said, and nothing is written.
    """
    from reconciler.app.formatting import formatted

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    found = formatted(directory, places(os.environ, state=state), os.environ, check=check)
    if output.is_document:
        emit(screen, envelope("Formatted", **found), output)
    else:
        for path in found["others"]:
            screen.line(one_line(from_here(os.path.join(found["directory"], path))))
        for path, why in sorted(found["left"].items()):
            screen.note(f"{screen.paint('warn', 'left as it is:')} {one_line(path)}: {one_line(why)}")
        done = "would be written anew" if check else "written anew"
        screen.say(f"{count(len(found['others']), 'file')} {done}, of {found['files']}")
    return 1 if check and found["others"] else 0
