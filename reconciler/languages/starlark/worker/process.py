"""What is said to this process, and what it says: a line of JSON each.

It is told the files, the programs and the helpers, says which parts of their surroundings the programs ask for, is told
those, and evaluates the programs one after the other. Before each it says which one: who is killed then was that one.
Before it is told anything it has given up files, the network and other programs.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
from collections.abc import Mapping
from typing import Any, TextIO

FILES = 64
"""Descriptors that may be open: the modules of ours are files."""


def main(memory: int, seconds: int) -> None:
    """Serve one source.

    Args:
        memory: bytes that may be taken.
        seconds: of the processor that a program may take.
    """
    _limit(resource.RLIMIT_DATA, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, FILES)
    _limit(resource.RLIMIT_CPU, seconds + 1)
    gc.disable()  # it lives for a second, and what it makes is what it is asked for
    _import_what_is_imported_late()
    from reconciler.languages.starlark.worker.confining import confine

    try:
        confine()
    except OSError as error:
        sys.stderr.write(f"it cannot give up files and network: {error}")
        raise SystemExit(3) from None
    try:
        _serve(sys.stdin, sys.stdout, seconds)
    except MemoryError:
        sys.stderr.write("out of memory")
        raise SystemExit(2) from None


def _import_what_is_imported_late() -> None:
    """No file is there afterwards: what evaluates, and what Python and we import only where something is wrong."""
    import difflib
    import traceback
    import unicodedata

    import reconciler.languages.starlark.worker.session

    # Names that are not of ASCII, names that are misspelt, and our own mistakes.
    _ = unicodedata, difflib, traceback, reconciler.languages.starlark.worker.session


def _serve(heard: TextIO, said: TextIO, seconds: int) -> None:
    from reconciler.languages.starlark.worker.functions import struct
    from reconciler.languages.starlark.worker.session import StarlarkSession, as_sent

    def say(word: Mapping[str, Any]) -> None:
        said.write(json.dumps(word, separators=(",", ":")) + "\n")
        said.flush()

    task = json.loads(heard.readline())
    session = StarlarkSession(task["files"], task["helpers"], frozenset(task["sections"]))
    asked = {}
    for program in task["programs"]:
        say({"begin": program})
        asked[program] = session.asks(program)
    session.write(task["programs"])
    say({"asks": {program: sorted(parts) for program, parts in asked.items()}})
    parts = json.loads(heard.readline())
    context = _context(parts, struct)
    say({"sites": [[path, *site.place, _arguments(site)] for path, site in session.sites]})
    for program in task["programs"]:
        _limit(resource.RLIMIT_CPU, int(_used()) + 1 + seconds)
        say({"begin": program})
        outcome = session.run(program, context)
        say({"done": as_sent(outcome)})


def _arguments(site: Any) -> list[list[Any]]:
    """Where the arguments of a call stand: name, path within it, line and column, and those of the name."""
    return [
        [name, list(path), *place, *site.keys[name]]
        for name, found in site.arguments.items()
        for path, place in found.items()
    ]


def _context(parts: Mapping[str, Any], struct: Any) -> Any:
    """`ctx`, as programs see it."""
    facts = {name.partition(".")[2]: part for name, part in parts.items() if name.startswith("facts.")}
    targets = []
    for one in parts.get("targets", ()):
        known = {section: found.get(one["key"]) for section, found in facts.items()}
        whole = known and all(section is not None for section in known.values())
        targets.append(
            struct(
                name=one["name"],
                namespace=one["namespace"],
                labels=one["labels"],
                facts=known if whole else None,
                vars=parts.get("vars", {}).get(one["key"], {}),
            )
        )
    return struct(
        targets=targets,
        settings=parts.get("settings", {}),
        revision=parts.get("revision", ""),
        source=parts.get("source", ""),
    )


def _used() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _limit(what: int, much: int) -> None:
    """Lower a limit, or raise it as far as it may be."""
    _, hard = resource.getrlimit(what)
    most = much if hard == resource.RLIM_INFINITY else min(much, hard)
    # What a program may take of the processor is counted from where it begins, so that limit has to be raised again.
    resource.setrlimit(what, (most, hard if what == resource.RLIMIT_CPU else most))
