"""What the operator grants to provider packages, as `grants.json` says it.

Invariant: a file that is not understood in full grants nothing to anybody; the command ends and says what is wrong.
What a capability means is not known here. Importing this imports pydantic: import it when there is such a file.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, RootModel

from reconciler.api.shapes import Shape, held_to
from reconciler.errors import UsageError
from reconciler.plugins.capabilities import Grants


class CapabilityShape(Shape):
    """One capability."""

    call: str
    paths: list[str] = Field(default_factory=list)
    argv: list[list[str]] = Field(default_factory=list)


class GrantsFile(RootModel[dict[str, list[CapabilityShape]]]):
    """The file: capabilities by package."""


def read_grants(path: Path) -> Grants:
    """What the file grants.

    Raises:
        UsageError: it is not as it should be.
    """
    try:
        document = json.loads(path.read_bytes())
        granted = held_to(GrantsFile, document).root
        return Grants.parse({name: [one.model_dump() for one in found] for name, found in granted.items()})
    except OSError as error:
        raise UsageError(f"{path}: the grants cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: {error}; it maps the name of each package to a list of capabilities, as its manifest has them"
        ) from error
