"""The numbers of the loop, each with the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.core.contest import ContestRules
from reconciler.core.prune import Budget
from reconciler.core.schedule import Rhythm


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How the loop behaves. Times are seconds."""

    rhythm: Rhythm = field(default_factory=lambda: Rhythm(watched=60.0, unwatched=10.0, settle=0.25))
    """When to look again at what is in sync. A rescan in sync is one small frame each way, so a minute is cheap."""

    concurrent_rounds: int = 64
    """Rounds under way at once. A round is a small task that mostly waits, so the bound is for fairness and memory."""

    retry_base: float = 0.5
    """First pause after a transient failure; it doubles with each further one."""

    retry_cap: float = 120.0
    """Longest pause after transient failures. What is mended is noticed by then, also where nobody can watch it."""

    stalled_base: float = 5.0
    """First pause after an apply that failed for good, if nothing moves before; it doubles with each further one."""

    stalled_cap: float = 120.0
    """Longest pause of these. What made it fail may be what nobody can watch, such as an attribute or a program."""

    dependency_poll: float = 30.0
    """Dependents are woken when what they wait for turns ready; this is the belt to those braces."""

    policy_poll: float = 30.0
    """What policies have denied is decided about again after so long: they may go by the time, or by other targets."""

    policy_trust: float = 2.0
    """How long a decision about a change stands while other changes of the same round are made."""

    sharing_poll: float = 1.0
    """What shares something with what has changed is looked at again then: two that contradict each other must not
    keep a target busy."""

    full_look: float = 86400.0
    """So often every content is read, whatever its times say: they can be made to lie, and disks do not keep all."""

    rescan_patience: float = 60.0
    """Deadline of each reading command that a round sends."""

    apply_patience: float = 600.0
    """Deadline of a writing command; a batch of many large files takes its time."""

    slow_patience: float = 0.05
    """How long a round waits for nothing but operations that say that they are slow, before it goes on without them."""

    probe_interval: float = 30.0
    """How often a probe is asked that does not say so itself."""

    probe_pause: float = 5.0
    """Longest pause between two tries of one that has not come about yet; the first is `retry_base`."""

    concurrent_probes: int = 256
    """Probes under way at once. Each is a connection that mostly waits; the bound is for file descriptors."""

    preimage_limit: int = 64 * 1024 * 1024
    """Content that is about to be replaced for the first time is kept for a rollback up to this size, in bytes."""

    batch: int = 2000
    """Items a command frame carries at most; keeps a frame well below the protocol's 16 MiB."""

    prefetch_max: int = 16
    """Up to so many changes at once are asked about before their providers ask; of many, a provider asks in one go."""

    facts_ttl: float = 3600.0
    """So long facts are good unless something that is done here touches them. To gather them is one small frame."""

    own_paths: tuple[str, ...] = ()
    """Paths on this machine that are left alone whatever is declared above them: where state and manifests are."""

    max_disrupted: int = 1
    """How many targets may be disrupted at a time by what is done to them. One is what nobody has to regret."""

    prune: Budget = field(default_factory=Budget)
    """How much of what is declared no longer may go in one revision without a person being asked."""

    contest: ContestRules = field(default_factory=ContestRules)
    """When a correction becomes a fight."""
