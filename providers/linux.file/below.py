"""What is below a directory: what of it is not as declared.

What another manifest manages, a mount point, and what is excepted is left alone with all below it. Of a tree that the
source has, every file counts: its content, and whether it is executable; the directories in it are those that lead to
its files.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from differences import SETID, attribute_diffs, body_of
from globs import Globs
from operations import ABSENT
from refusals import described

from froyo_provider import FieldDiff, PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from differences import Json

TREE_MAX = 50_000
"""Entries below a directory that are looked at; as a listing they still fit a frame."""

EXECUTABLE = 0o111
"""The bits that say who may execute a file."""


def tree_rules(spec: Json, ignore: Collection[str], *, owned: bool) -> tuple[Json, Json]:
    """What is declared for what is below: what counts, and what is only shown as it is to be ignored."""
    counts: Json = {"recursive": {}, "owned": owned, "force": bool(spec.get("force"))}
    ignored: Json = {"recursive": {}}
    if spec.get("purge"):
        (ignored if "purge" in ignore else counts)["purge"] = True
    if "tree" in spec:
        left = bool({"source", "content"}.intersection(ignore))
        (ignored if left else counts)["source"] = spec["tree"]
        if left:  # it is not purged either
            counts["spared"] = sorted(spec["tree"])
    for field, value in spec.get("recursive", {}).items():
        left = "recursive" in ignore or f"recursive.{field}" in ignore
        (ignored if left else counts)["recursive"][field] = value
    anything = ignored["recursive"] or ignored.keys() - {"recursive"}
    excepted = {"except": spec["except"]} if "except" in spec else {}
    return counts | excepted, ignored | excepted if anything else {}


def look_below(
    path: str, rules: Json, managed: Iterable[str], entries: list[Json]
) -> tuple[list[Json], list[str]]:
    """What is wrong below a directory, and the directories in it that are its own concern.

    Args:
        path: of the directory.
        rules: of `tree_rules`.
        managed: what other manifests manage, relative to the directory.
        entries: of the listing: a directory comes before what is in it.

    Returns:
        Changes, and names. A change is `{"name", "type", "differs": [[field, before, after]]}`, the type being what is
        there; with `purge` if it is to go; with `becomes` if it is to be made, as the type that it says, with `clears`
        if what is there has to go first (true: with all in it), and with `refused`, the reason, if that is not done.

    Raises:
        TransientError: the content of a file could not be read.
    """
    look = _Look(path, rules, managed, entries)
    for entry in entries:
        look.entry(entry)
    look.missing()
    return look.changes, look.visited


class _Look:
    def __init__(self, path: str, rules: Json, managed: Iterable[str], entries: list[Json]) -> None:
        self.changes: list[Json] = []
        self.visited: list[str] = []
        self.path = path
        self.purge = bool(rules.get("purge"))
        self.owned, self.force = bool(rules.get("owned")), bool(rules.get("force"))
        self.wanted = wanted_below(rules.get("recursive", {}))
        self.files: dict[str, list[Any]] = rules.get("source", {})
        self.directories = {above for name in self.files for above in ancestors(name)}
        self.excepted = Globs(rules.get("except", ()))
        self.kept = {*managed, *rules.get("spared", ())}
        for entry in entries:
            if entry.get("mountpoint") or self.excepted.match(entry["name"]):
                self.kept.add(entry["name"])
        self.leading = {above for name in self.kept for above in ancestors(name)}
        self.filled = {entry["name"].rpartition("/")[0] for entry in entries} if self.files else set()
        self.closed: set[str] = set()
        self.seen: set[str] = set()

    def entry(self, entry: Json) -> None:
        """Something that is there."""
        name, found = entry["name"], entry["type"]
        if name.rpartition("/")[0] in self.closed or name in self.kept:
            self.closed.add(name)
            return
        wanted = "file" if name in self.files else "directory" if name in self.directories else ""
        if wanted:
            self.seen.add(name)
        if wanted and found != wanted:
            self.closed.add(name)
            self.in_the_way(entry, wanted)
        elif not wanted and self.purge and name not in self.leading:
            self.closed.add(name)
            self.changes.append({"name": name, "type": found, "purge": True})
        else:
            if found == "directory":
                self.visited.append(name)
            differs = self.differs(entry, self.files.get(name))
            if differs:
                self.change(name, found, differs, mode=entry["mode"], expect=state_of(entry))

    def differs(self, entry: Json, file: list[Any] | None) -> list[FieldDiff]:
        """What is wrong with an entry of the right type."""
        attributes = self.wanted.get(entry["type"], {})
        diffs = attribute_diffs(attributes, entry)
        if entry["type"] == "file" and "mode" not in attributes:
            before = after = int(entry["mode"], 8)
            if any(diff.field in {"owner", "group"} for diff in diffs):
                after &= ~SETID
            if file is not None:
                after = executable(after, wanted=file[2])
            if after != before:
                diffs.append(FieldDiff("mode", entry["mode"], f"{after:04o}"))
        if file is not None and file[0] != self.digest(entry):
            diffs.insert(0, FieldDiff("content", body_of(entry), {"digest": file[0], "size": file[1]}))
        return diffs

    def digest(self, entry: Json) -> str:
        if "digest" not in entry:
            why = entry.get("unread", "it was not there yet")
            raise TransientError(f"{self.path}/{entry['name']} could not be read: {why}")
        return str(entry["digest"])

    def in_the_way(self, entry: Json, wanted: str) -> None:
        """What stands where the source has something of another type."""
        name, found = entry["name"], entry["type"]
        if found == "file":
            self.digest(entry)
        change = self.make(name, found, wanted, FieldDiff("type", found, wanted))
        change["expect"] = state_of(entry)
        if found == "symlink" and wanted == "file":
            return  # which takes its place at once
        filled = change["clears"] = found == "directory" and name in self.filled
        if filled and (name in self.leading or not self.purge):
            change["refused"] = f"is a directory with something in it, not {wanted_as(wanted)}"
        elif not self.purge and not self.force and not (self.owned and found != "other"):
            change["refused"] = f"is {described(entry)}, not {wanted_as(wanted)}; `force: true` replaces it"

    def missing(self) -> None:
        """What the source has and is not there."""
        for name in sorted((self.directories | self.files.keys()) - self.seen):
            way = [name, *ancestors(name)]
            if not self.kept.isdisjoint(way) or any(map(self.excepted.match, way)):
                continue
            wanted = "file" if name in self.files else "directory"
            self.make(name, "absent", wanted, FieldDiff("", None, wanted))["expect"] = ABSENT

    def make(self, name: str, found: str, wanted: str, diff: FieldDiff) -> Json:
        """Make what is not there, or is something else."""
        diffs = [diff]
        mode = "0755"
        if wanted == "file":
            digest, size, runs = self.files[name]
            diffs.append(FieldDiff("content", None, {"digest": digest, "size": size}))
            mode = "0755" if runs else "0644"
        attributes = self.wanted.get(wanted, {})
        diffs += [FieldDiff(field, None, str(value)) for field, value in attributes.items()]
        self.change(name, found, diffs, mode=attributes.get("mode", mode), becomes=wanted)
        return self.changes[-1]

    def change(self, name: str, found: str, diffs: Iterable[FieldDiff], **more: str) -> None:
        differs = [[diff.field, diff.before, diff.after] for diff in diffs]
        self.changes.append({"name": name, "type": found, "differs": differs, **more})


def wanted_below(recursive: Json) -> dict[str, Json]:
    """The attributes that are declared for each type of file."""
    owners: Json = {field: recursive[field] for field in ("owner", "group") if field in recursive}
    wanted: dict[str, Json] = {"file": dict(owners), "directory": dict(owners), "symlink": owners}
    for found, field in (("file", "fileMode"), ("directory", "directoryMode")):
        if field in recursive:
            wanted[found]["mode"] = recursive[field]
    return {found: attributes for found, attributes in wanted.items() if attributes}


def wanted_as(found: str) -> str:
    """A type that the source has, for a person."""
    return "a directory" if found == "directory" else "a regular file"


def executable(mode: int, *, wanted: bool) -> int:
    """The mode with which who may read a file may execute it too, or nobody may; as it is if its owner's is right."""
    if bool(mode & 0o100) == wanted:
        return mode
    return mode | (mode & 0o444) >> 2 if wanted else mode & ~EXECUTABLE


