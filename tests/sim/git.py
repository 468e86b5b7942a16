"""Repositories of a simulation: what people push, and a git that says of it what the real one would print.

All that decides is the watcher's own (`watchers/git`): which commit is meant, whether it has to be fetched, what comes
of what, what belongs to it, when to look again. Here are a server, the bare repository on the controller's disk, which
outlives each life of the controller, and between them the program, word for word as far as it is asked.
"""

import asyncio
import hashlib
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.app.watched import WatchedPlace
from reconciler.model.names import SourceName
from reconciler.model.repository import GitPlace, Ref, RefKind
from watchers.git.contents import Contents
from watchers.git.program import GitProgram
from watchers.git.refs import parts
from watchers.git.repository import HERE, Repository
from watchers.git.source import GitSource

if TYPE_CHECKING:
    from tests.sim.process import Process

SHARE = 0.25
"""Of worlds in which what is declared lies in git."""

URL = "https://git.example/{source}"
MAIN = "refs/heads/main"
FILE = "desired.json"
INTERVAL = 15.0


def is_pushed(seed: int) -> bool:
    """Whether what is declared in the world of a seed lies in git."""
    return random.Random(f"{seed}/commits").random() < SHARE


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit.

    Attributes:
        name: its digits.
        parents: what it comes of; none for the first.
        content: of the one file.
    """

    name: str
    parents: tuple[str, ...]
    content: bytes

    @property
    def blob(self) -> str:
        """The digits of its content."""
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()


@dataclass(slots=True)
class Clone:
    """The bare repository on the controller's disk.

    Attributes:
        commits: that are there.
        shallow: those of which nothing is known that they come of.
        wanted: what was fetched last; "" for nothing.
    """

    commits: dict[str, Commit] = field(default_factory=dict)
    shallow: set[str] = field(default_factory=set)
    wanted: str = ""


class PushedSource:
    """A repository that people push to, as a source of a simulation: see `SimSource`.

    Args:
        name: of the source.
        seed: of what is left to chance.

    Attributes:
        document: what the newest commit says; None while the server cannot be reached.
        good: the last thing it said that was right.
        said: everything that was.
        vanishing: how many more fetches somebody pushes in the middle of.
        degraded: nothing about it can be.
        heads: every commit that was ever the newest, by when.
        torn: whether what the server sends breaks off.
        hanging: whether it accepts, and says nothing.
    """

    def __init__(self, name: SourceName, seed: str) -> None:
        self.name = name
        self.said: list[Any] = []
        self.document: Any = None
        self.good: Any = None
        self.vanishing = 0
        self.degraded = ""
        self.heads: list[str] = []
        self.torn = self.hanging = False
        self.commits: dict[str, Commit] = {}
        self.clone = Clone()
        self.random = random.Random(f"{seed}/pushed/{name}")
        self._watching: list[GitSource] = []

    # --- as its authors have it -----------------------------------------------------------------------------------

    def say(self, document: Any) -> None:
        """Push a commit; or have the server away."""
        self.document = document
        if document is not None:
            self._push(document, self.heads[-1:])
        self.touch()

    def rewrite(self, document: Any) -> None:
        """Push what comes of nothing that was there."""
        self.document = document
        self._push(document, [])
        self.touch()

    def reset(self) -> str:
        """Have the branch at an earlier commit again."""
        name = self.random.choice(self.heads)
        self.heads.append(name)
        self.document = json.loads(self.commits[name].content)
        self.touch()
        return name

    def touch(self) -> None:
        """Whoever watches is told by a webhook, now and then."""
        for one in self._watching if self.random.random() < 0.5 else ():
            one.sooner()

    def settle(self) -> None:
        """The trouble ends."""
        self.vanishing = 0
        self.torn = self.hanging = False

    def lose_something(self) -> None:
        """The disk of the controller has lost what the newest commit has in it."""
        self.clone.commits.pop(self.clone.wanted, None)

    def _push(self, document: Any, above: list[str]) -> None:
        content = json.dumps(document, sort_keys=True).encode()
        digits = hashlib.sha1(repr((above, content, len(self.commits))).encode()).hexdigest()
        self.commits[digits] = Commit(digits, tuple(above), content)
        self.heads.append(digits)
        if isinstance(document, dict):
            self.good = document
            self.said.append(document)

    # --- as a controller has it -----------------------------------------------------------------------------------

    @property
    def newest(self) -> str:
        """What its revision is called now."""
        return f"main@sha1:{self.heads[-1]}"

    def watched(self, process: "Process") -> WatchedPlace:
        """Watch it for one life of the controller, by the watcher's own code."""
        place = GitPlace(URL.format(source=self.name), Ref(RefKind.BRANCH, "main"), timeout=20.0)
        directory = str(process.path.parent / "git")
        source = GitSource(place, directory, runtime=process.runtime, environ={}, interval=lambda: INTERVAL)
        source.name = self.name
        program = ModelledGit(place, os.path.join(directory, self.name), process=process, server=self)
        source._git = program
        source._repository, source._contents = Repository(program, place), Contents(program)
        self._watching = [source]
        return WatchedPlace(
            source.snapshots, lambda: 1e9, doubt=source.doubt, remote=True, sooner=source.sooner
        )

    def comes_of(self, earlier: str, later: str) -> bool:
        """Whether a revision comes of another one, as whoever knows all of the history sees it."""
        return parts(earlier)[1] in {one.name for one in ancestors(self.commits, parts(later)[1], set())}


