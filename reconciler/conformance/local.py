"""Real files in a directory of this machine, and the real runner, in the place of files in memory.

To a package the directory is /srv: paths are put into it on the way to the runner, and out of it on the way back.
Invariant: nothing outside of the directory is written, and no program is run.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

from froyo_provider.testing.memory import Node, digest_of
from reconciler.conformance.cases import FILES, World
from reconciler.conformance.worlds import CannotHave
from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Failure, Ok, Reply
from reconciler.model.names import Digest
from reconciler.plugins.calls import CALLS
from reconciler.targets.session import Session

SRV = "/srv"
_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}


class LocalWorld:
    """See the module.

    Args:
        session: with a runner on this machine.
        root: the directory, absolute, and nobody else's.
    """

    def __init__(self, session: Session, root: Path) -> None:
        self._session = session
        self._root = str(root)
        self._bodies: dict[str, bytes] = {digest_of(b""): b""}

    def add_body(self, content: bytes) -> None:
        """See LivingWorld."""
        self._bodies[digest_of(content)] = content

    async def restore(self, world: World) -> None:
        """See LivingWorld."""
        sections = sorted(set(world) - {FILES})
        if any(world[section] for section in sections):
            raise CannotHave(f"it has {sections[0]}, and here there are only files")
        nodes = {path: Node.parse(value) for path, value in world.get(FILES, {}).items()}
        for path, node in nodes.items():
            _must_be_possible(path, node)
        _clear(self._root)
        for path in sorted(nodes, key=lambda path: path.count("/")):
            _make(self._here(path), nodes[path], self._here)

    def snapshot(self) -> World:
        """See LivingWorld."""
        found = {}
        for directory, directories, files in os.walk(self._root):
            for name in (*directories, *files):
                path = os.path.join(directory, name)
                found[self._there(path)] = _node(path, self._there).to_json()
        return {FILES: found}

    async def replies(self, calls: list[Call]) -> list[Reply]:
        """See LivingWorld."""
        for call in calls:
            if call.name not in CALLS or "validate" in call.args:
                raise CannotHave(f"it makes the call {call.name}, which is tried in memory only")
        return [await self._reply(call) for call in calls]

    async def _reply(self, call: Call) -> Reply:
        args = {
            name: self._here(value) if name in ("path", "to") else value for name, value in call.args.items()
        }
        if not args["path"].startswith(f"{self._root}/"):
            raise CannotHave(f"{call.name} is about {call.args['path']}, which is not below {SRV}")
        if (digest := args.get("blob")) in self._bodies:
            content = self._bodies[digest]
            await self._session.send_blob(Blob(Digest(digest), len(content), lambda: content))
        [reply] = await self._session.command(call.name, [args])
        if isinstance(reply, Failure):
            return Failure(reply.error_class, reply.code, self._there(reply.message), reply.retry_after_ms)
        return Ok(json.loads(self._there(json.dumps(reply.value))))

    def _here(self, path: str) -> str:
        return self._root + path.removeprefix(SRV) if path == SRV or path.startswith(f"{SRV}/") else path

    def _there(self, text: str) -> str:
        return text.replace(self._root, SRV)


def _must_be_possible(path: str, node: Node) -> None:
    """See that a file can be made.

    Raises:
        CannotHave: it cannot.
    """
    if not path.startswith(f"{SRV}/"):
        raise CannotHave(f"{path} is not below {SRV}")
    if node.mountpoint or node.immutable or node.type not in _TYPES.values():
        raise CannotHave(f"{path} cannot be such a thing here")
    if os.geteuid() and (node.uid or node.gid):
        raise CannotHave(f"{path} belongs to somebody else, and only root can give it away")


def _clear(root: str) -> None:
    for entry in os.scandir(root):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _make(path: str, node: Node, here: Callable[[str], str]) -> None:
    try:
        if node.type == "directory":
            os.mkdir(path)
        elif node.type == "symlink":
            os.symlink(here(node.to), path)
        else:
            with open(path, "xb") as file:
                file.write(node.content)
    except OSError as error:
        raise CannotHave(f"{path} cannot be made: {error.strerror}") from error
    if not os.geteuid():
        os.chown(path, node.uid, node.gid, follow_symlinks=False)
    if node.type != "symlink":
        os.chmod(path, node.mode)


def _node(path: str, there: Callable[[str], str]) -> Node:
    """What is at a path; what is our own counts as root's."""
    found = os.lstat(path)
    kind = _TYPES.get(stat.S_IFMT(found.st_mode), "other")
    root = not os.geteuid()
    return Node(
        kind,
        stat.S_IMODE(found.st_mode),
        found.st_uid if root else 0,
        found.st_gid if root else 0,
        Path(path).read_bytes() if kind == "file" else b"",
        there(os.readlink(path)) if kind == "symlink" else "",
    )
