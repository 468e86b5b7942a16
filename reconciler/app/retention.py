"""How much of the past the operator wants kept, as `retention.json` in the state directory says it.

Invariant: what is not said there keeps its default; a file that is not understood in full ends the command, which says
what is wrong: nothing is dropped on a guess.
"""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.errors import UsageError
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
        UsageError: it is not as it should be.
    """
    try:
        return _parsed(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Retention()
    except OSError as error:
        raise UsageError(f"{path}: it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: {error}; there is: {', '.join(FIELDS)}") from error


def _parsed(document: object) -> Retention:
    if not isinstance(document, dict):
        raise ValueError("it has to be an object")  # noqa: TRY004 - it is a value that was read
    for name, value in document.items():
        if name not in FIELDS:
            raise ValueError(f"there is no field {name!r}")
        if type(value) is not int or value < 1:
            raise ValueError(f"{name} has to be a whole number above 0")
    return Retention(**{FIELDS[name][0]: value * FIELDS[name][1] for name, value in document.items()})
