"""An alert: who is told of what, and by which way out; and what is on record of that.

Invariant: nothing here is secret. What a way out needs is named by where it is, or is encrypted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NewType

from reconciler.model.names import Digest, SourceName
from reconciler.model.origin import Origin
from reconciler.model.secrets import Whereabouts

AlertName = NewType("AlertName", str)
_UNDIGESTED, _NOWHERE = Digest(""), SourceName("")

REPEAT = 4 * 3600.0
"""Seconds after which what still lasts, or has come again, is told once more."""
TIMEOUT = 10.0
"""Seconds that one message may take on its way out."""


class AlertFormat(StrEnum):
    """What a webhook is sent."""

    JSON = "json"
    """The document of `docs/spec/alerts.md`."""
    SLACK = "slack"
    """`{"text": …}`, which Slack, Mattermost, Rocket.Chat and others take."""
    ALERTMANAGER = "alertmanager"
    """What Prometheus sends to Alertmanager's `/api/v2/alerts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOut:
    """A message is posted.

    Attributes:
        url: where to, or where that is kept.
        format: what is sent.
        token: sent as `Authorization: Bearer …`, or None.
        key: with which the body is signed, or None.
        ca_file: certificates by which the server is known, or "" for those of the system.
        timeout: seconds that it may take.
        elsewhere: who declares it has no business on the controller's own machine.
    """

    url: str | Whereabouts
    format: AlertFormat = AlertFormat.JSON
    token: Whereabouts | None = None
    key: Whereabouts | None = None
    ca_file: str = ""
    timeout: float = TIMEOUT
    elsewhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOut:
    """A program of the controller's is run, with the message on its standard input.

    Attributes:
        name: of a program in the controller's directory of them.
        arguments: what it is called with.
        timeout: seconds that it may take.
    """

    name: str
    arguments: tuple[str, ...] = ()
    timeout: float = TIMEOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOut:
    """A line is appended to a file.

    Attributes:
        name: of a file in the controller's directory of them.
    """

    name: str


WayOut = WebhookOut | CommandOut | FileOut


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertFilter:
    """What is meant; all that is set has to hold.

    Attributes:
        kinds: `Target`, `Source`, or a kind of resource.
        targets: names of targets, which may have `*` in them.
        labels: that the resource has, or its target.
        reasons: of a condition, or of an event.
    """

    kinds: frozenset[str] = frozenset()
    targets: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    reasons: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert as it is declared.

    Attributes:
        name: of the declaration.
        way: by which it is told.
        everything: whether also what is no trouble is told, such as a repair.
        match: what is meant: what one of these means, or everything if there is none.
        unless: what is not meant.
        after: seconds that trouble has to last before it is told.
        repeat: seconds after which what still lasts, or has come again, is told once more.
        recovery: whether it is told that trouble is over.
        digest: of all that.
        origin: where it was declared.
    """

    name: AlertName
    way: WayOut
    everything: bool = False
    match: tuple[AlertFilter, ...] = ()
    unless: tuple[AlertFilter, ...] = ()
    after: float = 0.0
    repeat: float = REPEAT
    recovery: bool = True
    digest: Digest = _UNDIGESTED
    origin: Origin = field(default=Origin(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What something is told about.

    Attributes:
        object: an address, `Target/name` or `Source/name`, as in events.
        kind: of it.
        target: the target that it is on, or is; "" for a source.
        labels: of the target, and before them of the resource.
        source: what declares it, as far as that is known.
    """

    object: str
    kind: str
    target: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    source: SourceName = _NOWHERE


class AlertStatus(StrEnum):
    """What a message says."""

    FIRING = "firing"
    """Something is wrong, and lasts."""
    RESOLVED = "resolved"
    """It is over."""
    EVENT = "event"
    """Something happened, and is over by that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What has been found, and is to be told or was told; one for each alert, object and topic.

    Attributes:
        alert: whose.
        about: what it is about.
        topic: the condition that says it, or the reason of the event.
        status: FIRING, or EVENT for what happened and may happen again.
        reason: why, in one word.
        message: why, for a person.
        warning: whether a person should look at it.
        since: seconds since the epoch at which it began.
        told_at: when it was told last; None before.
        times: how often it has come again since then.
    """

    alert: AlertName
    about: About
    topic: str
    status: AlertStatus
    reason: str
    message: str
    warning: bool
    since: float
    told_at: float | None = None
    times: int = 0

    @property
    def key(self) -> IncidentKey:
        """Which one it is."""
        return self.alert, self.about.object, self.topic


IncidentKey = tuple[AlertName, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """What is to be told, from when it is on record until somebody has taken it.

    Attributes:
        number: rises with every message of a store; 0 before it is stored.
        id: the same however often it is sent.
        alert: whose.
        document: all that it says, as JSON has it (`docs/spec/alerts.md`).
    """

    number: int = 0
    id: str
    alert: AlertName
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """How an alert gets on.

    Attributes:
        name: the alert.
        cursor: the id of the last event that was looked at.
        failures: how often in a row its first message could not be told.
        error: why, or "".
        next_try: seconds since the epoch; 0 where nothing waits for that.
        sent: messages that somebody has taken.
        sent_at: seconds since the epoch of the last one; 0 before.
        dropped: messages that were given up: there were too many, or they were refused for what they are.
    """

    name: AlertName
    cursor: int = 0
    failures: int = 0
    error: str = ""
    next_try: float = 0.0
    sent: int = 0
    sent_at: float = 0.0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAlert:
    """An alert as people ask for it.

    Attributes:
        state: how it gets on.
        firing: of how much trouble it has told that is not over.
        waiting: messages that nobody has taken yet.
        way: by which it goes out, for a person; "" where the declaration is not at hand.
        declared_at: the place of its declaration, or "".
    """

    state: AlertState
    firing: int
    waiting: int
    way: str = ""
    declared_at: str = ""
