"""What is looked at beside the rounds: the readings of probes, which may take long, and which no round waits for.

A round that comes to a probe has it asked, and goes on; when there is an answer, another round concludes from it. Until
it has come about it is asked again and again, for as long as its manifest says; what was well is asked again before it
is said not to be.

Invariants: of an instance there is one reading under way at most. One that was begun before something changed that the
instance depends on answers nothing. This module must not know what is asked, nor what follows from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

from reconciler.core.backoff import Backoff
from reconciler.engine.round.observing import OBSTACLES, Observed
from reconciler.engine.settings import EngineSettings
from reconciler.errors import ErrorClass, ProtocolError, ProviderError, TransportError, in_words
from reconciler.model.names import Address, Digest, TargetName, split_address
from reconciler.model.resource import Instance, Patience
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")

Reading = Observed | ProviderError
Read = Callable[[], Awaitable[Reading]]

DUE = 0.8
"""The part of its interval after which a look at a probe asks anew: looks come a little early, or late."""
_ONCE = Patience()


def trouble_of(reading: Reading) -> str:
    """What a reading says to be wrong, or ""."""
    if isinstance(reading, ProviderError):
        return str(reading)
    obstacles = reading.state.get(OBSTACLES) or ()
    return str(obstacles[0].get("message", "")) or "not as declared" if obstacles else ""


@dataclass(slots=True)
class _Probe:
    """What is known of one.

    Attributes:
        declared: the digest of the declaration that it is about.
        anew: whether nothing is known that still holds.
        reading: the last that there was.
        told: whether a round has concluded from that.
        begun: loop time at which that, or what is under way, was begun.
        trouble: what was wrong at the last try of what is under way.
        task: is under way.
    """

    declared: Digest
    anew: bool = True
    reading: Reading | None = None
    told: bool = True
    begun: float = 0.0
    trouble: str = ""
    task: asyncio.Task[None] | None = field(default=None)


class Probes:
    """All of a controller, or of a single run.

    Args:
        settings: the numbers.
        loop_time: the event loop's clock.
        news: told of each instance that is worth a look: there is an answer, or none that still holds.
    """

    def __init__(
        self,
        settings: EngineSettings,
        *,
        loop_time: Callable[[], float],
        news: Callable[[Address], None] = lambda _address: None,
    ) -> None:
        self._settings = settings
        self._time = loop_time
        self._tell = news
        self._probes: dict[Address, _Probe] = {}
        self._news: dict[TargetName, dict[Address, None]] = {}
        self._slots = asyncio.Semaphore(settings.concurrent_probes)
        self._backoff = Backoff(base=settings.retry_base, cap=settings.probe_pause)

    def __bool__(self) -> bool:
        """Whether anything is probed at all."""
        return bool(self._probes)

    # --- What a round does --------------------------------------------------------------------------------------------

    def ask(self, one: Instance, read: Read) -> bool:
        """Have it asked, if it is time to; whether there is a reading from which a round may conclude now.

        Args:
            one: an instance that is probed.
            read: reads it.
        """
        probe = self._of(one)
        if probe.task is None and self._is_due(one, probe):
            self._begin(one, probe, read)
        self._news.get(one.target, {}).pop(one.address, None)
        if probe.anew or probe.reading is None:
            return False
        return probe.task is None or not trouble_of(probe.reading)

    def take(self, one: Instance) -> Reading:
        """The reading from which a round concludes, which `ask` has said that there is."""
        probe = self._probes[one.address]
        if probe.reading is None:
            raise RuntimeError(f"nothing was read of {one.address}")
        probe.told = True
        return probe.reading

    def is_new(self, one: Instance) -> bool:
        """Whether nothing is known that still holds."""
        probe = self._probes.get(one.address)
        return probe is None or probe.anew or probe.declared != one.digest

    def trouble(self, address: Address) -> str:
        """What was wrong at the last try of what is under way, or ""."""
        probe = self._probes.get(address)
        return "" if probe is None else probe.trouble

    def expire(self, addresses: Collection[Address]) -> None:
        """Something that these depend on has changed: what is known of them does not hold any more."""
        for address in addresses:
            probe = self._probes.get(address)
            if probe is not None and not (probe.anew and probe.task is None):
                self._stop(probe)
                probe.anew, probe.trouble = True, ""
                self._say(address)

    # --- What goes on beside ------------------------------------------------------------------------------------------

    def _of(self, one: Instance) -> _Probe:
        probe = self._probes.get(one.address)
        if probe is None or probe.declared != one.digest:
            if probe is not None:
                self._stop(probe)
            probe = self._probes[one.address] = _Probe(one.digest)
        return probe

    def _is_due(self, one: Instance, probe: _Probe) -> bool:
        if probe.anew or probe.reading is None:
            return True
        if not probe.told:
            return False
        interval = one.common.interval or self._settings.probe_interval
        return bool(trouble_of(probe.reading)) or self._time() - probe.begun >= DUE * interval

    def _begin(self, one: Instance, probe: _Probe, read: Read) -> None:
        patience = one.probe or _ONCE
        if not probe.anew:
            known_bad = probe.reading is not None and trouble_of(probe.reading)
            patience = _ONCE if known_bad else Patience(0.0, patience.retries)
        probe.begun, probe.trouble = self._time(), ""
        probe.task = asyncio.create_task(
            self._see_through(one.address, probe, patience, read), name=f"probe {one.address}"
        )

    async def _see_through(self, address: Address, probe: _Probe, patience: Patience, read: Read) -> None:
        """Ask until it is well, or patience is over."""
        tries = 0
        try:
            while True:
                async with self._slots:
                    reading = await read()
                tries += 1
                trouble = trouble_of(reading)
                final = isinstance(reading, ProviderError) and reading.error_class is ErrorClass.PERMANENT
                waited = self._time() - probe.begun
                if not trouble or final or (tries > patience.retries and waited >= patience.within):
                    break
                if probe.trouble != trouble:
                    probe.trouble = trouble
                    self._say(address)
                await asyncio.sleep(self._backoff.delay(tries, lambda: 0.5))
        except (TransportError, ProtocolError):
            probe.task = None  # whoever has a session again looks at everything
            return
        except Exception as error:
            log.exception("a probe failed; this is a defect", instance=address)
            reading = ProviderError(f"a defect of froyo: {in_words(error)}")
        probe.reading, probe.anew, probe.told, probe.task = reading, False, False, None
        self._say(address)

    def _say(self, address: Address) -> None:
        self._news.setdefault(split_address(address)[0], {})[address] = None
        self._tell(address)

    @staticmethod
    def _stop(probe: _Probe) -> None:
        if probe.task is not None:
            probe.task.cancel()
            probe.task = None

    # --- Who waits for it, and its end --------------------------------------------------------------------------------

    async def news_of(self, target: TargetName) -> Collection[Address]:
        """The instances on a target that are worth a look, as soon as there are any; none if nothing is under way."""
        while True:
            if news := self._news.pop(target, None):
                return news
            tasks = [
                probe.task
                for address, probe in self._probes.items()
                if probe.task is not None and split_address(address)[0] == target
            ]
            if not tasks:
                return ()
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)

    def keep_only(self, target: TargetName, declared: Collection[Address]) -> None:
        """Others on a target are not looked at any more."""
        gone = [a for a in self._probes if a not in declared and split_address(a)[0] == target]
        for address in gone:
            self._stop(self._probes.pop(address))
            self._news.get(target, {}).pop(address, None)
        if not self._news.get(target):
            self._news.pop(target, None)

    async def close(self) -> None:
        """End all that is under way."""
        tasks = [probe.task for probe in self._probes.values() if probe.task is not None]
        for probe in self._probes.values():
            self._stop(probe)
        self._probes.clear()
        await asyncio.gather(*tasks, return_exceptions=True)
