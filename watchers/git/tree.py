"""A tree of git's objects as what belongs to a source: by the rules by which a directory is walked, to the same end.

Invariant: every path of the listing lies in the tree, whatever names and links say: nothing is looked up on a disk.
What is left out on purpose is named with the reason; where that would be a manifest, the revision cannot be read: a
manifest that is missing means something else than one that is not there.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.model.manifests import declares
from reconciler.model.source import LINK_NOWHERE, LINK_OUT
from watchers.git.program import GitFailed
from watchers.ignore import NAME, ODD, IgnoreRules, is_transient, is_versioning, skips_directory
from watchers.walk import MAX_BYTES, MAX_DEPTH, MAX_FILES, MAX_RULES

_LINKS = 40
"""Links that are followed on the way to one thing, as the kernel does."""

_TREE, _LINK = "040000", "120000"
MODULE = "160000"
"""The mode of a submodule, which has no content here."""
_FILES = {"100644": False, "100664": False, "100755": True}

Tree = dict[str, "Entry | Tree"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands at a name that is no directory.

    Attributes:
        mode: as git has it.
        object: its digits.
    """

    mode: str
    object: str


@dataclass(frozen=True, slots=True)
class TreeFile:
    """A file of the source.

    Attributes:
        object: the digits of its content.
        executable: whether its owner may execute it.
    """

    object: str
    executable: bool


@dataclass(slots=True)
class TreeListing:
    """What belongs to the source.

    Attributes:
        files: by path.
        left_out: by path, why it is no part of the source.
    """

    files: dict[str, TreeFile] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def parsed(printed: bytes) -> Tree:
    """What `git ls-tree -r -t -z` prints.

    Raises:
        GitFailed: there is too much of it, or a name in it is none.
    """
    root: Tree = {}
    records = printed.split(b"\0")
    if len(records) > 2 * MAX_FILES:
        raise GitFailed(f"more than {MAX_FILES:,} files: is this the right repository?")
    for record in records:
        if not record:
            continue
        head, _, name = record.partition(b"\t")
        mode, _, digits = head.decode("ascii", "replace").split(" ")
        *above, last = os.fsdecode(name).split("/")
        if len(above) > MAX_DEPTH:
            raise GitFailed(f"{'/'.join(above[:4])}/…: directories without end")
        if not {".", "..", ""}.isdisjoint((*above, last)) or last.lower() == ".git":
            raise GitFailed(f"{os.fsdecode(name)}: that is no name of a file")
        at = root
        for part in above:
            below = at.get(part)
            if not isinstance(below, dict):
                raise GitFailed(f"{os.fsdecode(name)}: it lies in something that is no directory")
            at = below
        if last in at:
            raise GitFailed(f"{os.fsdecode(name)}: it stands there twice")
        at[last] = {} if mode == _TREE else Entry(mode, digits)
    return root


def objects(tree: Tree, *, rules: bool) -> dict[str, int]:
    """The contents that have to be known before the tree can be walked: of links, and of the rules of what to ignore.

    Args:
        tree: all of it.
        rules: of these; else of links.

    Returns:
        The digits of each, with how many bytes it may have.
    """
    found: dict[str, int] = {}
    todo = [tree]
    while todo:
        for name, entry in todo.pop().items():
            if isinstance(entry, dict):
                todo.append(entry)
            elif rules and name == NAME and entry.mode in _FILES:
                found[entry.object] = MAX_RULES
            elif not rules and entry.mode == _LINK:
                found[entry.object] = 4096
    return found


def walk(tree: Tree, read: Callable[[str], bytes], sizes: Mapping[str, int]) -> TreeListing:
    """What of a tree belongs to the source.

    Args:
        tree: all of it.
        read: gives the content of a link, or of a file of rules. Raises NotRead.
        sizes: of every content, as far as it is known.

    Raises:
        GitFailed: it cannot be said.
        NotRead: not before that is known.
    """
    walker = _Walker(tree, read, sizes)
    walker.directory(tree, "", None, ((),))
    return walker.listing


Where = tuple[str, ...]


