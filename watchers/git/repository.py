"""The bare repository of our own that a source is fetched into: what is there, what comes of what, what is lacking.

Invariant: what is fetched is only ever added to it, and each object is what its name says (git sees to that). So an
earlier revision can be had for as long as the repository is there, and losing it costs a fetch.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Collection
from dataclasses import replace

from reconciler.model.repository import GitPlace, RefKind
from watchers.git.program import GitFailed, GitProgram
from watchers.git.refs import Chosen

HERE = "refs/froyo/wanted"
"""What the newest look has fetched."""
BESIDE = "refs/froyo/named"
"""What a person has named last."""

MANY_PACKS = 50
"""Packs, one of each fetch, after which they are made one."""

_AGAIN = 0.05
_NAMES = 256 << 20
_COMMIT = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow", "--force")


class Repository:
    """See the module.

    Args:
        git: run on it.
        place: what is fetched.
    """

    def __init__(self, git: GitProgram, place: GitPlace) -> None:
        self._git = git
        self._place = place

    async def fetch(self, wanted: Chosen, *, beside: bool = False) -> Chosen:
        """Have a revision here; what it turned out to be, as the repository may have moved on meanwhile.

        Args:
            wanted: the revision.
            beside: it is not what the source is at: nothing of what lies between is needed.

        Raises:
            GitFailed: it cannot be had.
        """
        async with self._alone():
            await self._made()
            into = BESIDE if beside else HERE
            # From what is here on, so that what lies between is known; all of what came of something else may be much.
            whole = not beside and await self._has_any()
            try:
                async with asyncio.timeout(self._place.timeout / 2 if whole else None):
                    await self._fetch(wanted, () if whole else ("--depth=1",), into)
            except (GitFailed, TimeoutError):
                if not whole:
                    raise
                await self._fetch(wanted, ("--depth=1",), into)
            found = await self._git.run("rev-parse", f"{into}^{{commit}}", into)
            await self._tidied()
        # By their digits from now on: another command may fetch something else.
        commit, object_ = found.decode("ascii", "replace").split()
        return replace(wanted, commit=commit, object=object_)

    @property
    def _begun(self) -> bool:
        return os.path.exists(os.path.join(self._git.repository, "HEAD"))

    async def _fetch(self, wanted: Chosen, depth: Collection[str], into: str) -> None:
        part = ("--filter=blob:none",) if self._place.path else ()
        await self._git.run(*_COMMIT, *depth, *part, "origin", f"+{wanted.ref or wanted.commit}:{into}")

    async def has(self, commit: str) -> bool:
        """Whether a commit is here, with its tree."""
        if not self._begun:
            return False
        status, _, _ = await self._git.ask("rev-parse", "--verify", "--quiet", f"{commit}^{{tree}}")
        return status == 0

    async def resolved(self, digits: str) -> str:
        """The one commit that is here and begins with these digits; "" if there is none, or several are."""
        if not self._begun:
            return ""
        status, found, _ = await self._git.ask("rev-parse", "--verify", "--quiet", f"{digits}^{{commit}}")
        return "" if status else found.decode("ascii", "replace").strip()

    async def tree(self, commit: str) -> bytes:
        """What lies in the directory that counts, as `git ls-tree` prints it.

        Raises:
            GitFailed: there is none.
        """
        tree = commit
        if below := self._place.path:
            found = await self._git.run("ls-tree", "-d", "-z", "--full-tree", commit, "--", below)
            mode, _, rest = found.decode("utf-8", "replace").partition(" tree ")
            if mode != "040000":
                raise GitFailed(f"{self._place.url}: there is no directory {below} in {commit}")
            tree = rest.partition("\t")[0]
        return await self._git.run("ls-tree", "-r", "-t", "-z", "--full-tree", tree)

    async def complete(self, objects: Collection[str]) -> None:
        """Have the contents here that were left out when all of the repository was not wanted.

        Raises:
            GitFailed: they cannot be had.
        """
        if not self._place.path:
            return
        listed = ("cat-file", "--batch-check=%(objectname)", "--batch-all-objects", "--unordered")
        here = set((await self._git.run(*listed, most=_NAMES)).decode("ascii", "replace").split("\n"))
        if lacking := [one for one in objects if one not in here]:
            async with self._alone():
                await self._git.run(
                    *(
                        "-c",
                        "fetch.negotiationAlgorithm=noop",
                        *_COMMIT,
                        "--filter=blob:none",
                        "--stdin",
                        "origin",
                    ),
                    stdin="".join(f"{one}\n" for one in lacking).encode(),
                )

    async def comes_of(self, earlier: str, later: str) -> bool:
        """Whether a commit is known to descend from an earlier one."""
        if not await self.has(earlier) or not await self.has(later):
            return False
        status, _, _ = await self._git.ask("merge-base", "--is-ancestor", earlier, later)
        return status == 0

    def discard(self) -> None:
        """It is broken: let the next look begin anew. Blocking."""
        shutil.rmtree(self._git.repository, ignore_errors=True)

    async def _made(self) -> None:
        if not self._begun:
            os.makedirs(self._git.home, mode=0o700, exist_ok=True)
            await self._git.run("init", "--quiet", "--bare", "--template=", "--object-format=sha1")

    async def _has_any(self) -> bool:
        status, _, _ = await self._git.ask("rev-parse", "--verify", "--quiet", f"{HERE}^{{commit}}")
        return status == 0 and self._place.ref.kind is not RefKind.COMMIT

    async def _tidied(self) -> None:
        packs = os.path.join(self._git.repository, "objects", "pack")
        with contextlib.suppress(FileNotFoundError):
            if sum(name.endswith(".pack") for name in os.listdir(packs)) > MANY_PACKS:
                await self._git.run("repack", "-a", "-d", "-k", "--quiet")

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nobody else fetches into it meanwhile: a daemon, and a command beside it."""
        above = os.path.dirname(self._git.repository)
        os.makedirs(above, mode=0o700, exist_ok=True)
        descriptor = os.open(os.path.join(above, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(_AGAIN)
            yield
        finally:
            os.close(descriptor)
