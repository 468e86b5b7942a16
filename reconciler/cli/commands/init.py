"""`froyo init`."""

from __future__ import annotations

import getpass
import os
from typing import Annotated

import typer

from reconciler.app.places import places
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.terminal import terminal
from reconciler.core.visible import visible
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope

EXAMPLES = (
    ("froyo init", "in this directory: this machine, and another one to fill in"),
    ("froyo init --solo site", "in the directory site: for this machine alone"),
    ("froyo init site -o json", "and what was written as a document, for a program"),
)

_IGNORE = """\
# What is no part of the declared state, in the syntax of .gitignore.
# Hidden directories and what editors leave behind are left out anyway.
README*
*.md
"""

_SOLO = """\
# The machine that froyo runs on, kept as declared over a pipe. `become: sudo` would make it root there.
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata:
  name: here
  labels: {role: workstation}
spec:
  local: {}
"""

_OTHERS = """---
# Another machine, over SSH. Take the marks away, and fill in how it is reached.
# apiVersion: froyo.dev/v1alpha1
# kind: Target
# metadata:
#   name: web-1
#   labels: {role: web}
# spec:
#   ssh:
#     host: 192.0.2.10
#     user: ops
#     become: sudo              # root through sudo, without a password
#     # identityFile, port, knownHosts, proxyJump: as in ssh_config
"""

_HELLO = """\
# A directory and a file in it, in a place where they harm nobody. Change them here or there, and see:
#   froyo plan       what would be changed
#   froyo apply      put it right, once
#   froyo up         keep it so
apiVersion: linux.froyo.dev/v1alpha1
kind: Directory
metadata:
  name: hello
spec:
  {selection}
  path: {place}
  mode: "0755"
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata:
  name: hello
spec:
  {selection}
  path: {place}/hello.txt
  mode: "0644"
  content: |
    Kept as declared by froyo.
"""


def command(
    directory: Annotated[str, typer.Argument(metavar="DIR", help="Where to; made when it is missing.")] = ".",
    *,
    solo: Annotated[bool, typer.Option("--solo", help="For this machine alone.")] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Write a small directory of manifests to begin with. Writes nothing if one of its files is there already."""
    from reconciler.app.catalogues import installed
    from reconciler.cli.commands.schema import SCHEMAS
    from reconciler.config.describing import every_kind
    from reconciler.config.editor_schemas import ALL, modeline, schema_files

    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    place = f"/tmp/froyo-{getpass.getuser()}"  # noqa: S108 - it is meant to be harmless, not to be secret
    selection = "target: here" if solo else "targets: {matchLabels: {role: workstation}}   # or: target: here"
    files = {
        "targets.yaml": _SOLO if solo else _SOLO + _OTHERS,
        "hello.yaml": _HELLO.format(place=place, selection=selection),
        ".froyoignore": _IGNORE,
    }
    packages = places(os.environ, state=state)
    begins = modeline(f"{SCHEMAS}/{ALL}")
    files = {name: begins + text if name.endswith(".yaml") else text for name, text in files.items()}
    files[f"{SCHEMAS}/{ALL}"] = schema_files(every_kind(installed(packages)[1]))[ALL]
    there = sorted(name for name in files if os.path.lexists(os.path.join(directory, name)))
    if there:
        raise UsageError(f"{os.path.join(directory, there[0])} is there already; nothing was written")
    os.makedirs(os.path.join(directory, SCHEMAS), exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(directory, name), "x", encoding="utf-8") as file:
            file.write(text)
    if output.is_document:
        made = {"directory": os.path.realpath(directory), "files": list(files)}
        emit(screen, envelope("Initialized", **made), output)
        return 0
    for name in files:
        screen.say(f"wrote {visible(os.path.join(directory, name))}")
    where = "" if directory == "." else f" {visible(directory)}"
    screen.say(f"Next: froyo plan{where}, then froyo apply{where}, or keep it so with froyo up{where}")
    return 0
