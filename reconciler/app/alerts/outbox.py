"""What alerts have to tell, from when it is on record until somebody has taken it: at least once, and in order.

Each alert has a task of its own, so that one whose way out does not work holds up no other. It is tried again with
pauses that grow to five minutes; what is refused for what it is, is given up and counted.

Invariants: a message is on record before it is sent for the first time, and until after it was taken: whoever takes one
may get it again, with the same id. No more than `MOST` of an alert wait; then the oldest is given up, and that is said.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.app.alerts.ways_out import NotTaken, WaysOut
from reconciler.app.secrets import Secrets
from reconciler.core.backoff import Backoff
from reconciler.errors import in_words
from reconciler.model.alert import Alert, AlertMessage, AlertName, AlertState
from reconciler.runtime import Runtime
from reconciler.store.alert_batch import AlertBatch
from reconciler.store.store import Store
from reconciler.telemetry.log import get_logger

MOST = 1_000
"""Messages of an alert that wait."""
BACKOFF = Backoff(base=1.0, cap=300.0)

log = get_logger("froyo")


class AlertOutbox:
    """See the module.

    Args:
        store: where it is on record.
        ways: by which messages go out.
        secrets: what no error may have in it.
        runtime: the world.

    Attributes:
        states: how each alert gets on.
    """

    def __init__(self, store: Store, ways: WaysOut, secrets: Secrets, runtime: Runtime) -> None:
        self.states: dict[AlertName, AlertState] = {}
        self._store = store
        self._ways = ways
        self._secrets = secrets
        self._runtime = runtime
        self._alerts: Mapping[AlertName, Alert] = {}
        self._waiting: dict[AlertName, deque[AlertMessage]] = {}
        self._more: dict[AlertName, asyncio.Event] = {}
        self._tasks: dict[AlertName, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Take up what an earlier controller left."""
        self.states = {one.name: one for one in await self._store.load_alerts()}
        self._waiting.clear()
        for message in await self._store.load_alert_messages():
            self._waiting.setdefault(message.alert, deque()).append(message)

    def waiting(self, name: AlertName) -> int:
        """How many messages of an alert are still to be taken."""
        return len(self._waiting.get(name, ()))

    def trouble(self) -> dict[str, str]:
        """Of which alerts nobody takes anything, and why."""
        return {
            f"alert {name}": f"nobody takes what it has to tell ({self.waiting(name)} waiting): {state.error}"
            for name, state in self.states.items()
            if state.failures and name in self._alerts
        }

    def masked(self, text: str) -> str:
        """A text as it may be told."""
        return self._secrets.masked(text)

    # --- What is declared ---------------------------------------------------------------------------------------------

    def declare(self, alerts: Mapping[AlertName, Alert]) -> None:
        """These are declared: each has its task, and no other has one."""
        before, self._alerts = self._alerts, dict(alerts)
        for name in self._tasks.keys() - alerts.keys():
            self._tasks.pop(name).cancel()
        for name, alert in alerts.items():
            more = self._more.setdefault(name, asyncio.Event())
            more.set()
            if name in before and before[name].digest != alert.digest and name in self.states:
                # It may go out by another way now, or with another secret.
                self.states[name] = replace(self.states[name], next_try=0.0)
            task = self._tasks.get(name)
            if task is None or task.done():
                self._tasks[name] = asyncio.create_task(self._keep_sending(name, more), name=f"alert {name}")

    async def close(self) -> None:
        """Send no more. What is being sent is on record until it was taken."""
        tasks = [*self._tasks.values()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def forget(self, name: AlertName) -> None:
        """An alert is declared no longer, and what it had to tell is of no interest."""
        await self._store.write(AlertBatch().forget_alert(name))
        for known in (self.states, self._waiting, self._more):
            known.pop(name, None)

    # --- What is to be told -------------------------------------------------------------------------------------------

    async def put(self, state: AlertState, messages: Iterable[AlertMessage], batch: AlertBatch) -> None:
        """Put messages on record, and how their alert gets on, in one transaction with what else is in a batch.

        Args:
            state: of the alert; what it says of sending counts for nothing.
            messages: to be told after all that wait.
            batch: the rest.
        """
        name, new = state.name, list(messages)
        queue = self._waiting.setdefault(name, deque())
        surplus = [one.id for one in [*queue, *new][: max(0, len(queue) + len(new) - MOST)]]
        known = self.states.get(name, state)
        state = replace(known, cursor=state.cursor, dropped=known.dropped + len(surplus))
        self.states[name] = state
        await self._store.write(batch.add_alert_messages(new).forget_alert_messages(surplus).put_alert(state))
        queue.extend(new)
        gone = set(surplus)
        self._waiting[name] = deque(one for one in queue if one.id not in gone) if gone else queue
        if surplus:
            log.warning(
                "what an alert has to tell is given up: too much waits", alert=name, lost=len(surplus)
            )
        if name in self._more:
            self._more[name].set()

    async def _keep_sending(self, name: AlertName, more: asyncio.Event) -> None:
        failed = 0
        while True:
            try:
                await self._send_all(name, more)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is sent once more
                # Such as a store that is full.
                failed += 1
                log.warning("an alert is tried again", alert=name, why=self._secrets.masked(in_words(error)))
                await asyncio.sleep(BACKOFF.delay(failed, self._runtime.random.random))

    async def _send_all(self, name: AlertName, more: asyncio.Event) -> None:
        while True:
            more.clear()
            queue = self._waiting.get(name)
            if not queue:
                await more.wait()
                continue
            pause = self.states[name].next_try - self._runtime.now()
            if pause > 0:
                # The clock may have been set back: nothing waits for longer than that.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(pause, BACKOFF.cap)):
                        await more.wait()
                if more.is_set():
                    continue
            await self._send(self._alerts[name], queue[0])

    async def _send(self, alert: Alert, message: AlertMessage) -> None:
        try:
            await self._ways.send(alert, message.document)
        except NotTaken as error:
            await self._failed(alert.name, message, error)
            return
        state = self.states[alert.name]
        if state.failures:
            log.info("an alert is taken again", alert=alert.name)
        now = self._runtime.now()
        state = replace(state, failures=0, error="", next_try=0.0, sent=state.sent + 1, sent_at=now)
        await self._done(message, state)

    async def _failed(self, name: AlertName, message: AlertMessage, error: NotTaken) -> None:
        state, why = self.states[name], self._secrets.masked(str(error))
        if error.refused:
            log.warning("an alert was refused, and is given up", alert=name, id=message.id, why=why)
            await self._done(message, replace(state, error=why, dropped=state.dropped + 1))
            return
        failures = state.failures + 1
        if failures == 1:
            log.warning("nobody takes what an alert has to tell; it is tried again", alert=name, why=why)
        asked = min(error.retry_after, BACKOFF.cap)
        pause = max(asked, BACKOFF.delay(failures, self._runtime.random.random))
        state = replace(state, failures=failures, error=why, next_try=self._runtime.now() + pause)
        self.states[name] = state
        await self._store.write(AlertBatch().put_alert(state))

    async def _done(self, message: AlertMessage, state: AlertState) -> None:
        # What was put on record while it was under way stays.
        known = self.states[state.name]
        state = replace(state, cursor=known.cursor, dropped=max(state.dropped, known.dropped))
        self.states[state.name] = state
        await self._store.write(AlertBatch().forget_alert_messages([message.id]).put_alert(state))
        queue = self._waiting.get(state.name)
        if queue and queue[0].id == message.id:
            queue.popleft()
