"""A running controller over modelled targets, on virtual time: the stage on which the engine's behaviour is tested.

    @staged
    async def test_what_differs_is_put_right(stage):
        await stage.declare(file("motd", "hello\n"))
        await stage.settled()
        assert stage.content("motd") == b"hello\n"

Everything but the targets is real: sessions, frames, rounds, the store, the provider linux.file. Pauses cost nothing.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from reconciler.core.conditions import Summary, get_condition, summarize
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.intake.wanted import Record
from reconciler.engine.loop.controller import Controller
from reconciler.engine.round.probes import Probes
from reconciler.engine.round.progress import Progress
from reconciler.engine.round.services import Services
from reconciler.engine.settings import EngineSettings
from reconciler.engine.single.oneshot import OneShot
from reconciler.errors import ErrorClass, ProviderError, StoreError, TransportError
from reconciler.model.calls import Call, Failure, Ok, Reply
from reconciler.model.conditions import ConditionType
from reconciler.model.desired import Desired
from reconciler.model.event import Event
from reconciler.model.metrics import Metric
from reconciler.model.names import Address
from reconciler.model.policy import Policies
from reconciler.model.resource import Instance
from reconciler.model.state import ResourceState
from reconciler.plugins.calls import Perform, Phase
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.replies import done_of
from reconciler.plugins.steps import Misbehaviour
from reconciler.runtime import Runtime
from reconciler.store.records import LeaseHolder
from reconciler.store.store import Store
from reconciler.targets.session import Session
from reconciler.telemetry.meter import Measures
from tests.sim.files import Node
from tests.sim.loop import run
from tests.sim.machine import Machine
from tests.sim.manifests import desired, instance, target
from tests.sim.native import NativeHost
from tests.sim.packages import PACKAGES
from tests.sim.runner import frames_in

Json = dict[str, Any]

EPOCH = 1_800_000_000.0
VIM = {"command": "vim", "pid": 4711, "user": "alice"}


class Declared:
    """An instance and the body that it names."""

    def __init__(self, one: Instance, content: str | None) -> None:
        self.instance = one
        self.content = content


def file(
    name: str, content: str | None = None, *, on: str = "m0", spec: Json | None = None, **common: Any
) -> Declared:
    """A file at `/srv/<name>`."""
    written = {"path": f"/srv/{name}"} | (spec or {}) | ({} if content is None else {"content": content})
    return Declared(instance(on, "File", name, written, **common), content)


def execution(name: str, *argv: str, on: str = "m0", spec: Json | None = None, **common: Any) -> Declared:
    """A command; without anything else it is run when it is notified."""
    return Declared(
        instance(on, "Exec", name, {"argv": [*argv]} | (spec or {"refreshOnly": True}), **common), None
    )


def probe(name: str, *, on: str = "m0", spec: Json | None = None, **common: Any) -> Declared:
    """A probe of `http://<name>/`, which is to answer 200."""
    defaults: Json = {"from": "controller", "method": "GET", "redirects": 0, "status": ["200"]}
    defaults |= {"url": f"http://{name}/", "timeout": 10, "within": 30, "retries": 2, "expiresWithin": 14}
    return Declared(instance(on, "HttpProbe", name, defaults | (spec or {}), **common), None)


def address(name: str, *, on: str = "m0") -> Address:
    """Of such a file."""
    return Address(f"{on}/File/{name}")


def nobody(_phase: Phase, _request: Any) -> Any:
    """Answers in no provider's place."""
    return


class Watched(NativeHost):
    """The host, with an account of its calls, and somebody who may answer instead.

    Attributes:
        calls: the phases that providers were asked for.
        instead: gives an answer in the provider's place, or None; raises what the provider is to fail with. Where
            there is somebody, providers are asked to read and to plan one by one.
    """

    calls: list[Phase]
    instead: Callable[[Phase, Any], Any]

    async def run(self, package: str, phase: Phase, request: Any, perform: Perform) -> dict[str, Any]:
        self.calls.append(phase)
        if self.instead is not nobody:
            request = {key: value for key, value in request.items() if key != "plan"}
        answer = self.instead(phase, request)
        if answer is None:
            return await super().run(package, phase, request, perform)
        try:
            return done_of(phase, request, json.dumps(answer))
        except Misbehaviour as misbehaviour:
            raise ProviderError(f"provider {package}, {phase}: {misbehaviour}") from None


