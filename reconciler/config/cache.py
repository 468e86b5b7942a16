"""What earlier loads have found out about files that have not changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from reconciler.config.declared import FileDeclarations
    from reconciler.config.schemas import Kinds
    from reconciler.config.targets import ControllerPaths
    from reconciler.model.catalog import Catalog
    from reconciler.model.names import Digest


class ParseCache:
    """Keeps, by path and digest, what each file declares; and the catalog's schemas, compiled.

    Give the same one to every load of a source. It holds what the last load needed and no more. A new
    catalog, or other directories of the controller, empty it.
    """

    __slots__ = ("_basis", "_files", "kinds")

    def __init__(self) -> None:
        self._basis: tuple[str, ControllerPaths] | None = None
        self._files: dict[str, tuple[Digest, FileDeclarations]] = {}
        self.kinds: Kinds | None = None

    def prepare(self, catalog: Catalog, controller: ControllerPaths) -> Kinds:
        """The kinds of `catalog`, compiled; forget whatever was found out with another one."""
        basis = (catalog.digest, controller)
        if self.kinds is None or self._basis != basis:
            from reconciler.config.schemas import Kinds

            self._basis = basis
            self._files.clear()
            self.kinds = Kinds(catalog)
        return self.kinds

    def get(self, path: str, digest: Digest) -> FileDeclarations | None:
        """What the file declares, if it is known."""
        known = self._files.get(path)
        return known[1] if known is not None and known[0] == digest else None

    def put(self, path: str, digest: Digest, declared: FileDeclarations) -> None:
        """Remember what a file declares."""
        self._files[path] = (digest, declared)

    def keep_only(self, paths: Collection[str]) -> None:
        """Forget the files that are not among `paths`."""
        for path in self._files.keys() - set(paths):
            del self._files[path]