def ancestors(commits: dict[str, Commit], name: str, shallow: set[str]) -> Iterator[Commit]:
    """A commit and all that it comes of, as far as that is known."""
    todo, seen = [name], set[str]()
    while todo:
        one = commits.get(todo.pop())
        if one is None or one.name in seen:
            continue
        seen.add(one.name)
        yield one
        todo += () if one.name in shallow else one.parents


class ModelledGit(GitProgram):
    """The program, in one life of the controller.

    Args:
        place: the repository that is asked for.
        directory: of our own.
        process: whose it is.
        server: that is asked.
    """

    def __init__(self, place: GitPlace, directory: str, *, process: "Process", server: PushedSource) -> None:
        super().__init__(place, directory, {"PATH": "/usr/bin"})
        self._process = process
        self._server = server

    async def ask(
        self, *arguments: str, stdin: bytes = b"", most: int = 0, more: Any = None
    ) -> tuple[int, bytes, str]:
        """Its status, what it prints, and its complaints."""
        del most, more
        await asyncio.sleep(0.003)
        clone, words = self._server.clone, [one for one in arguments if not one.startswith("--")]
        head = Path(self.repository, "HEAD")
        if not head.exists():  # noqa: ASYNC240 - a virtual second is a second however long this takes
            self._server.clone = clone = Clone()
        match words:
            case ["init"]:
                head.parent.mkdir(parents=True, exist_ok=True)
                head.write_text(f"ref: {MAIN}\n")  # noqa: ASYNC240 - as above
                return 0, b"", ""
            case ["ls-remote", "origin", *asked]:
                if why := await self._reach():
                    return 128, b"", why
                found = f"{self._server.heads[-1]}\t{MAIN}\n" if MAIN in asked else ""
                return 0, found.encode(), ""
            case ["fetch", "origin", ref]:
                return await self._fetch(ref.removeprefix("+").partition(":")[0], arguments)
            case ["rev-parse", *names]:
                resolved = [self._resolve(name.partition("^")[0]) for name in names]
                printed = "".join(f"{one}\n" for one in resolved).encode()
                return (0, printed, "") if all(resolved) else (128, b"", "fatal: unknown revision")
            case ["merge-base", earlier, later]:
                known = {one.name for one in ancestors(clone.commits, later, clone.shallow)}
                return int(earlier not in known), b"", ""
            case ["ls-tree", "-r", "-t", "-z", name]:
                return 0, f"100644 blob {clone.commits[name].blob}\t{FILE}\0".encode(), ""
            case ["cat-file"]:
                return 0, self._contents(arguments[-1] == "--batch", stdin.decode().split()), ""
        raise AssertionError(f"nobody has modelled git {' '.join(arguments)}")

    def content(self, name: str) -> bytes:
        """The content of an object."""
        return next(one.content for one in self._server.clone.commits.values() if one.blob == name)

    def _contents(self, whole: bool, names: list[str]) -> bytes:
        blobs = {one.blob: one.content for one in self._server.clone.commits.values()}
        printed = b""
        for name in names:
            if name not in blobs:
                printed += b"%s missing\n" % name.encode()
            elif whole:
                printed += b"%s blob %d\n%s\n" % (name.encode(), len(blobs[name]), blobs[name])
            else:
                printed += b"%s %d\n" % (name.encode(), len(blobs[name]))
        return printed

    def _resolve(self, name: str) -> str:
        clone = self._server.clone
        return clone.wanted if name == HERE else name if name in clone.commits else ""

    async def _reach(self) -> str:
        """Why the server cannot be asked, or ""."""
        server = self._server
        await asyncio.sleep(server.random.uniform(0.01, 0.5))
        if server.hanging:
            await asyncio.sleep(1e6)
        return "" if server.document is not None else "fatal: unable to access: Connection refused"

    async def _fetch(self, ref: str, arguments: tuple[str, ...]) -> tuple[int, bytes, str]:
        if why := await self._reach():
            return 128, b"", why
        server = self._server
        if server.vanishing:
            server.vanishing -= 1  # somebody pushes just now
            server._push(server.document, server.heads[-1:])
        if server.torn:
            return 128, b"", "fatal: early EOF"
        clone, name = server.clone, server.heads[-1] if ref == MAIN else ref
        if "--depth=1" in arguments and name not in clone.commits and server.commits[name].parents:
            clone.shallow.add(name)
        for one in list(ancestors(server.commits, name, {*clone.commits, *clone.shallow})):
            clone.commits.setdefault(one.name, one)
        clone.wanted = name
        return 0, b"", ""
