"""The host of providers in WebAssembly: prepares packages, and keeps instances ready that nobody has used.

Making an instance and loading a plugin into it costs milliseconds, using it costs a fraction of one. So some
instances of each package are made while nobody waits, and a use takes one.

Invariant: wasmtime is only entered under one lock, because its bindings are not thread-safe. On whose thread
is a matter of latency: to the lane `wasm` and back takes longer than most steps do. So a small step of a
package that was always quick is done where it is asked for, on the event loop's own thread, in so little
time that nobody notices. If it needs more it is interrupted, and begun again on the lane with all the time
that its limits allow: it is pure, so it may be.

Whatever enters wasmtime is here, since it shares that lock, and so it is longer than a module should be.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from reconciler.built import advice
from reconciler.errors import ErrorClass, FroyoError, ProviderError
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.compiled import CompiledCache
from reconciler.plugins.packages import RUNTIME, Package
from reconciler.plugins.passing import Audit
from reconciler.plugins.replies import parse
from reconciler.plugins.running import Host, ProviderRun
from reconciler.plugins.sandbox import Program, Sandbox, SandboxedInstance
from reconciler.plugins.steps import Fault, Finished, Interrupted, Misbehaviour, Pending
from reconciler.runtime import Runtime

T = TypeVar("T")

LANE = "wasm"
COMPILE_LANE = "compile"
SPARES = 2
"""Instances kept ready for each package: as many as a repair uses until it is done, and some 1.4 MB each."""
IDLE_SECONDS = 0.02
"""How long nothing must have happened until instances are freed and made: a repair in progress goes first."""
BREATH_SECONDS = 0.001
"""How long, between one of these chores and the next, somebody may come first."""
HERE_SECONDS = 0.02
"""How long a step may keep the event loop's own thread."""
HERE_MAX = 32_768
"""How much a step may be told there, in characters."""
_MADE = ("providers", "python-runtime")
CHORES_MAX = 8
"""How many used instances may lie about until then; those beyond are freed before anything else is done."""
UNHEARD_MAX = 4
"""How many may be on the lane, or done and not heard of: each has an instance that only the event loop sets aside."""


class _Ready:
    """A package that can be used."""

    def __init__(self, package: Package, program: Program, image: str, wanted_spares: int) -> None:
        self.package = package
        self.program = program
        self.image = image
        self.wanted_spares = wanted_spares
        self.spares: deque[SandboxedInstance] = deque()
        self.quick = True


