"""How much of the past the operator wants kept, as `retention.json` in the state directory says it.

Invariant: what is not said there keeps its default; a file that is not understood in full ends the command, which says
all that is wrong: nothing is dropped on a guess.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import ConfigError, Problem
from reconciler.store.records import Retention

DAY = 86_400

FIELDS = {
    "events": ("events", 1),
    "eventDays": ("event_age", DAY),
    "runs": ("runs", 1),
    "runDays": ("run_age", DAY),
    "units": ("units", 1),
    "snapshots": ("snapshots", 1),
    "blobBytes": ("blob_bytes", 1),
}
"""What each field of the file bounds, and in which unit."""


def retention(path: Path) -> Retention:
    """What the file asks for; what is usual where there is no such file.

    Raises:
        ConfigError: with everything that is wrong.
    """
    if not path.exists():
        return Retention()
    from reconciler.documents.reader import Reader  # its import takes a while, and few have such a file

    problems: list[Problem] = []
    reader = Reader(str(path), problems)
    said = reader.mapping(reader.document(path.read_bytes), optional=tuple(FIELDS))
    wanted = {FIELDS[name][0]: reader.count(node) * FIELDS[name][1] for name, node in said.items()}
    if problems:
        raise ConfigError(problems)
    return Retention(**wanted)
