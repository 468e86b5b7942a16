"""The manifests, programs and policies of a directory as they are usually written.

What a file says stays the same; how it is laid out is left to those who made the language. What does not parse is
said, and nothing is written then.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reconciler.app.laying_out import laid_out
from reconciler.app.systems import rewrite
from reconciler.app.watching import take
from reconciler.config.compiler import CompilerError, compiler, problem_of
from reconciler.documents.text import FileText, decode
from reconciler.errors import ConfigError, Problem, UsageError
from reconciler.model.source import DirectoryPlace

if TYPE_CHECKING:
    from reconciler.app.places import Places

OPERATIONS = {".cue": "cue.format", ".rego": "rego.format"}
"""Which endings are written by what of the compiler."""
_MADE = "cue.mod/gen/"


def formatted(directory: str, places: Places, environ: Mapping[str, str], *, check: bool) -> dict[str, Any]:
    """Write what is laid out in another way, or only say so.

    Args:
        directory: the root of a source.
        places: where things are kept.
        environ: the process's environment.
        check: write nothing.

    Raises:
        ConfigError: something does not parse.
        UsageError: something cannot be read or written, or there is no compiler.
    """
    snapshot = take(DirectoryPlace(directory), places, environ)
    files: dict[str, FileText] = {}
    problems: list[Problem] = []
    for path, file in snapshot.files.items():
        if os.path.splitext(path)[1] in OPERATIONS and _MADE not in path:
            text = decode(path, file.read())
            if isinstance(text, Problem):
                problems.append(text)
            else:
                files[path] = text
    wanted: dict[str, str] = {}
    for ending, operation in OPERATIONS.items():
        those = {path: text for path, text in files.items() if path.endswith(ending)}
        if those:
            answer = _asked(operation, those)
            wanted |= answer["files"]
            problems += [problem_of(one, those) for one in answer["problems"]]
    manifests = laid_out(snapshot, places, environ)
    problems += manifests.problems
    if problems:
        raise ConfigError([problem.within(snapshot.root) for problem in problems])
    others = [path for path, text in wanted.items() if text != files[path].text]
    others = sorted([*others, *manifests.others])
    wanted |= manifests.wanted
    for path in [] if check else others:
        full = os.path.join(snapshot.root, path)
        rewrite(full, wanted[path], was=snapshot.files[path].read(), what="the file")
    looked = len(files) + len(manifests.wanted) + len(manifests.left)
    return {
        "directory": snapshot.root,
        "files": looked,
        "written": not check,
        "others": others,
        "left": manifests.left,
    }


def _asked(operation: str, files: Mapping[str, FileText]) -> Any:
    try:
        return compiler().ask(operation, {"files": {path: text.text for path, text in files.items()}})
    except CompilerError as error:
        raise UsageError(str(error)) from error
