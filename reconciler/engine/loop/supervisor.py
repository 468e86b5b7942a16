"""Every long task has an owner: it is started again when it ends, and it is seen when it has stopped doing anything.

A watcher that has quietly died is worse than one that has crashed: the process looks fine, and nothing happens any
more. So each task says from time to time that it lives (`beat`), and one that has not within its deadline makes the
controller unhealthy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from reconciler.core.backoff import Backoff
from reconciler.errors import FroyoError, LeaseLost, in_words
from reconciler.runtime import Runtime, first_error
from reconciler.telemetry.log import get_logger

log = get_logger("froyo")


@dataclass(slots=True)
class _Ward:
    """One task."""

    run: Callable[[], Awaitable[None]]
    deadline: Callable[[], float] | None
    last_beat: float = 0.0
    failures: int = 0
    trouble: str = ""
    task: asyncio.Task[None] | None = None


class Supervisor:
    """Runs long tasks until it is cancelled, or one of them raises what nothing can be done about.

    Args:
        runtime: gives randomness for the pauses.
        backoff: the pauses before a task is started again.
    """

    def __init__(self, *, runtime: Runtime, backoff: Backoff = Backoff(cap=15.0)) -> None:  # noqa: B008 - frozen
        self._runtime = runtime
        self._backoff = backoff
        self._wards: dict[str, _Ward] = {}
        self._ending = False
        self._group: asyncio.TaskGroup | None = None

    def end(self) -> None:
        """From now on a task that ends by itself has been told to."""
        self._ending = True

    def add(
        self,
        name: str,
        run: Callable[[], Awaitable[None]],
        *,
        deadline: float | Callable[[], float] | None = None,
    ) -> None:
        """Look after a task, from `run` on, or from now on if that is under way.

        Args:
            name: for people.
            run: does the work; it is called again whenever it ends.
            deadline: seconds within which the task calls `beat`, or what says how many they are now; None if it
                never does.
        """
        if isinstance(deadline, int | float):
            seconds = float(deadline)
            ward = _Ward(run, lambda: seconds)
        else:
            ward = _Ward(run, deadline)
        self._wards[name] = ward
        if self._group is not None:
            ward.task = self._group.create_task(self._keep(name, ward), name=name)

    async def remove(self, name: str) -> None:
        """Look after a task no longer: it has ended when this returns."""
        ward = self._wards.pop(name, None)
        if ward is not None and ward.task is not None:
            ward.task.cancel()
            await asyncio.wait([ward.task])

    def beat(self, name: str) -> None:
        """The task lives."""
        if (ward := self._wards.get(name)) is not None:
            ward.last_beat, ward.trouble = self._time(), ""

    @property
    def tasks(self) -> tuple[str, ...]:
        """What is looked after."""
        return tuple(self._wards)

    def health(self) -> dict[str, str]:
        """What is wrong, by task; empty when all is well."""
        now, wrong = self._time(), {}
        for name, ward in self._wards.items():
            if ward.task is not None and ward.task.done() and not self._ending:
                wrong[name] = "has ended, and nobody starts it again; restart froyo"
            elif ward.trouble:
                wrong[name] = ward.trouble
            elif ward.deadline is not None and now - ward.last_beat > ward.deadline():
                wrong[name] = f"has not been heard of for {now - ward.last_beat:.0f} s"
        return wrong

    async def run(self) -> None:
        """Run all tasks.

        Raises:
            LeaseLost: another controller has taken over; everything has been ended.
        """
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for name, ward in self._wards.items():
                    ward.task = group.create_task(self._keep(name, ward), name=name)
        except BaseExceptionGroup as failures:
            raise first_error(failures) from None
        finally:
            self._group = None

    async def _keep(self, name: str, ward: _Ward) -> None:
        while True:
            begun = ward.last_beat = self._time()
            try:
                await ward.run()
                if self._ending:
                    return
                ward.trouble = "ended by itself, and is started again"
            except LeaseLost:
                raise
            except FroyoError as error:
                ward.trouble = str(error)
            except Exception as error:
                ward.trouble = f"failed, which is a defect: {in_words(error)}"
                log.exception("a task failed; this is a defect", task=name)
            if self._time() - begun > self._backoff.cap:
                ward.failures = 0  # what failed once a week is not failing more and more
            ward.failures += 1
            pause = self._backoff.delay(ward.failures, self._runtime.random.random)
            log.warning("a task is started again", task=name, why=ward.trouble, pause=round(pause, 1))
            await asyncio.sleep(pause)
            # One that says when it lives is well once it has: what fails again and again is not well in between.
            if ward.deadline is None:
                ward.trouble = ""

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
