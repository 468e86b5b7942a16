"""What the operator grants to provider packages, as `grants.json` says it.

Invariant: a file that is not understood in full grants nothing to anybody; the command ends and says all that is wrong.
What a capability means is not known here. Importing this imports the reader: import it when there is such a file.
"""

from __future__ import annotations

from pathlib import Path

from reconciler.documents.reader import Reader
from reconciler.errors import ConfigError, Problem
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.manifest import read_capabilities


def read_grants(path: Path) -> Grants:
    """What the file grants.

    Raises:
        ConfigError: with everything that is wrong.
    """
    problems: list[Problem] = []
    reader = Reader(str(path), problems)
    root = reader.document(path.read_bytes)
    grants = {
        package: read_capabilities(reader, capabilities)
        for package, capabilities in reader.entries(
            root, "the names of packages to lists of capabilities, each as a package's manifest has them"
        ).items()
    }
    if problems:
        raise ConfigError(problems)
    return Grants(grants)
