"""Runs providers: one phase of one package for one target at a time, and any number of these concurrently.

What may be hostile is on the other side of this file. Invariants: no call reaches `perform` but through a
`Passage`, and none in `plan`; every use has an instance that was never used before; whatever a provider does
ends as an answer or as a ProviderError that names package, phase and reason, and is audited; a run that is
cancelled leaves no instance behind.

Since providers are pure, an instance is only a cache of what it has computed: an answer may come from the
memo, and an instance that was given up while its calls were under way is made again from the request and
the replies so far.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.calls import Call, Reply
from reconciler.plugins import memo as keys
from reconciler.plugins.calls import Perform, Phase
from reconciler.plugins.capabilities import Gate, Grants
from reconciler.plugins.memo import Memo
from reconciler.plugins.packages import Package
from reconciler.plugins.passing import Audit, Passage
from reconciler.plugins.phases import Phases
from reconciler.plugins.replies import calls_of, done_of
from reconciler.plugins.steps import Fault, Finished, Interrupted, Misbehaviour, Pending, ProviderInstance

LIVE_MAX = 8
"""How many runs keep their instance while their calls are under way; those beyond have it made again."""

REASON_MAX = 2000
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Host(Phases):
    """What the two hosts have in common.

    Args:
        packages: all packages.
        grants: what the operator grants them.
        audit: told, with the facts, of every kind of refusal and of every misbehaviour in a run.
    """

    def __init__(self, packages: Iterable[Package], *, grants: Grants, audit: Audit) -> None:
        self.packages = {package.name: package for package in packages}
        self.audit = audit
        self.memo = Memo()
        self.live = 0
        self._grants = grants
        self._gates: dict[tuple[str, Phase], Gate] = {}

    @property
    def transactions(self) -> frozenset[str]:
        """The kinds of which what is to be done at once about several instances is one operation."""
        kinds = (kind for package in self.packages.values() for kind in package.kinds)
        return frozenset(kind.kind for kind in kinds if kind.transaction)

    async def run(
        self, package: str, phase: Phase, request: Mapping[str, Any], perform: Perform
    ) -> dict[str, Any]:
        """See Phases."""
        operations = request.get("operations", ())
        planned = [one for one in operations if one.get("calls")]
        if not planned:
            return await self._conduct(package, Phase(phase), request, perform)
        try:
            made = await self.passage(self.packages[package], Phase(phase)).make(planned, perform)
        except Misbehaviour as misbehaviour:
            raise self._misbehaved(package, Phase(phase), misbehaviour) from None
        if asked := [one for one in operations if not one.get("calls")]:
            reply = await self._conduct(package, Phase(phase), {**request, "operations": asked}, perform)
            made += reply["results"]
        results = {one["address"]: one for one in made}
        return {"results": [results[one["address"]] for one in operations]}

    async def _conduct(
        self, package: str, phase: Phase, request: Mapping[str, Any], perform: Perform
    ) -> dict[str, Any]:
        """What its provider says."""
        run = ProviderRun(self, self.packages[package], phase, request)
        try:
            return await run.conduct(perform)
        except Fault as fault:
            raise run.error(str(fault), fault.error_class, fault.retry_after_ms) from None
        except Misbehaviour as misbehaviour:
            raise self._misbehaved(package, run.phase, misbehaviour) from None
        finally:
            run.end()

    def _misbehaved(self, package: str, phase: Phase, misbehaviour: Misbehaviour) -> ProviderError:
        reason = str(misbehaviour)[:REASON_MAX]
        self.audit("provider.failed", {"package": package, "phase": phase.value, "reason": reason})
        return ProviderError(f"provider {package}, {phase}: {reason}")

    def passage(self, package: Package, phase: Phase) -> Passage:
        """What lets its calls through to a target."""
        return Passage(package, phase, self.gate(package, phase), self.audit)

    @abstractmethod
    async def prepare(self, package: Package) -> None:
        """Make sure that `instance` can give one. Called before each use; costs nothing after the first.

        Raises:
            ProviderError: there is no way to run this package.
        """

    @abstractmethod
    def instance(self, package: Package) -> ProviderInstance:
        """A loaded instance that was never used. Called where blocking is allowed.

        Raises:
            Fault: the plugin does not load.
            Misbehaviour: it breaks a limit while it loads.
        """

    @abstractmethod
    def advanced(self, run: ProviderRun) -> Awaitable[Finished | Pending]:
        """What `run.advance` answers, called where it may take its time."""

    @abstractmethod
    def afterwards(self, function: Callable[[], None]) -> None:
        """Run something there, soon, and after whatever is under way there. Nobody waits for it."""

    def gate(self, package: Package, phase: Phase) -> Gate:
        """What decides about the calls of a package in a phase."""
        gate = self._gates.get((package.name, phase))
        if gate is None:
            granted = self._grants.packages.get(package.name, ())
            gate = self._gates[package.name, phase] = Gate(package.capabilities, granted, phase)
        return gate


class ProviderRun:
    """One phase of one package for one target.

    Attributes:
        package: which.
        phase: what is asked of it.
    """

    def __init__(self, host: Host, package: Package, phase: Phase, request: Mapping[str, Any]) -> None:
        self.package = package
        self.phase = phase
        self._host = host
        self._request = request
        # The request, and the replies so far: all that an instance needs to be where this run is.
        self._said = [_encode(request)]
        # These belong to `advance` and `_close`, which run one after the other and may both be late.
        self._instance: ProviderInstance | None = None
        self._heard = 0
        self._task = 0
        self._entered = False
        self._keeps = False
        self._passage = host.passage(package, phase)

    async def conduct(self, perform: Perform) -> dict[str, Any]:
        """The whole of it."""
        memo = self._host.memo
        key = keys.first_key(self.package.digest, self.phase, self._said[0])
        while True:
            step = memo.get(key)
            if step is None:
                step = await self._computed()
                if isinstance(step, Finished):
                    reply = self._done(step)
                    memo.put(key, step)
                    return reply
                calls = calls_of(step.text)
                memo.put(key, step)
            elif isinstance(step, Finished):
                return self._done(step)
            else:
                calls = calls_of(step.text)
            replies = _encode(
                [reply.wire() for reply in await self._passage.replies(calls, self._performing(perform))]
            )
            self._said.append(replies)
            key = keys.next_key(key, replies)

    def _done(self, step: Finished) -> dict[str, Any]:
        reply = done_of(self.phase, self._request, step.text)
        if self.phase not in {Phase.READ, Phase.PLAN}:
            return reply
        # The engine reads it in the provider's name, so it has to be what the provider itself could have read.
        gate = self._host.gate(self.package, Phase.READ)
        for operation in reply.get("operations", ()):
            preimage = operation.get("preimage")
            refusal = gate.refusal(Call("file.stat", preimage)) if preimage else ""
            if refusal:
                raise Misbehaviour(f"its `preimage`: {refusal}")
        return reply

    async def _computed(self) -> Finished | Pending:
        await self._host.prepare(self.package)
        self._entered = True
        step = await self._host.advanced(self)
        limit = self.package.limits.output_mib
        if len(step.text) > limit << 20:
            size = len(step.text) / (1 << 20)
            raise Misbehaviour(f"answered {size:.0f} MiB, and may answer {limit} (limits.outputMiB)")
        return step

    @property
    def has_instance(self) -> bool:
        """Whether there is one that only needs to be told what is new."""
        return self._instance is not None

    @property
    def weight(self) -> int:
        """How much there is to be told, in characters."""
        return sum(map(len, self._said))

    def advance(self) -> Finished | Pending:
        """Bring the instance to where the run is. Blocks.

        Raises:
            Fault: as the provider says.
            Misbehaviour: as the host finds.
            Interrupted: it took too long for where it was called; call it again elsewhere.
        """
        try:
            return self._advance()
        except Interrupted:
            self._instance = None
            raise

    def _advance(self) -> Finished | Pending:
        if self._instance is None:
            self._heard = 0
            self._instance = self._host.instance(self.package)
        step: Finished | Pending | None = None
        for place in range(self._heard, len(self._said)):
            if isinstance(step, Finished):
                raise Misbehaviour("answers the same request now so, now otherwise")
            said = self._said[place]
            step = (
                self._instance.resume(self._task, said) if place else self._instance.start(self.phase, said)
            )
            self._heard = place + 1
            if isinstance(step, Pending):
                self._task = step.task
        if step is None:
            raise RuntimeError("nothing new was said to the instance, and so the memo had to know the answer")
        return step

    def _performing(self, perform: Perform) -> Perform:
        """Makes calls while the instance waits, or is freed where too many do."""

        async def performing(calls: list[Call]) -> list[Reply]:
            if not self._keeps and self._host.live < LIVE_MAX and self._instance is not None:
                # Until the run ends: when it has its replies it still waits for its turn, and many may.
                self._keeps = True
                self._host.live += 1
            if not self._keeps:
                self._set_aside()
            replies = await perform(calls)
            if len(replies) != len(calls):
                raise RuntimeError(f"{len(calls)} calls were answered by {len(replies)} replies")
            return replies

        return performing

    def error(
        self,
        reason: str,
        error_class: ErrorClass = ErrorClass.PERMANENT,
        retry_after_ms: int | None = None,
    ) -> ProviderError:
        """The error that a person sees."""
        retry_after = None if retry_after_ms is None else retry_after_ms / 1000
        message = f"provider {self.package.name}, {self.phase}: {reason[:REASON_MAX]}"
        return ProviderError(message, error_class=error_class, retry_after=retry_after)

    def _set_aside(self) -> None:
        """Free the instance, between two steps; should it be needed once more, it is made again."""
        if self._instance is not None:
            self._host.afterwards(self._instance.close)
            self._instance = None

    def end(self) -> None:
        """Free the instance for good, even if a step is under way that nobody waits for any more."""
        self._host.live -= self._keeps
        self._keeps = False
        if self._entered:
            self._host.afterwards(self._close)

    def _close(self) -> None:
        if self._instance is not None:
            self._instance.close()
