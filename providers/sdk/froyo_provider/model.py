"""The values that a provider is given and gives back: plain, and cheap to make by the thousand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ActionName: TypeAlias = Literal["none", "create", "update", "delete", "refresh"]


@dataclass(slots=True)
class Resource:
    """Something that is declared for a target.

    Attributes:
        address: `target/Kind/name`, unique.
        kind: such as `File`.
        name: of the manifest.
        spec: the provider's part of the manifest, valid by the kind's schema. A body is `{"digest", "size"}`.
        ignore: field paths whose differences are shown (`FieldDiff.ignored`) and left out of the payload.
        managed: for a kind that is a container, the paths strictly below its own that other instances manage.
        owned: whether what is there is ours: we made it, or took it over, so that another thing in its place is drift.
        removed: whether it is declared no longer and is to go; a provider meets such a one in `absence` only.
        restores: of what is to go, the body `{"digest", "size"}` that was there before and comes back, or None.
    """

    address: str
    kind: str
    name: str
    spec: dict[str, Any]
    ignore: Sequence[str] = ()
    managed: Sequence[str] = ()
    owned: bool = False
    removed: bool = False
    restores: dict[str, Any] | None = None


@dataclass(slots=True)
class Actual:
    """How it is.

    Attributes:
        exists: whether there is anything at all.
        state: what of it is compared. Nothing that changes while the thing itself does not (no times).
        watch: subjects whose changes would concern it, such as `path:/etc/motd`; a path with a slash at its end is a
            directory with what is directly in it.
        remark: what a person should know of it although nothing is to be done about it.
        unfinished: whether what was begun here for this declaration is known to have been cut off: then what differs is
            nobody else's doing, and not what was there before.
    """

    exists: bool
    state: dict[str, Any] = field(default_factory=dict)
    watch: Sequence[str] = ()
    remark: str = ""
    unfinished: bool = False


@dataclass(slots=True)
class Found:
    """Something of a kind that is there, as it would be declared.

    Attributes:
        name: what to call it; made a name of a manifest where it is none.
        spec: the provider's part of it, with which there would be nothing to do. Never a secret.
        remark: what a person should know before it is declared, such as what could not be said.
        replaces: subjects of which all that name them say everything, together: another finding about one, such as the
            file that a setting was read from, need not be declared.
    """

    name: str
    spec: dict[str, Any]
    remark: str = ""
    replaces: Sequence[str] = ()


@dataclass(slots=True)
class FieldDiff:
    """One field that differs.

    Attributes:
        field: path within the spec, such as `mode`.
        before: as it is; None when there is none. A body is `{"digest", "size"}`, with `"text"` where it is known.
        after: as declared; None when it is to go.
        ignored: shown, and left alone.
        sensitive: of a body, that it is nobody's business: it is said to differ, and nothing else.
    """

    field: str
    before: Any
    after: Any
    ignored: bool = False
    sensitive: bool = False


@dataclass(slots=True)
class Operation:
    """What is to be done for one resource.

    Attributes:
        action: `none` when it is as declared, or differs only in ignored fields.
        diffs: every field that differs; never empty unless the action is `none`.
        payload: whatever `apply` needs to know, JSON; nobody else looks into it.
        calls: where doing it is making calls and nothing else: `{"call": name, "args": {…}}`, one after the other. They
            are made as planned, and `apply` is not asked.
        blobs: digests of the bodies that its calls will name.
        preimage: `{"path", "digest", "size"}` of a body which would be lost, so that it can be kept.
        slow: whether it may take long, because of a program that it runs: nothing else waits for it then.
        refreshes: whether doing it is all that a refresh would do, as a start is: then none follows for what had
            changed before it. With the action "none": that a refresh would do nothing, so that none is owed.
        obstacles: what was seen to be in its way: faults, as JSON, each with its `subjects`. Then it is not tried.
        lost: how many files it replaces or removes beside the preimage, whose contents nobody keeps.
        address: filled in; empty while planning.
    """

    action: ActionName
    diffs: Sequence[FieldDiff] = ()
    payload: dict[str, Any] = field(default_factory=dict)
    blobs: Sequence[str] = ()
    preimage: dict[str, Any] | None = None
    address: str = ""
    slow: bool = False
    obstacles: Sequence[dict[str, Any]] = ()
    lost: int = 0
    calls: Sequence[dict[str, Any]] = ()
    refreshes: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """One look, made up: an instance that is kept ready goes through it while nobody waits.

    Attributes:
        spec: of a resource that differs from what is there.
        replies: what the target answers, by the name of the call; what is not named fails.
    """

    spec: Mapping[str, Any]
    replies: Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class Result:
    """What came of an operation.

    Attributes:
        changed: whether anything is different now. An observation, never a guess.
        output: what a program said, for a person; bounded.
    """

    changed: bool
    output: str = ""