class PluginHost(Host):
    """See Host.

    Args:
        packages: all packages.
        grants: what the operator grants them.
        runtime: for the lanes.
        cache_dir: for compiled components; made when missing, and has to be this user's alone.
        artifacts: where the Python runtime lies.
        audit: told of refusals and misbehaviour.
        spares: instances kept ready for each package.
        notice: told what takes long, for a person to see.
    """

    def __init__(
        self,
        packages: Iterable[Package],
        *,
        grants: Grants,
        runtime: Runtime,
        cache_dir: Path,
        artifacts: Path,
        audit: Audit,
        spares: int = SPARES,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        super().__init__(packages, grants=grants, audit=audit)
        self._runtime = runtime
        self._cache = CompiledCache(cache_dir)
        self._artifacts = artifacts
        self._spares = spares
        self._notice = notice
        self._sandbox: Sandbox | None = None
        self._programs: dict[Path, Program] = {}
        self._ready: dict[str, _Ready] = {}
        self._failed: dict[str, ProviderError] = {}
        self._preparing = asyncio.Lock()
        self._closing = False
        self._jobs = 0
        self._unheard = asyncio.Semaphore(UNHEARD_MAX)
        self._lock = threading.Lock()
        self._chores: deque[Callable[[], None]] = deque()
        self._idle: asyncio.TimerHandle | None = None
        self._background: asyncio.Task[None] | None = None
        self._early: set[asyncio.Task[None]] = set()

    def prepare_soon(self, packages: Iterable[str]) -> None:
        """Prepare some packages while nobody waits for them yet. What fails will say so when it is used."""

        async def prepare() -> None:
            for name in packages:
                with contextlib.suppress(FroyoError):
                    await self.prepare(self.packages[name])

        task = asyncio.create_task(prepare(), name="froyo-wasm-early")
        self._early.add(task)
        task.add_done_callback(self._early.discard)

    async def close(self) -> None:
        """Free everything. Runs under way must have ended."""
        self._closing = True
        for task in (early := set(self._early)):
            task.cancel()
        if early:
            await asyncio.wait(early)
        if self._idle is not None:
            self._idle.cancel()
        if self._background is not None:
            await asyncio.wait([self._background])
        await self._on_lane(self._free)

    # --- What a run needs ---------------------------------------------------------------------------

    async def prepare(self, package: Package) -> None:
        """Compile or map the component, load the plugin once, and see that it is what its manifest says."""
        if package.name in self._ready:
            return
        async with self._preparing:
            if package.name in self._ready:
                return
            if package.name in self._failed:
                raise self._failed[package.name]
            try:
                program = await self._program(self._component(package))
                ready = await self._on_lane(lambda: self._first(package, program))
            except OSError as error:
                message = f"provider {package.name}, load: {error}"
                raise ProviderError(message, error_class=ErrorClass.TRANSIENT) from error
            except (Fault, Misbehaviour) as error:
                self.audit(
                    "provider.failed", {"package": package.name, "phase": "load", "reason": str(error)}
                )
                failure = ProviderError(
                    f"provider {package.name}, load: {error}{advice(self._artifacts, about=_MADE)}"
                )
                self._failed[package.name] = failure
                raise failure from None
            self._ready[package.name] = ready

    def instance(self, package: Package) -> SandboxedInstance:
        """One of the spares; a new one if there is none left."""
        ready = self._ready[package.name]
        return ready.spares.popleft() if ready.spares else self._loaded(ready)

    async def advanced(self, run: ProviderRun) -> Finished | Pending:
        """Here if that is quick, else on the lane."""
        if self._idle is not None:
            self._when_idle()
        ready = self._ready[run.package.name]
        if (
            ready.quick
            and not self._jobs
            and (run.has_instance or ready.spares)
            and run.weight <= HERE_MAX
            and self._lock.acquire(blocking=False)
        ):
            try:
                with self._opened().briefly(HERE_SECONDS):
                    return run.advance()
            except Interrupted:
                ready.quick = False
            finally:
                self._lock.release()
        return await self._on_lane(run.advance)

    def afterwards(self, function: Callable[[], None]) -> None:
        """On the lane, when nobody waits: to free an instance takes as long as to use one."""
        self._chores.append(function)
        self._when_idle()

    # --- Lane and idle time -------------------------------------------------------------------------

    async def _on_lane(self, function: Callable[[], T]) -> T:
        self._jobs += 1
        try:
            async with self._unheard:
                return await self._runtime.offload(LANE, lambda: self._locked(function))
        finally:
            self._jobs -= 1

    def _locked(self, function: Callable[[], T]) -> T:
        # A job whose waiter was cancelled goes on, so that nothing but this says whether the lane is at work.
        with self._lock:
            while len(self._chores) > CHORES_MAX:
                self._chores.popleft()()
            return function()

    def _when_idle(self, seconds: float = IDLE_SECONDS) -> None:
        if self._closing:
            return
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(seconds, self._do_chore)

    def _do_chore(self) -> None:
        """Free what was used, or make what will be: one at a time, since somebody may come any moment."""
        self._idle = None
        lacking = [ready for ready in self._ready.values() if len(ready.spares) < ready.wanted_spares]
        if self._jobs:
            self._when_idle()
        elif self._chores:
            self._in_background(self._chores.popleft())
        elif lacking:
            self._in_background(lambda: self._add_spare(lacking[0]))

    def _in_background(self, function: Callable[[], None]) -> None:
        self._background = asyncio.get_running_loop().create_task(self._on_lane(function), name="froyo-wasm")
        self._background.add_done_callback(self._breathe)

    def _breathe(self, _done: asyncio.Task[None]) -> None:
        if self._idle is None:  # else somebody came in between
            self._when_idle(BREATH_SECONDS)

    # --- On the lane --------------------------------------------------------------------------------

    def _component(self, package: Package) -> Path:
        component = self._artifacts / RUNTIME if package.is_python else package.entry
        if not component.is_file():
            raise ProviderError(
                f"provider {package.name}: {component} is missing; an installed froyo comes with it, in a "
                "checkout `python hatch_build.py runtime` makes it"
            )
        return component

    async def _program(self, component: Path) -> Program:
        program = self._programs.get(component)
        if program is None:
            compiled = self._cache.find(component) or await self._compiled(component)
            try:
                program = await self._on_lane(lambda: self._open(compiled))
            except ValueError:
                # Compiled for another processor, say: compile it here.
                self._cache.discard(component)
                again = await self._compiled(component)
                program = await self._on_lane(lambda: self._open(again))
            self._programs[component] = program
        return program

    async def _compiled(self, component: Path) -> Path:
        self._notice(f"compiling {component.name} for this machine: some seconds, this once")
        given_up = threading.Event()
        try:
            return await self._runtime.offload(COMPILE_LANE, lambda: self._cache.make(component, given_up))
        finally:
            given_up.set()

    def _open(self, compiled: Path) -> Program:
        return self._opened().open(compiled)

    def _opened(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = Sandbox()
        return self._sandbox

    def _first(self, package: Package, program: Program) -> _Ready:
        """Load the plugin for the first time, and ask it which kinds it knows."""
        sources = json.dumps(package.modules()) if package.is_python else ""
        ready = _Ready(package, program, sources, self._spares)
        instance = self._loaded(ready)
        try:
            step = instance.start(Phase.INIT, "{}")
            if isinstance(step, Pending):
                raise Misbehaviour("asks for something in init, where there is no target")
            reply = parse(step.text)
            kinds = reply.get("kinds") if isinstance(reply, dict) else None
            declared = sorted(kind.kind for kind in package.kinds)
            if kinds != declared:
                raise Misbehaviour(f"implements the kinds {kinds}, and its manifest says {declared}")
        finally:
            instance.close()
        return ready

    def _loaded(self, ready: _Ready) -> SandboxedInstance:
        instance = self._opened().instantiate(ready.program, ready.package.limits)
        try:
            ready.image = instance.load(ready.image) or ready.image
        except BaseException:
            instance.close()
            raise
        return instance

    def _add_spare(self, ready: _Ready) -> None:
        try:
            spare = self._loaded(ready)
            try:
                # No use of it: the answer depends on nothing. It has the runtime, and a plugin that says what to
                # rehearse, touch the memory that a use needs.
                spare.start(Phase.INIT, "{}")
            except (Fault, Misbehaviour):
                spare.close()
                raise
            ready.spares.append(spare)
        except (Fault, Misbehaviour):
            # Whoever needs one will hear of it; there is no use in trying on and on.
            ready.wanted_spares = 0

    def _free(self) -> None:
        for chore in self._chores:
            chore()
        for ready in self._ready.values():
            while ready.spares:
                ready.spares.pop().close()
        self._ready.clear()
        self._programs.clear()
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None
