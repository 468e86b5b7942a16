"""A git repository as a source: a stream of snapshots, each of them the whole tree of one commit.

Invariant: what cannot be had, read or verified yields no snapshot but a report that says why: the last good one stays.
A commit that was yielded is not yielded again. To be told that there may be something new is a reason to look sooner.

Example:
    source = GitSource(place, "/var/lib/froyo/git", runtime=runtime, environ=os.environ)
    async for item in source.snapshots():
        ...
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from reconciler.errors import UsageError
from reconciler.model.names import Digest, SourceName
from reconciler.model.repository import RefKind
from reconciler.model.source import Snapshot, SnapshotFile, SourceReport
from watchers.git.contents import Contents
from watchers.git.credentials import must_be_secret, with_secrets
from watchers.git.leftovers import own_directory
from watchers.git.program import GitFailed, GitProgram
from watchers.git.refs import Chosen, named, parts, wanted
from watchers.git.repository import Repository
from watchers.git.signatures import must_be_signed
from watchers.git.tree import MODULE, NotRead, Tree, TreeListing, objects, parsed, walk
from watchers.walk import MAX_RULES

if TYPE_CHECKING:
    from reconciler.model.repository import GitPlace
    from reconciler.runtime import Runtime

T = TypeVar("T")

INTERVAL = 60.0
"""Seconds between looks."""

BACKOFF = 300.0
"""Seconds between looks at what cannot be had, at most, unless the interval is longer."""

JITTER = 0.1
"""Part of every interval that may be cut off at random, so that many sources do not look at the same time."""

SOONEST = 1.0
"""Seconds between looks at least, however often it is said that there may be something new."""

TOO_LONG = b"\0"
"""What stands for a link that is longer than any path: it leads nowhere."""

_ODD = "a pointer of Git LFS, whose content is not fetched"


class GitSource:
    """Watches a revision of a repository.

    Args:
        place: which.
        directory: where the repositories that are fetched into are kept.
        runtime: the world.
        environ: the process's environment.
        secrets: the directory of secrets that are named by no absolute path.
        interval: gives the seconds between looks; asked before each wait.
        beat: called whenever it has got on.
    """

    def __init__(
        self,
        place: GitPlace,
        directory: str | os.PathLike[str],
        *,
        runtime: Runtime,
        environ: Mapping[str, str],
        secrets: str = "",
        interval: Callable[[], float] = lambda: INTERVAL,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = place.name
        place = with_secrets(place, secrets)
        self._place = place
        self._secrets = secrets
        self._runtime = runtime
        self._interval = interval
        self._beat = beat
        self._sooner = asyncio.Event()
        own = own_directory(directory, place.identity)
        password = os.path.join(secrets, place.access.password_file) if place.access.password_file else ""
        self._git = GitProgram(place, own, environ, password_file=password)
        self._repository = Repository(self._git, place)
        self._contents = Contents(self._git)

    async def take(self) -> Snapshot:
        """One snapshot, for a command that runs once.

        Raises:
            UsageError: it cannot be had.
        """
        try:
            return await self._read(await self._newest())
        except GitFailed as error:
            raise UsageError(f"the source cannot be read: {error}") from error

    async def named(self, written: str) -> Snapshot:
        """A revision that a person names, be it none that was ever meant: by a tag, or by a commit's digits.

        Raises:
            UsageError: it cannot be had, or is not signed as it has to be.
        """
        try:
            must_be_secret(self._place, self._secrets)
            async with asyncio.timeout(self._place.timeout):
                chosen = await named(self._git_anywhere(), written, here=self._repository.resolved)
                if chosen.ref or not await self._repository.has(chosen.commit):
                    chosen = await self._repository.fetch(chosen, beside=True)
                if (verification := self._place.verification) is not None:
                    await must_be_signed(self._git, verification, chosen)
            return await self._read(chosen)
        except (GitFailed, TimeoutError) as error:
            why = str(error) or f"no answer within {self._place.timeout:g} s"
            raise UsageError(f"revision {written} cannot be had: {why}") from error

    def sooner(self) -> None:
        """There may be something new: look soon."""
        self._sooner.set()

    async def doubt(self, earlier: str, later: str) -> str:
        """Why a revision may not mean what it leaves out compared with an earlier one, or "".

        Args:
            earlier: how the revision is called that was in force before.
            later: how that is called which is to be.
        """
        (called, before), (now, commit) = parts(earlier), parts(later)
        followed = self._place.ref.kind in {RefKind.HEAD, RefKind.BRANCH, RefKind.TAG}
        if not followed or called != now or await self._repository.comes_of(before, commit):
            return ""
        return f"{later} does not come of {before}, which was in force: the history of {now} was rewritten"

    async def snapshots(self) -> AsyncIterator[Snapshot | SourceReport]:
        """The first snapshot, one after every change, and a report whenever it would say something else."""
        reported = SourceReport()
        seen, failed = "", 0
        while True:
            self._sooner.clear()
            found, why = None, ""
            try:
                found = await self._look(seen)
            except GitFailed as error:
                why = str(error)
            failed = failed + 1 if why else 0
            if (report := SourceReport(unreadable=why)) != reported:
                reported = report
                yield report
            if found is not None:
                seen = found.revision
                yield found
            self._beat()
            await self._wait(failed)

    async def _wait(self, failed: int) -> None:
        interval = self._interval()
        if failed:
            interval = min(interval * 2 ** min(failed - 1, 16), max(interval, BACKOFF))
        interval *= 1 - JITTER * self._runtime.random.random()
        soonest = min(SOONEST, interval)
        await asyncio.sleep(soonest)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(interval - soonest):
                await self._sooner.wait()

    async def _look(self, seen: str) -> Snapshot | None:
        """The snapshot of what is meant now; None if it is the one that was `seen`."""
        chosen = await self._newest(seen)
        return None if chosen.revision == seen else await self._read(chosen)

    async def _newest(self, seen: str = "") -> Chosen:
        """What is meant now, fetched and verified unless it is what was `seen`."""
        must_be_secret(self._place, self._secrets)
        try:
            async with asyncio.timeout(self._place.timeout):
                chosen = await wanted(self._git_anywhere(), self._place)
                if chosen.revision == seen:
                    return chosen
                if chosen.ref or not await self._repository.has(chosen.commit):
                    chosen = await self._repository.fetch(chosen)
                if (verification := self._place.verification) is not None:
                    await must_be_signed(self._git, verification, chosen)
                return chosen
        except TimeoutError as error:
            raise GitFailed(f"{self._place.url}: no answer within {self._place.timeout:g} s") from error
        except OSError as error:
            raise GitFailed(f"{error.filename}: {os.strerror(error.errno or 0).lower()}") from error

    def _git_anywhere(self) -> GitProgram:
        os.makedirs(self._git.home, mode=0o700, exist_ok=True)
        return self._git

    async def _read(self, chosen: Chosen) -> Snapshot:
        """All that belongs to a commit that is here.

        Raises:
            GitFailed: it cannot be read, or what was left out cannot be fetched.
        """
        try:
            async with asyncio.timeout(self._place.timeout):
                return await self._read_all(chosen)
        except TimeoutError as error:
            raise GitFailed(f"{self._place.url}: not read within {self._place.timeout:g} s") from error

    async def _read_all(self, chosen: Chosen) -> Snapshot:
        tree = await self._offload(partial(parsed, await self._repository.tree(chosen.commit)))
        try:
            await self._repository.complete(_blobs(tree))
            sizes = await self._contents.sizes(_blobs(tree))
            listing = await self._listing(tree, sizes)
            files, pointers = await self._contents.files(listing.files, sizes)
        except (ValueError, IndexError) as error:
            await self._offload(self._repository.discard)
            raise GitFailed(
                f"{self._place.url}: what was fetched is not whole; it is fetched anew"
            ) from error
        listing.left_out.update(dict.fromkeys(pointers, _ODD))
        return await self._offload(partial(_snapshot, self.name, chosen, listing, files))

    async def _listing(self, tree: Tree, sizes: Mapping[str, int]) -> TreeListing:
        """What of a tree belongs to the source."""
        texts: dict[str, bytes] = {}
        lacking = {**objects(tree, rules=True), **objects(tree, rules=False)}
        while True:
            known = {name: sizes.get(name, most + 1) for name, most in lacking.items()}
            texts.update({name: TOO_LONG for name, most in lacking.items() if known[name] > most})
            texts.update(
                await self._contents.read({name: known[name] for name in lacking if name not in texts})
            )
            try:
                return await self._offload(partial(walk, tree, partial(_text, texts), sizes))
            except NotRead as error:  # a link stands where rules would
                lacking = {error.object: MAX_RULES}

    async def _offload(self, function: Callable[[], T]) -> T:
        return await self._runtime.offload(f"source {self.name}", function)


def _snapshot(
    source: SourceName, chosen: Chosen, listing: TreeListing, files: Mapping[str, SnapshotFile]
) -> Snapshot:
    """The snapshot of a commit. Its digest is of the commit, too: two that have the same files are two revisions."""
    digest = hashlib.sha256(f"{chosen.commit}\n".encode())
    for path in sorted(files):
        executable = b"x" if files[path].executable else b""
        digest.update(os.fsencode(path) + b"\0" + files[path].digest.encode() + executable + b"\n")
    ordered = {path: files[path] for path in sorted(files)}
    return Snapshot(
        source, chosen.revision, Digest(f"sha256:{digest.hexdigest()}"), ordered, "", listing.left_out
    )


def _text(texts: Mapping[str, bytes], name: str) -> bytes:
    if name not in texts:
        raise NotRead(name)
    return texts[name]


def _blobs(tree: Tree) -> list[str]:
    """The digits of all contents in a tree."""
    found, todo = [], [tree]
    while todo:
        for entry in todo.pop().values():
            if isinstance(entry, dict):
                todo.append(entry)
            elif entry.mode != MODULE:
                found.append(entry.object)
    return found
