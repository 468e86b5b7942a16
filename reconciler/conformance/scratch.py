"""Real files in a directory, and the real runner, in the place of files in memory.

To a package the directory is /srv: paths are put into it on the way to the runner, and out of it on the way back.
Invariant: nothing outside of the directory is written, and no program is run for a package.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod

from froyo_provider.testing.memory import Node, digest_of
from reconciler.conformance.cases import FILES, World
from reconciler.conformance.worlds import CannotHave
from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Failure, Ok, Reply
from reconciler.model.names import Digest
from reconciler.plugins.calls import CALLS
from reconciler.targets.session import Session

SRV = "/srv"
TYPES = ("file", "directory", "symlink")
"""What can be put into the directory."""


class ScratchWorld(ABC):
    """See the module.

    Args:
        session: with the machine that has the directory.
        root: the directory, absolute, and nobody else's.
        chowns: whether files can be given away there.
    """

    def __init__(self, session: Session, root: str, *, chowns: bool) -> None:
        self._session = session
        self._root = root
        self._chowns = chowns
        self._bodies: dict[str, bytes] = {digest_of(b""): b""}

    @abstractmethod
    async def _replace(self, nodes: dict[str, Node]) -> None:
        """Have these in the directory and nothing else, by their names in it (`a/b`), what they lie in first.

        Raises:
            CannotHave: they cannot be made.
        """

    @abstractmethod
    async def _nodes(self) -> dict[str, Node]:
        """What is in the directory, by the names in it."""

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
            self._must_be_possible(path, node)
        await self._replace(
            {
                path.removeprefix(f"{SRV}/"): nodes[path]
                for path in sorted(nodes, key=lambda path: path.count("/"))
            }
        )

    def _must_be_possible(self, path: str, node: Node) -> None:
        """See that a file can be made.

        Raises:
            CannotHave: it cannot.
        """
        if not path.startswith(f"{SRV}/"):
            raise CannotHave(f"{path} is not below {SRV}")
        if node.mountpoint or node.immutable or node.type not in TYPES:
            raise CannotHave(f"{path} cannot be such a thing here")
        if not self._chowns and (node.uid or node.gid):
            raise CannotHave(f"{path} belongs to somebody else, and only root can give it away")

    async def snapshot(self) -> World:
        """See LivingWorld."""
        return {FILES: {f"{SRV}/{name}": node.to_json() for name, node in (await self._nodes()).items()}}

    async def replies(self, calls: list[Call]) -> list[Reply]:
        """See LivingWorld."""
        for call in calls:
            if call.name not in CALLS or "path" not in call.args or "validate" in call.args:
                raise CannotHave(f"it makes the call {call.name}, which is about more than files below {SRV}")
        return [await self._reply(call) for call in calls]

    async def _reply(self, call: Call) -> Reply:
        args = {
            name: self.here(value) if name in ("path", "to") else value for name, value in call.args.items()
        }
        if not args["path"].startswith(f"{self._root}/"):
            raise CannotHave(f"{call.name} is about {call.args['path']}, which is not below {SRV}")
        await send_body(self._session, self._bodies, call)
        [reply] = await self._session.command(call.name, [args])
        if isinstance(reply, Failure):
            return Failure(reply.error_class, reply.code, self.there(reply.message), reply.retry_after_ms)
        return Ok(json.loads(self.there(json.dumps(reply.value))))

    def here(self, path: str) -> str:
        """Where a path of a package is."""
        return self._root + path.removeprefix(SRV) if path == SRV or path.startswith(f"{SRV}/") else path

    def there(self, text: str) -> str:
        """A text of the machine, as it would be if the directory were /srv."""
        return text.replace(self._root, SRV)


async def send_body(session: Session, bodies: dict[str, bytes], call: Call) -> None:
    """Have the machine know the body that a call names, if it is one of these."""
    if (digest := call.args.get("blob")) in bodies:
        content = bodies[digest]
        await session.send_blob(Blob(Digest(digest), len(content), lambda: content))
