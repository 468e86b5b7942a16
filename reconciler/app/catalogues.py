"""The provider packages of this installation and their kinds: read, and nothing run. Imports no part of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.config.structural import kind_problems
from reconciler.plugins.packages import Package, catalog, load_packages

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.model.catalog import Catalog


def installed(places: Places) -> tuple[list[Package], Catalog]:
    """All packages, and all that can be declared with them.

    Raises:
        ConfigError: a package is broken.
    """
    packages = load_packages([path for path in places.packages if path.is_dir()], check=kind_problems)
    return packages, catalog(packages, artifacts=places.artifacts)
