"""The worlds of the cases as real files, and a provider's calls as the real runner performs them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import struct
import subprocess
from pathlib import Path

from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Reply
from reconciler.model.names import Digest
from reconciler.targets.session import Session
from tests.contract.linux_file.memory import Node, body
from tests.contract.linux_file.table import WRITING, Json

_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10
_TYPES = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "symlink"}


class CannotHave(Exception):
    """This machine does not let such a world be made; says why."""


class Disk:
    """A directory that stands for /srv, with what was mounted and made immutable in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._undo = contextlib.ExitStack()

    def moved(self, case: Json) -> Json:
        """The case, with this directory in the place of /srv."""
        text = json.dumps(case)
        moved: Json = json.loads(text.replace("/srv", str(self.root)))
        return moved

    def make(self, nodes: dict[str, Node]) -> None:
        for path, node in nodes.items():
            self._make(path, node)
        for path, node in nodes.items():
            if node.immutable:
                _set_immutable(path, wanted=True)
                self._undo.callback(_set_immutable, path, wanted=False)

    def _make(self, path: str, node: Node) -> None:
        if node.type == "directory":
            os.mkdir(path)
            if node.mountpoint:
                self._mount(path, "-t", "tmpfs", "tmpfs")
        elif node.type == "symlink":
            os.symlink(node.to, path)
        elif node.type == "other":
            os.mkfifo(path)
        else:
            with open(path, "xb") as file:
                file.write(node.content)
            if node.mountpoint:
                self._mount(path, "--bind", path)
        os.chown(path, node.uid, node.gid, follow_symlinks=False)
        if node.type != "symlink":
            os.chmod(path, node.mode)

    def _mount(self, path: str, *how: str) -> None:
        done = subprocess.run(["mount", *how, path], capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotHave(f"nothing can be mounted here: {done.stderr.strip()}")
        self._undo.callback(subprocess.run, ["umount", "--lazy", path], check=False)

    def look(self) -> dict[str, Node]:
        """What there is now."""
        found = {str(self.root): _node(str(self.root))}
        for directory, directories, files in os.walk(self.root):
            for name in (*directories, *files):
                path = os.path.join(directory, name)
                found[path] = _node(path)
        return found

    def close(self) -> None:
        self._undo.close()


def _node(path: str) -> Node:
    status = os.lstat(path)
    kind = _TYPES.get(stat.S_IFMT(status.st_mode), "other")
    return Node(
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        Path(path).read_bytes() if kind == "file" else b"",
        os.readlink(path) if kind == "symlink" else "",
    )


def _set_immutable(path: str, *, wanted: bool) -> None:
    with open(path, "rb") as file:
        try:
            [flags] = struct.unpack("l", fcntl.ioctl(file, _GET_FLAGS, struct.pack("l", 0)))
            flags = flags | _IMMUTABLE if wanted else flags & ~_IMMUTABLE
            fcntl.ioctl(file, _SET_FLAGS, struct.pack("l", flags))
        except OSError as error:
            raise CannotHave(f"nothing can be made immutable here: {error}") from error


class Performer:
    """Performs calls in a session, bodies ahead of them: what the engine does, in a few lines.

    The runner is root on the very machine that runs the tests, so nothing outside `inside` is ever written.
    """

    def __init__(self, session: Session, *, inside: Path) -> None:
        self.session = session
        self._inside = f"{inside}/"
        self.blobs: dict[str, bytes] = {}
        self.calls: list[Json] = []
        self.body(b"")

    def body(self, content: bytes) -> Json:
        made = body(content)
        self.blobs[made["digest"]] = content
        return made

    async def __call__(self, calls: list[Call]) -> list[Reply]:
        self.calls += [{"call": call.name, "args": call.args} for call in calls]
        for call in calls:
            path = str(call.args["path"])
            if call.name in WRITING and not path.startswith(self._inside):
                raise AssertionError(f"{call.name} of {path}, which is none of the test's business")
        replies: list[Reply] = []
        start = 0
        while start < len(calls):
            end = start
            while end < len(calls) and calls[end].name == calls[start].name:
                end += 1
            items = [dict(call.args) for call in calls[start:end]]
            for digest in {item["blob"] for item in items if "blob" in item}:
                content = self.blobs[digest]
                await self.session.send_blob(
                    Blob(Digest(digest), len(content), lambda content=content: content)
                )
            replies += await self.session.command(calls[start].name, items)
            start = end
        return replies