def state_of(entry: Json) -> str:
    """The state of an entry as `file.stat` gives it, as far as its content is known: micro_runner/protocol.md §6."""
    whole = [entry[key] for key in ("type", "mode", "uid", "gid")]
    whole += [entry.get(key) for key in ("size", "digest", "to")]
    return "sha256:" + hashlib.sha256(json.dumps(whole, separators=(",", ":")).encode()).hexdigest()


def ancestors(name: str) -> Iterable[str]:
    """The directories on the way to a name, nearest first."""
    while (name := name.rpartition("/")[0]) != "":
        yield name


def whole(path: str, listing: Json) -> list[Json]:
    """The entries of a tree, all of them.

    Raises:
        PermanentError: it was not seen whole, so that nothing is known of it.
    """
    if listing["truncated"]:
        raise PermanentError(
            f"{path} has more than {TREE_MAX} entries below it, too many for `source`, `purge` and `recursive`;"
            " declare the directories in it that matter"
        )
    entries: list[Json] = listing["entries"]
    return entries


def digest_of(changes: list[Json]) -> str:
    """What tells one list of changes from another."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()


def bodies_of(changes: Iterable[Json]) -> list[str]:
    """The digests of what is to be in files, each once."""
    differs = (one for change in changes for one in change.get("differs", ()))
    return sorted({after["digest"] for field, _, after in differs if field == "content"})


def is_private(change: Json, *, said: bool | None) -> bool:
    """Whether nothing of a content is to be told: as declared, or since a mode gives nothing to group and others."""
    if said is not None:
        return said
    modes = [change["mode"], *(after for field, _, after in change["differs"] if field == "mode")]
    return any(not int(mode, 8) & 0o077 for mode in modes)


def tree_diffs(changes: Iterable[Json], *, said: bool | None, more: int = 0) -> list[FieldDiff]:
    """What is wrong below, entry by entry, and how many more there are; `said` is whether contents are sensitive."""
    diffs = []
    for change in changes:
        where = f"entries[{change['name']}]"
        if "purge" in change:
            diffs.append(FieldDiff(where, change["type"], None))
        for field, before, after in change.get("differs", ()):
            diff = FieldDiff(f"{where}.{field}" if field else where, before, after)
            diff.sensitive = field == "content" and is_private(change, said=said)
            diffs.append(diff)
    if more:
        diffs.append(FieldDiff("entries", f"{more} more differ", "as declared"))
    return diffs
