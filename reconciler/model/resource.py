"""Resources: a manifest as written, and its instances, one per selected target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from reconciler.model.facts import Section
from reconciler.model.names import DEFAULT_NAMESPACE, Address, Digest, Reference, TargetName
from reconciler.model.origin import Origin
from reconciler.model.subjects import Subject
from reconciler.model.values import Rendered


class Policy(StrEnum):
    """What the loop may do about a difference."""

    ENFORCE = "enforce"
    OBSERVE = "observe"
    PAUSED = "paused"


class Adopt(StrEnum):
    """What happens at first contact with something that exists and differs."""

    REPLACE = "replace"
    HOLD = "hold"


class Deletion(StrEnum):
    """What happens to the thing when its manifest disappears; `confirm` is `delete` once a person approves."""

    DELETE = "delete"
    ORPHAN = "orphan"
    CONFIRM = "confirm"


DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Window(NamedTuple):
    """When something may be done.

    Attributes:
        days: mon to sun, on which it begins; all of them where it is empty.
        begins: a time of the day, such as 02:00; "" for its beginning.
        ends: the same, on the day after where that is no later; "" for the end of the day.
        timezone: in which days and times are, such as Europe/Berlin.
    """

    days: tuple[str, ...] = ()
    begins: str = ""
    ends: str = ""
    timezone: str = "UTC"


class Suspended(NamedTuple):
    """That a manifest wants its instances left alone.

    Attributes:
        reason: why.
        until: seconds since the epoch at which that ends by itself; None for as long as the manifest says so.
    """

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """Kubernetes' metadata, as far as it means something here."""

    name: str
    namespace: str = DEFAULT_NAMESPACE
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonSpec:
    """The fields that every kind has.

    Attributes:
        require: instances that must be in sync before this one is touched.
        before: the reverse of `require`.
        notify: instances that come after this one, and are refreshed when it has changed.
        interval: seconds between looks without any event, besides the rescans of the target; None for these alone.
        policy: whether what differs is put right, only told, or not even looked at.
        adopt: what happens at first contact with something that exists and differs.
        deletion: what happens to the thing when its manifest disappears.
        ignore_fields: field paths whose differences are shown and left alone.
        infer_edges: whether the edges that are certain are added to the written ones.
        windows: when something may be done about it; at any time where there is none.
        suspend: why, and until when, it is left alone; None where it is not.
    """

    require: tuple[Reference, ...] = ()
    before: tuple[Reference, ...] = ()
    notify: tuple[Reference, ...] = ()
    interval: float | None = None
    policy: Policy = Policy.ENFORCE
    adopt: Adopt = Adopt.REPLACE
    deletion: Deletion = Deletion.ORPHAN
    ignore_fields: tuple[str, ...] = ()
    infer_edges: bool = True
    windows: tuple[Window, ...] = ()
    suspend: Suspended | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """That an instance is to go: it is declared no longer, or a person wants back what was there before us.

    Attributes:
        hold: why it is left until a person approves, in words for them, or "".
        restores: the body `{"digest", "size"}` that was there before us and comes back, or None: then there is nothing
            afterwards.
        asked: whether a person has asked for just that, although it is declared.
    """

    hold: str = ""
    restores: Mapping[str, Any] | None = None
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """How patiently something is probed.

    Attributes:
        within: seconds that it may take to come about, after it was declared or what it depends on has changed.
        retries: how often it is asked again before what was well is said not to be.
    """

    within: float = 0.0
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A resource on one target.

    Attributes:
        address: `target/Kind/name`.
        target: the target's name.
        ref: `Kind/name`.
        api_version: of its kind.
        kind: as in the manifest.
        metadata: as in the manifest.
        common: the fields of every kind.
        spec: the provider's fields, validated, defaults filled in; `body` is `{"digest": …, "size": …}`, and `tree` is
            by path `[digest, size, executable]`.
        digest: of api_version, kind, spec and common: a new digest is a new generation.
        provides: what it is the one owner of on its target; the first is what it is about.
        shares: what it owns a part of, as others may.
        uses: what it needs to be there before it.
        contains: what others can lie within.
        package: name of the provider package.
        lock: what its operations hold, one at a time on a target, such as `dpkg`; or "".
        transaction: whether what is to be done at once about it and about others of its kind is one operation.
        disruptive: whether nothing is done about it but within its windows, or when a person has approved that.
        removal_disrupts: whether that holds of its removal, too.
        made_here: whether what there is of one is made by froyo only, so that it is never somebody else's.
        removal_resets: of what is a setting of something that stays, all of which its removal takes back: the fields of
            one that has all of them set; else empty.
        touches: the sections of facts that may be others once it was changed.
        probe: that it is looked at beside the rounds, and how patiently; None for what rounds look at.
        guest: who declares it has no business on the controller's own machine.
        origin: where it was declared.
        removal: that it is to go; None for what is to be as it is declared.
        rendered: the fields that were not written out, and what they were made of.
    """

    address: Address
    target: TargetName
    ref: Reference
    api_version: str
    kind: str
    metadata: Metadata
    common: CommonSpec
    spec: Mapping[str, Any]
    digest: Digest
    provides: tuple[Subject, ...] = ()
    shares: tuple[Subject, ...] = ()
    uses: tuple[Subject, ...] = ()
    contains: tuple[Subject, ...] = ()
    package: str = ""
    lock: str = ""
    transaction: bool = False
    disruptive: bool = False
    removal_disrupts: bool = True
    made_here: bool = False
    removal_resets: Mapping[str, str] = field(default_factory=dict)
    touches: tuple[Section, ...] = ()
    probe: Patience | None = None
    guest: bool = False
    origin: Origin = field(default=Origin(), compare=False)
    removal: Removal | None = None
    rendered: tuple[Rendered, ...] = field(default=(), compare=False)

    @property
    def subject(self) -> str:
        """What it is about on its target, such as "path:/etc/motd"; "" where its kind does not say.

        What has a name that begins with that of something of which it owns a part is about that, for people.
        """
        own = self.provides[:1]
        part = [one for one in self.shares if not own or own[0].name.startswith(one.name)]
        return str(next(iter((*part, *own)), ""))

    @property
    def bodies(self) -> Iterator[Digest]:
        """The contents that it may bring to its target; of what is to go, the one that comes back."""
        body = self.spec.get("body") if self.removal is None else self.removal.restores
        if body:
            yield Digest(str(body["digest"]))
        for digest, *_ in self.spec.get("tree", {}).values():
            yield Digest(digest)

    @property
    def holds_secret(self) -> bool:
        """Whether its body has a secret in it, so that what is in its place on the target is nobody's business."""
        return bool(self.spec.get("body", {}).get("secret"))

    @property
    def absent(self) -> bool:
        """Whether it declares that there be nothing; `state: absent` means that in every kind."""
        return self.spec.get("state") == "absent"

    @property
    def present(self) -> tuple[Subject, ...]:
        """What is there because of it, or must not be: of what is to be absent, only what it is about."""
        return self.provides[:1] if self.absent else self.provides

    @property
    def claimed(self) -> tuple[Subject, ...]:
        """What it owns as a whole or in part."""
        return (*self.provides, *self.shares)
