"""The scratch directory of this machine."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from froyo_provider.testing.memory import Node
from reconciler.conformance.scratch import ScratchWorld
from reconciler.conformance.worlds import CannotHave
from reconciler.targets.session import Session

_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}


class LocalWorld(ScratchWorld):
    """See the module.

    Args:
        session: with a runner on this machine.
        root: the directory, absolute, and nobody else's.
    """

    def __init__(self, session: Session, root: Path) -> None:
        super().__init__(session, str(root), chowns=not os.geteuid())

    async def _replace(self, nodes: dict[str, Node]) -> None:
        _clear(self._root)
        for name, node in nodes.items():
            self._make(os.path.join(self._root, name), node)

    async def _nodes(self) -> dict[str, Node]:
        found = {}
        for directory, directories, files in os.walk(self._root):
            for name in (*directories, *files):
                path = os.path.join(directory, name)
                found[path.removeprefix(f"{self._root}/")] = self._node(path)
        return found

    def _make(self, path: str, node: Node) -> None:
        try:
            if node.type == "directory":
                os.mkdir(path)
            elif node.type == "symlink":
                os.symlink(self.here(node.to), path)
            else:
                with open(path, "xb") as file:
                    file.write(node.content)
        except OSError as error:
            raise CannotHave(f"{self.there(path)} cannot be made: {error.strerror}") from error
        if self._chowns:
            os.chown(path, node.uid, node.gid, follow_symlinks=False)
        if node.type != "symlink":
            os.chmod(path, node.mode)

    def _node(self, path: str) -> Node:
        """What is at a path; what is our own counts as root's."""
        found = os.lstat(path)
        kind = _TYPES.get(stat.S_IFMT(found.st_mode), "other")
        return Node(
            kind,
            stat.S_IMODE(found.st_mode),
            found.st_uid if self._chowns else 0,
            found.st_gid if self._chowns else 0,
            Path(path).read_bytes() if kind == "file" else b"",
            self.there(os.readlink(path)) if kind == "symlink" else "",
        )


def _clear(root: str) -> None:
    for entry in os.scandir(root):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
