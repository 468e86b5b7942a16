"""A host that runs plugin.py in CPython itself: for the simulation, and for tests of a whole package.

The same requests, calls, checks and answers as in WebAssembly; no limits of time and memory, and nothing
that holds a hostile provider. Nothing runs on another thread, so what happens is a function of what it is
given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from reconciler.errors import ErrorClass
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.packages import Package
from reconciler.plugins.running import Audit, Host, ProviderRun
from reconciler.plugins.steps import Fault, Finished, Misbehaviour, Pending

if TYPE_CHECKING:
    from froyo_provider import lifecycle


class NativeHost(Host):
    """See Host.

    Args:
        packages: of the form plugin.py.
        grants: what the operator grants them.
        audit: told of refusals and misbehaviour.
    """

    def __init__(self, packages: Iterable[Package], *, grants: Grants, audit: Audit) -> None:
        super().__init__(packages, grants=grants, audit=audit)
        # What runs in this process anyway gains nothing from being loaded afresh for each use.
        self._loaded: dict[str, lifecycle.Lifecycle] = {}

    async def prepare(self, package: Package) -> None:
        """Nothing needs to be prepared."""

    def instance(self, package: Package) -> NativeInstance:
        """One that shares the loaded plugin with all others."""
        loaded = self._loaded.get(package.name)
        if loaded is None:
            loaded = self._loaded[package.name] = _load(package)
        return NativeInstance(loaded)

    async def advanced(self, run: ProviderRun) -> Finished | Pending:
        """Here and now."""
        return run.advance()

    def afterwards(self, function: Callable[[], None]) -> None:
        """Here and now."""
        function()

    async def close(self) -> None:
        """Forget the plugins."""
        self._loaded.clear()


class NativeInstance:
    """One use of a loaded plugin; see steps.ProviderInstance."""

    def __init__(self, loaded: lifecycle.Lifecycle) -> None:
        self._lifecycle = loaded
        self._task: int | None = None

    def start(self, phase: Phase, request: str) -> Finished | Pending:
        """Begin a phase."""
        return self._step(lambda: self._lifecycle.start(phase.value, request))

    def resume(self, task: int, replies: str) -> Finished | Pending:
        """Carry on."""
        self._task = None
        return self._step(lambda: self._lifecycle.resume(task, replies))

    def close(self) -> None:
        """Give up what waits."""
        if self._task is not None:
            self._lifecycle.cancel(self._task)
            self._task = None

    def _step(self, advance: Callable[[], lifecycle.Done | lifecycle.Pending]) -> Finished | Pending:
        from froyo_provider import faults, lifecycle

        try:
            step = advance()
        except faults.Fault as fault:
            raise Fault(fault.message, ErrorClass(fault.error_class), fault.retry_after_ms) from fault
        except (MemoryError, RecursionError) as error:
            raise Misbehaviour(f"broke down: {type(error).__name__}") from error
        if isinstance(step, lifecycle.Done):
            return Finished(step.reply)
        self._task = step.task
        return Pending(step.calls, step.task)


PROVIDERS = Path(__file__).parents[2] / "providers"


def _compiled(package: Package) -> Mapping[str, str | CodeType]:
    """Its modules; those of this checkout by their files, so that what is run of them counts as covered."""
    if package.directory.parent != PROVIDERS:
        return package.modules()
    return {
        name: compile(source, str(package.directory / f"{name}.py"), "exec", dont_inherit=True)
        for name, source in package.modules().items()
    }


def _load(package: Package) -> lifecycle.Lifecycle:
    from froyo_provider import faults, lifecycle

    loaded = lifecycle.Lifecycle()
    try:
        loaded.load(_compiled(package), name=f"froyo_plugin_{package.digest[-16:]}")
    except faults.Fault as fault:
        raise Fault(fault.message, ErrorClass(fault.error_class)) from fault
    return loaded
