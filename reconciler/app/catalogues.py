"""The provider packages of this installation and their kinds: read, and nothing run. Imports no part of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reconciler.config.structural import kind_problems
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.packages import Package, catalog, load_packages, needs

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


def granted(places: Places, packages: Iterable[Package]) -> Grants:
    """What the packages are granted: the built-in ones what they need, and what the operator says on top or instead.

    Raises:
        ConfigError: what the operator says is not understood.
    """
    built_in = needs(package for package in packages if is_built_in(places, package))
    if not places.grants.exists():
        return built_in
    from reconciler.app.grants import read_grants

    return built_in.extended(read_grants(places.grants))


def is_built_in(places: Places, package: Package) -> bool:
    """Whether it comes with froyo."""
    return package.directory.parent == places.packages[0]
