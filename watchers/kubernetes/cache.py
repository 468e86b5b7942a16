"""The objects of a namespace as they are known: listed, and corrected by what is heard of them since.

Invariants: of an object the newest version counts, in whatever order versions come. What is listed counts in full: what
is not in a list, and was not heard of while it was made, is not there. What an event takes away is only a reason to
list: whoever removes a definition has all of its objects removed, and that declares nothing. Of a status that we have
written no more is kept than what tells it from another one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from reconciler.model.names import Digest, SourceName
from reconciler.model.source import DELETED, Snapshot, SnapshotFile
from watchers.kubernetes.listing import Listed
from watchers.kubernetes.objects import Definition, SeenObject, assembled, file_of, path_of

_VERSIONS = 4
"""Earlier versions of an object of which the generation is kept: one of them may be in force."""


class Heard(Enum):
    """What an event means."""

    NOTHING = "nothing"
    """Nothing that anybody wants to know, such as a status that we have written."""
    ASKED = "asked"
    """Something that is asked of us, another generation, or a status that is not as we have written it."""
    DECLARED = "declared"
    """Something else is declared."""
    GONE = "gone"
    """Something may be declared no longer: that has to be looked at."""


@dataclass(slots=True)
class KnownObject:
    """What is known of an object.

    Attributes:
        seen: the object.
        version: of what was seen.
        file: what it declares; None for one that declares nothing.
        shared: with which namespaces.
        generations: of what it declares now and declared before.
        written: what tells the status that we have written from another one, as we have it and as the server does.
        written_at: the version that came of that.
    """

    seen: SeenObject
    version: int
    file: SnapshotFile | None
    shared: frozenset[str]
    generations: dict[Digest, int] = field(default_factory=dict)
    written: frozenset[bytes] = frozenset()
    written_at: int = 0

    def is_as_written(self, version: int, status: Mapping[str, Any]) -> bool:
        """Whether a status that came with this version is what we have written, or from before that."""
        return version <= self.written_at or (bool(self.written) and _fingerprint(status) in self.written)


class ObjectCache:
    """See the module.

    Attributes:
        seen: the objects, by path.
    """

    def __init__(self) -> None:
        self.seen: dict[str, SeenObject] = {}
        self._entries: dict[str, KnownObject] = {}
        self._touched: dict[str, str] = {}

    def generation(self, path: str, digest: Digest) -> int | None:
        """The generation of an object when it was that, as far as it has been seen."""
        entry = self._entries.get(path)
        return entry.generations.get(digest) if entry is not None else None

    def hear(self, definition: Definition, type_: str | None, found: Mapping[str, Any]) -> Heard:
        """Take note of an event.

        Args:
            definition: the kind of the object.
            type_: of the event; None where it was there already when somebody began to listen.
            found: the object.
        """
        path, metadata = _path(definition, found), found["metadata"]
        before = self._entries.get(path)
        uid = metadata.get("uid", "")
        if type_ == "DELETED":
            if before is not None and before.seen.uid != uid:
                return Heard.NOTHING  # another of the same name has come since
            self._touched[path] = ""
            return Heard.NOTHING if before is None else Heard.GONE
        self._touched[path] = uid
        if before is not None and _version(found) <= before.version:
            return Heard.NOTHING
        file = file_of(path, definition, found)
        if file is None and before is not None and before.file is not None:
            return Heard.GONE
        self._put(path, found, file)
        if before is None or before.file != file:
            return Heard.NOTHING if before is None and file is None else Heard.DECLARED
        return Heard.ASKED if _is_news(before.seen, self.seen[path]) else Heard.NOTHING

    def expect(self, path: str, status: Mapping[str, Any]) -> None:
        """A status is about to be written."""
        if (entry := self._entries.get(path)) is not None:
            entry.written = frozenset({_fingerprint(status)})

    def wrote(self, path: str, found: Mapping[str, Any]) -> None:
        """That was done.

        Args:
            path: of the object.
            found: the object as it is by now: the server may have made something else of the status, and others may
                have a part in it.
        """
        entry = self._entries.get(path)
        if entry is None or entry.seen.uid != found["metadata"].get("uid", ""):
            return
        entry.written |= {_fingerprint(found.get("status") or {})}
        entry.written_at = _version(found)
        if entry.version <= entry.written_at:
            self.seen[path] = entry.seen = replace(entry.seen, status=None)

    def begin(self) -> None:
        """A list is made from now on."""
        self._touched = {}

    def take(self, objects: Listed) -> bool:
        """These are all that there are; whether that was not known.

        What was heard of since the list was begun counts as it was heard.
        """
        before = dict(self.seen)
        there = set()
        for definition, found in objects:
            path = _path(definition, found)
            if self._touched.get(path) == "":
                continue  # gone since
            there.add(path)
            entry = self._entries.get(path)
            if entry is None or _version(found) > entry.version:
                self._put(path, found, file_of(path, definition, found))
        for path in self._entries.keys() - there - {path for path, uid in self._touched.items() if uid}:
            del self._entries[path], self.seen[path]
        return before.keys() != self.seen.keys() or any(
            _is_news(before[path], one) for path, one in self.seen.items()
        )

    def snapshot(self, source: SourceName, others: Mapping[str, SnapshotFile]) -> Snapshot:
        """The snapshot of all that is declared.

        Args:
            source: the source's name.
            others: what other namespaces share with this one, by path.
        """
        own = {path: one.file for path, one in self._entries.items() if one.file is not None}
        return replace(assembled(source, {**others, **own}), left_out=dict.fromkeys(self.deleted, DELETED))

    @property
    def deleted(self) -> list[str]:
        """The paths of what is being deleted, and declares nothing any more."""
        return [path for path, one in self._entries.items() if one.file is None]

    def shared_with(self, namespace: str) -> dict[str, SnapshotFile]:
        """What is shared with another namespace, by path."""
        entries = self._entries.items()
        return {path: one.file for path, one in entries if one.file is not None and namespace in one.shared}

    def _put(self, path: str, found: Mapping[str, Any], file: SnapshotFile | None) -> None:
        before, seen = self._entries.get(path), SeenObject.of(found)
        if before is not None and before.seen.uid != seen.uid:
            before = None
        version = _version(found)
        if before is not None and before.is_as_written(version, seen.status or {}):
            seen = replace(seen, status=None)
        generations = dict(list(before.generations.items())[-_VERSIONS:]) if before is not None else {}
        if file is not None:
            generations.pop(file.digest, None)
            generations[file.digest] = seen.generation
        if before is not None and before.file == file:
            file = before.file
        made = self._entries[path] = KnownObject(seen, version, file, _shared(found), generations)
        if before is not None:
            made.written, made.written_at = before.written, before.written_at
        self.seen[path] = seen


def _is_news(before: SeenObject, now: SeenObject) -> bool:
    """Whether anybody wants to know of it. A status that has come to be what we have written is nothing new."""
    return replace(before, status=None) != replace(now, status=None) or now.status not in (
        None,
        before.status,
    )


def _fingerprint(status: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(status, sort_keys=True).encode(), digest_size=16).digest()


def _path(definition: Definition, found: Mapping[str, Any]) -> str:
    return path_of(definition, found["metadata"]["namespace"], found["metadata"]["name"])


def _shared(found: Mapping[str, Any]) -> frozenset[str]:
    """With which other namespaces it is shared: nothing but a Target says so."""
    names = (found.get("spec") or {}).get("sharedWith")
    return frozenset(one for one in names if isinstance(one, str)) if isinstance(names, list) else frozenset()


def _version(found: Mapping[str, Any]) -> int:
    """Rises with every change; 0 for what has none. Versions are decimal numbers that can be compared."""
    text = found["metadata"].get("resourceVersion", "")
    return int(text) if text.isdecimal() else 0