class Unheard:
    """A witness that nobody asks."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Stage:
    """See the module.

    Attributes:
        frames: (target, frame) of everything that was sent.
        writes: how often the store was written to.
        store_fails: whether it cannot be.
        writes_left: after how many more it cannot be; None for as many as there are.
        policies: decide what may be done; None where there are none. Taken up by the next controller.
        measures: what was measured.
    """

    def __init__(self, directory: Path, *machines: str, settings: EngineSettings | None = None) -> None:
        self.directory = directory
        self.settings = settings or EngineSettings()
        self.loop = asyncio.get_running_loop()
        self.machines = {
            name: Machine(name, seed=name, witness=Unheard(), now=self.now) for name in machines or ("m0",)
        }
        self.frames: list[tuple[str, Json]] = []
        self.writes = 0
        self.store_fails: Exception | None = None
        self.writes_left: int | None = None
        self.policies: Policies | None = None
        self.revision = 0
        self.measures = Measures()
        self._ids = 0
        self.runtime = Runtime(
            connect=self._connect,
            now=self.now,
            random=random.Random(1),
            new_id=self._new_id,
            offload=self._offload,
            environ={},
            outside=self._outside,
            meter=self.measures,
        )
        self.asked: list[tuple[float, str]] = []
        self.pages: dict[str, Callable[[], Awaitable[Json]]] = {}
        self.host = Watched(
            PACKAGES,
            grants=Grants({one.name: one.capabilities for one in PACKAGES}),
            audit=lambda *_: None,
        )
        self.host.calls = []
        self.host.instead = nobody

    # --- the controller's life ----------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start the controller."""
        self.store = await Store.open(self.directory / "froyo.db", runtime=self.runtime)
        await self.store.acquire_lease(LeaseHolder(host="here", pid=1, boot_id="boot", since=0.0), 1e9)
        self.controller = Controller(
            store=self.store,
            host=self.host,
            runtime=self.runtime,
            open_session=Session.open,
            settings=self.settings,
            policies=self.policies,
        )
        await self.controller.start()
        self._running = asyncio.create_task(self.controller.run(), name="controller")

    async def end(self) -> None:
        """Stop it in order."""
        await self.controller.stop(grace=5.0)
        await self._running
        await self.store.close()

    async def again(self) -> None:
        """Stop it, and start another one."""
        await self.end()
        await self.begin()

    async def killed(self) -> None:
        """As it has been killed: nothing more goes on record; and start another one."""
        self.store_fails = self.store_fails or StoreError("it is no more")
        with contextlib.suppress(StoreError):
            await self.end()
        self.store_fails = self.writes_left = None
        await self.begin()

    # --- what is declared ---------------------------------------------------------------------------------------

    def desired(self, *declared: Declared) -> Desired:
        """A snapshot that says so about every machine."""
        self.revision += 1
        return desired(
            [target(name) for name in self.machines],
            [one.instance for one in declared],
            [one.content for one in declared if one.content is not None],
            f"r{self.revision}",
        )

    async def declare(self, *declared: Declared) -> None:
        """Have the controller take it in."""
        await self.controller.submit(self.desired(*declared))

    # --- what is -------------------------------------------------------------------------------------------------

    def summary(self, name: str, *, on: str = "m0", kind: str = "File") -> Summary:
        """What the controller says of a file."""
        state = self.controller.states().get(Address(f"{on}/{kind}/{name}"))
        return summarize(state.conditions if state else ())

    def reason(self, name: str, *, on: str = "m0", kind: str = "File") -> str:
        """The reason of that."""
        return str(self.summary(name, on=on, kind=kind).reason)

    def ran(self, *, on: str = "m0") -> list[str]:
        """The commands that were run, checks left aside."""
        return [" ".join(argv) for _, argv in self.machines[on].programs.ran]

    def stalled(self, name: str) -> bool:
        """Whether the controller says that it gets no further with a file."""
        return self.stalled_for(address(name))

    def stalled_for(self, about: Address) -> bool:
        """The same of anything."""
        state = self.controller.states().get(about)
        condition = get_condition(state.conditions if state else (), ConditionType.STALLED)
        return condition is not None and condition.status is True

    def content(self, name: str, *, on: str = "m0") -> bytes | None:
        """What is in a file, or None."""
        node = self.machines[on].files.nodes.get(f"/srv/{name}")
        return node.content if node else None

    def spoil(
        self, name: str, content: bytes = b"spoiled\n", *, on: str = "m0", by: Json | None = VIM
    ) -> None:
        """Somebody writes to a file."""
        self.machines[on].files.put(f"/srv/{name}", Node(content=content), by)

    def measured(self, metric: Metric) -> dict[tuple[str, ...], int]:
        """How often each was counted, or observed, by its labels."""
        [family] = [one for one in self.measures.families() if one.metric is metric]
        return {one.labels: sum(one.counts) or int(one.value) for one in family.samples}

    async def events(self, reason: str) -> list[Event]:
        """What was said, oldest first."""
        return sorted(
            (one for one in await self.store.events() if one.reason == reason), key=lambda one: one.id
        )

    def sent(self, command: str, *, on: str = "m0") -> int:
        """How many frames with a command were sent to a target."""
        return sum(1 for name, frame in self.frames if name == on and frame.get("command") == command)

    # --- time -----------------------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], *, within: float = 120.0) -> float:
        """Wait until something is so; returns how long it took."""
        begun = self.loop.time()
        while not holds():
            assert self.loop.time() - begun < within, "it does not come to that"
            await asyncio.sleep(0.001)
        return self.loop.time() - begun

    async def settled(self, *, within: float = 120.0) -> None:
        """Wait until all is as declared, looked at once more, and quiet."""
        states = self.controller.states
        await self.until(
            lambda: bool(states()) and all(summarize(one.conditions).ready for one in states().values()),
            within=within,
        )
        await asyncio.sleep(3.0)

    # --- the world ------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """The wall clock."""
        return EPOCH + self.loop.time()

    async def _connect(self, wanted: Any) -> Any:
        machine = self.machines.get(wanted.name)
        if machine is None:
            raise TransportError(f"{wanted.name}: there is no such machine")

        def said(data: bytes) -> None:
            self.frames += [(str(wanted.name), frame) for frame in frames_in(data)]

        return await machine.connect(said=said)

    async def _offload(self, lane: str, function: Callable[[], Any]) -> Any:
        if lane == "store":
            if self.writes_left == 0:
                self.store_fails = StoreError("it is no more")
            if self.store_fails is not None:
                raise self.store_fails
            if self.writes_left is not None:
                self.writes_left -= 1
            self.writes += 1
        return function()

    def _new_id(self) -> str:
        self._ids += 1
        return f"{self._ids:012x}"

    def once(
        self,
        shown: Desired,
        progress: Progress | None = None,
        known: Mapping[Address, ResourceState] = MappingProxyType({}),
    ) -> OneShot:
        """A single run, without the loop, at what is not on record yet unless it is `known`."""
        services = self._services(shown, progress or Progress())
        wanted = InForce().take(shown, Record(states=known)).wanted
        return OneShot(wanted, known, services=services, open_session=Session.open)

    async def _outside(self, call: Call, _reach: Any) -> Reply:
        """What a page says; nobody answers where there is none."""
        url = str(call.args["url"])
        self.asked.append((self.loop.time(), url))
        page = self.pages.get(url)
        if page is None:
            return Failure(ErrorClass.TRANSIENT, "no_connection", f"{url}: connection refused")
        return Ok(
            {"reason": "", "headers": [], "body": "", "truncated": False, "elapsed_ms": 1} | await page()
        )

    def page(self, name: str, status: Callable[[], int] = lambda: 200, *, takes: float = 0.0) -> None:
        """Have `http://<name>/` answer."""

        async def answer() -> Json:
            await asyncio.sleep(takes)
            return {"status": status()}

        self.pages[f"http://{name}/"] = answer

    def _services(self, shown: Desired, progress: Progress) -> Services:
        return Services(
            host=self.host,
            store=self.store,
            runtime=self.runtime,
            settings=self.settings,
            find_blob=lambda digest: shown.blobs[digest],
            revision=shown.revision_on,
            revision_of=lambda _source, name: shown.revision_on(name),
            suspended=lambda _address: None,
            approved=lambda _address: None,
            loop_time=self.loop.time,
            probes=Probes(self.settings, loop_time=self.loop.time),
            progress=progress,
            policies=self.policies,
        )


def staged(test: Callable[[Stage], Awaitable[None]] | None = None, **given: Any) -> Any:
    """A test that gets a stage with a running controller. `machines` and `settings` may be given."""
    if test is None:
        return lambda decorated: staged(decorated, **given)
    machines = given.get("machines", ("m0",))

    def played(tmp_path: Path) -> None:
        async def play() -> None:
            stage = Stage(tmp_path, *machines, settings=given.get("settings"))
            stage.policies = given["policies"]() if "policies" in given else None
            await stage.begin()
            try:
                await test(stage)
            finally:
                await stage.end()

        run(play())

    played.__name__, played.__qualname__, played.__doc__ = test.__name__, test.__qualname__, test.__doc__
    played.__module__ = test.__module__
    return played
