"""Policies of a simulated world: they deny at random, want things approved, or fail, and are others every little while.

What they have said last of a change is known, so that whoever looks can tell whether it may be made.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from reconciler.model.decisions import PolicyDecision, PolicyFinding
from reconciler.model.names import Address, SourceName
from reconciler.model.policy import AtWork, PlannedChange
from reconciler.model.target import Target

if TYPE_CHECKING:
    from tests.sim.process import Process

SLOT = 20.0
"""Seconds for which they stay the same."""


ASKED = "rules say ask"
"""What a change waits with that they want approved."""


class Rules:
    """Those of one world.

    Args:
        seed: of everything that is left to chance.
        now: the wall clock.

    Attributes:
        decide: whether there are any.
        trouble: whether they ever say no.
    """

    def __init__(self, seed: int, now: Callable[[], float]) -> None:
        chance = random.Random(f"{seed}/rules")
        self.decide = chance.random() < 0.4
        self.trouble = True
        self._seed = seed
        self._now = now
        self._said: dict[tuple[int, Address], str] = {}

    def said(self, process: "Process", address: Address) -> str:
        """What a controller was told last of a change: allow, ask or deny; "" for nothing."""
        return self._said.get((process.number, address), "")

    def of(self, process: "Process") -> "ProcessRules | None":
        """What a controller asks; None where there are none."""
        return ProcessRules(self, process) if self.decide else None

    def effect(self, target: str, address: Address) -> str:
        """What they say of a change right now."""
        if not self.trouble:
            return "allow"
        slot = int(self._now() / SLOT)
        if random.Random(f"{self._seed}/{target}/{slot}").random() < 0.04:
            return "fail"
        chance = random.Random(f"{self._seed}/{address}/{slot}").random()
        return "deny" if chance < 0.15 else "ask" if chance < 0.25 else "allow"

    def tell(self, process: "Process", address: Address, effect: str) -> None:
        """A controller is told."""
        self._said[process.number, address] = effect


class ProcessRules:
    """The policies as one controller asks them."""

    def __init__(self, rules: Rules, process: "Process") -> None:
        self._rules = rules
        self._process = process
        self._random = random.Random(f"{process.world.seed}/{process.number}/rules")

    def govern(self, _source: SourceName, _target: str) -> bool:
        """All of them are."""
        return True

    async def prepare(self, _target: str) -> None:
        """Nothing has to be known."""

    async def decide(
        self,
        target: Target,
        changes: Sequence[PlannedChange],
        _at_work: Sequence[AtWork],
        *,
        binding: bool,
    ) -> tuple[PolicyDecision, ...]:
        """What is decided, after a while."""
        if self._rules.trouble:
            await asyncio.sleep(self._random.choice([0.0, 0.001, 0.2]))
        said: dict[str, list[PolicyFinding]] = {"deny": [], "ask": []}
        failed = ""
        for change in changes:
            address = change.unit.address
            effect = self._rules.effect(target.name, address)
            if effect == "fail":
                failed, effect = "modelled: it takes too long", "deny"
            elif effect != "allow":
                said[effect].append(PolicyFinding(f"rules say {effect}", address))
            if binding:
                self._rules.tell(self._process, address, effect)
        return (
            PolicyDecision(
                id="d",
                place="rules",
                about=target.name,
                deny=tuple(said["deny"]),
                ask=tuple(said["ask"]),
                failed=failed,
            ),
        )
