"""What the operator grants to provider packages, as `grants.json` says it.

Invariant: a file that is not understood in full grants nothing to anybody; the command ends and says what is wrong.
What a capability means is not known here. Importing this imports pydantic: import it when there is such a file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import RootModel

from reconciler.api.shapes import held_to
from reconciler.errors import UsageError
from reconciler.plugins.capabilities import Grants


class GrantsFile(RootModel[dict[str, list[dict[str, Any]]]]):
    """The file: capabilities by package; what makes one is for `Grants.parse`."""


def read_grants(path: Path) -> Grants:
    """What the file grants.

    Raises:
        UsageError: it is not as it should be.
    """
    try:
        document = json.loads(path.read_bytes())
        return Grants.parse(held_to(GrantsFile, document).root)
    except OSError as error:
        raise UsageError(f"{path}: the grants cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path}: {error}; it maps the name of each package to a list of capabilities, as its manifest has them"
        ) from error
