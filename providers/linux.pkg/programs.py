"""The programs of the package manager, and what they said.

Each runs on the target by itself (`exec.run`), so that nothing which befalls the session cuts one in half.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from manager import Manager

Json: TypeAlias = "dict[str, Any]"

OUTPUT = 1 << 18
"""Bytes of each stream that are kept on the way; what matters is at the end."""
LINES = 20
"""Lines that are told."""
CHARACTERS = 2000


def name_of(*what: str) -> str:
    """Of an operation on the target."""
    return hashlib.sha256(json.dumps(what).encode()).hexdigest()[:32]


ALONE = name_of("dpkg")


class Programs:
    """What the programs of a transaction said, and how the first one failed that did."""

    def __init__(self, manager: Manager) -> None:
        self.manager = manager
        self.said: list[str] = []
        self.failed = ""
        self.complaint: list[str] = []
        self.errors: list[str] = []

    async def __call__(self, *argv: str) -> None:
        """Run one to its end. Whether it is needed again is seen from what it left: an earlier result says nothing."""
        reply = await call(
            "exec.run",
            id=name_of(*argv),
            alone=ALONE,
            anew=True,
            argv=list(argv),
            env={**self.manager.environment, "LC_ALL": "C.UTF-8"},
            max_output=OUTPUT,
        )
        said, errors = (self.lines_of(reply[stream]) for stream in ("stdout", "stderr"))
        self.said += [*said, *errors]
        if reply["exit"] != 0 and not self.failed:
            how = reply["signal"] or f"exit status {reply['exit']}"
            self.failed = f"{argv[0]} failed ({how})"
            self.complaint, self.errors = said, errors

    def about(self, names: Iterable[str]) -> list[str]:
        """The lines that are about some packages."""
        return self.lines_about(self.said, names)

    def complaint_about(self, names: Iterable[str]) -> list[str]:
        """The lines of what failed that are about some packages, and all that went to standard error."""
        return [*self.lines_about(self.complaint, names), *self.errors]

    def lines_about(self, lines: Iterable[str], names: Iterable[str]) -> list[str]:
        """The lines that name some packages, and what follows where one is unpacked, set up or removed."""
        bare = "|".join(re.escape(name.partition(":")[0]) for name in names)
        pattern = re.compile(rf"(?<![\w.+-])({bare})(?![\w+]|-(?!\d))")
        kept, within = [], False
        for line in lines:
            known = pattern.search(line) is not None
            if self.manager.headings.match(line):
                within = known
            if known or within:
                kept.append(line)
        return kept

    def lines_of(self, stream: str) -> list[str]:
        """What was said that says something."""
        text = base64.b64decode(stream).decode(errors="replace")
        return [
            line.rstrip() for line in text.splitlines() if line.strip() and not self.manager.noise.match(line)
        ]


def end_of(lines: list[str]) -> str:
    """The last lines."""
    return "\n".join(lines[-LINES:])[-CHARACTERS:]


def held_by(holder: Json) -> str:
    """Who it is that is waited for."""
    who = (
        f"{holder['command']} (process {holder['pid']})" if "pid" in holder else "a process that is not seen"
    )
    return f"{who} is at work with packages, and holds {holder['lock']}; it is waited for"