class _Walker:
    def __init__(self, tree: Tree, read: Callable[[str], bytes], sizes: Mapping[str, int]) -> None:
        self.listing = TreeListing()
        self.visits = 0
        self._tree = tree
        self._read = read
        self._sizes = sizes

    def directory(
        self, entries: Tree, prefix: str, rules: IgnoreRules | None, above: tuple[Where, ...]
    ) -> None:
        self.visits += 1
        if len(above) > MAX_DEPTH or self.visits > MAX_FILES:
            raise GitFailed(f"{prefix}: directories without end")
        if NAME in entries:
            rules = self._rules(entries[NAME], prefix, rules, above[-1])
        for name, entry in entries.items():
            if (name[0] in ODD or "~" in name or "___" in name) and (
                name.startswith("..") or is_transient(name)
            ):
                continue
            self._entry(entry, name, prefix + name, rules, above)

    def _entry(
        self, entry: Entry | Tree, name: str, path: str, rules: IgnoreRules | None, above: tuple[Where, ...]
    ) -> None:
        where: Where = (*above[-1], name)
        if isinstance(entry, Entry) and entry.mode == _LINK:
            if rules is not None and rules.ignores(path, directory=False):
                return
            followed = self._follow(path, where)
            if followed is None:
                return
            where, entry = followed
        if rules is not None and rules.ignores(path, directory=isinstance(entry, dict)):
            return
        if isinstance(entry, dict):
            if where in above:
                self.listing.left_out[path] = "a symbolic link to a directory that holds it"
            elif not skips_directory(name):
                self.directory(entry, path + "/", rules, (*above, where))
            elif len(above) > 1 and not is_versioning(name):
                self.listing.left_out[path] = "a directory whose name begins with a dot"
        else:
            self._file(path, entry)

    def _file(self, path: str, entry: Entry) -> None:
        if entry.mode == MODULE:
            self._leave_out(path, "a submodule, which is not fetched")
        elif entry.mode not in _FILES:
            self._leave_out(path, "no regular file")
        elif self._sizes.get(entry.object, 0) > MAX_BYTES:
            self._leave_out(path, f"larger than the {MAX_BYTES >> 20} MiB that a file may have")
        elif len(self.listing.files) == MAX_FILES:
            raise GitFailed(f"more than {MAX_FILES:,} files: is this the right repository?")
        else:
            self.listing.files[path] = TreeFile(entry.object, _FILES[entry.mode])

    def _rules(
        self, entry: Entry | Tree, prefix: str, above: IgnoreRules | None, where: Where
    ) -> IgnoreRules | None:
        if isinstance(entry, Entry) and entry.mode == _LINK:
            found = self._follow(f"{prefix}{NAME}", (*where, NAME))
            if found is None:
                raise GitFailed(f"{prefix}{NAME}: {self.listing.left_out[prefix + NAME]}")
            entry = found[1]
        if isinstance(entry, dict) or entry.mode not in _FILES:
            raise GitFailed(f"{prefix}{NAME}: no regular file")
        if self._sizes.get(entry.object, 0) > MAX_RULES:
            raise GitFailed(f"{prefix}{NAME}: larger than the {MAX_RULES >> 20} MiB that it may have")
        return IgnoreRules(prefix, self._read(entry.object).decode(errors="surrogateescape"), above)

    def _follow(self, path: str, where: Where) -> tuple[Where, Entry | Tree] | None:
        """Where a symbolic link leads, if that is inside the tree."""
        try:
            found = self._resolved(where)
        except _Outside:
            self._leave_out(path, LINK_OUT)
            return None
        if found is None:
            self._leave_out(path, LINK_NOWHERE)
        return found

    def _resolved(self, where: Where) -> tuple[Where, Entry | Tree] | None:
        """What is at a place with all links followed; None where nothing is."""
        todo, links = list(where), 0
        done: list[str] = []
        at: list[Tree] = [self._tree]
        while todo:
            part = todo.pop(0)
            if part == "..":
                if not done:
                    raise _Outside
                done.pop()
                at.pop()
                continue
            if part in {"", "."}:
                continue
            entry = at[-1].get(part)
            if isinstance(entry, Entry) and entry.mode == _LINK:
                links += 1
                text = os.fsdecode(self._read(entry.object))
                if links > _LINKS or not text:
                    return None
                if posixpath.isabs(text):
                    raise _Outside
                todo[:0] = text.split("/")
            elif entry is None or (not isinstance(entry, dict) and todo):
                return None
            elif isinstance(entry, dict):
                done.append(part)
                at.append(entry)
            else:
                return (*done, part), entry
        return tuple(done), at[-1]

    def _leave_out(self, path: str, why: str) -> None:
        if declares(path):
            raise GitFailed(f"{path}: {why}")
        self.listing.left_out[path] = why


class NotRead(Exception):
    """A content has to be known first.

    Attributes:
        object: its digits.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.object = name


class _Outside(Exception):
    """A link leads out of the tree."""
