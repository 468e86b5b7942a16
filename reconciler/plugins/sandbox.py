"""Instances of providers in WebAssembly. The one module that knows wasmtime's bindings.

Invariants: a component has no imports at all, so a guest can do nothing but compute and answer; every entry
into a guest has a deadline, and every instance a limit of memory; an instance that was stopped or has
trapped is not entered again. Nothing in here is thread-safe, because the bindings are not: whoever calls it
holds the host's lock, on whatever thread.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import ErrorClass
from reconciler.plugins import compiling
from reconciler.plugins.calls import Phase
from reconciler.plugins.crossing import cross
from reconciler.plugins.interface import EXPORT, FUNCTIONS, shape_of
from reconciler.plugins.manifest import Limits
from reconciler.plugins.steps import Fault, Finished, Interrupted, Misbehaviour, Pending
from reconciler.plugins.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from wasmtime import Store
    from wasmtime.component import Component, ExportIndex, Func

# Of a component that componentize-py made there are some forty core instances; these leave room for others.
_TABLE_ELEMENTS = 1_000_000
_CORE_INSTANCES = 1_000
_TABLES = 1_000
_MEMORIES = 10


class Program:
    """A component, ready to be instantiated.

    Attributes:
        component: itself.
        exports: its functions, by name.
    """

    def __init__(self, component: Component, exports: dict[str, ExportIndex]) -> None:
        self.component = component
        self.exports = exports


class Sandbox:
    """The engine and its watchdog."""

    def __init__(self) -> None:
        from wasmtime.component import Linker

        self._engine = compiling.new_engine()
        self._linker = Linker(self._engine)
        self._watchdog = Watchdog(self._engine.increment_epoch)
        self.patience = math.inf

    @contextmanager
    def briefly(self, seconds: float) -> Iterator[None]:
        """Raise Interrupted out of whatever instance takes longer than this."""
        self.patience = seconds
        try:
            yield
        finally:
            self.patience = math.inf

    def watching(self, seconds: float) -> AbstractContextManager[Callable[[], bool]]:
        """Stop what runs inside of this if it runs for longer, or for longer than there is patience."""
        return self._watchdog.watching(min(seconds, self.patience))

    def open(self, compiled: Path) -> Program:
        """Map a compiled component.

        Raises:
            ValueError: it is not what this engine has compiled.
            Misbehaviour: it is no component of the world `froyo:provider`, or it imports something.
        """
        from wasmtime import WasmtimeError
        from wasmtime.component import Component, ComponentInstanceType

        try:
            component = Component.deserialize_file(self._engine, str(compiled))
        except WasmtimeError as error:
            raise ValueError(f"{compiled}: {error}") from None
        imports = sorted(component.type.imports(self._engine))
        if imports:
            raise Misbehaviour(
                f"it imports {', '.join(imports[:3])}{' …' if len(imports) > 3 else ''}, and a provider may "
                "import nothing; build it with WASI stubbed out (componentize-py componentize --stub-wasi)"
            )
        found = component.type.exports(self._engine).get(EXPORT)
        functions = found.exports(self._engine) if isinstance(found, ComponentInstanceType) else {}
        lifecycle = component.get_export_index(EXPORT)
        exports: dict[str, ExportIndex] = {}
        for name, expected in FUNCTIONS.items():
            index = component.get_export_index(name, lifecycle)
            if index is None or shape_of(functions.get(name)) != expected:
                raise Misbehaviour(f"it does not export {EXPORT} with {name}: {expected}")
            exports[name] = index
        return Program(component, exports)

    def instantiate(self, program: Program, limits: Limits) -> SandboxedInstance:
        """A fresh instance, not loaded yet.

        Raises:
            Misbehaviour: it does not start within its limits.
        """
        from wasmtime import Store, WasmtimeError

        store = Store(self._engine)
        try:
            store.set_limits(limits.memory_mib << 20, _TABLE_ELEMENTS, _CORE_INSTANCES, _TABLES, _MEMORIES)
            store.set_epoch_deadline(1)
            with self.watching(limits.step_seconds) as stopped:
                try:
                    instance = self._linker.instantiate(store, program.component)
                except WasmtimeError as error:
                    raise Misbehaviour(f"does not start: {_why(error, limits, stopped())}") from None
            functions = {name: instance.get_func(store, index) for name, index in program.exports.items()}
        except BaseException:
            store.close()
            raise
        return SandboxedInstance(store, functions, limits, self)

    def close(self) -> None:
        """End the watchdog and free the engine."""
        self._watchdog.close()
        self._linker.close()
        self._engine.close()


class SandboxedInstance:
    """One instance of a component; see steps.Instance."""

    def __init__(
        self, store: Store, functions: dict[str, Func | None], limits: Limits, sandbox: Sandbox
    ) -> None:
        self._store = store
        self._functions = functions
        self._limits = limits
        self._sandbox = sandbox

    def load(self, sources: str) -> str:
        """Load a plugin.py, from its modules (a JSON object) or from what this has answered for it before."""
        image: str = self._call("load", sources)
        return image

    def start(self, phase: Phase, request: str) -> Finished | Pending:
        """Begin a phase."""
        return _step(*self._call("start", phase, request))

    def resume(self, task: int, replies: str) -> Finished | Pending:
        """Carry on."""
        return _step(*self._call("resume", task, replies))

    def close(self) -> None:
        """Free its memory."""
        self._functions = {}
        self._store.close()

    def _call(self, name: str, *arguments: Phase | str | int) -> Any:
        from wasmtime import WasmtimeError

        function = self._functions.get(name)
        if function is None:
            raise Misbehaviour("its instance has ended")
        self._store.set_epoch_deadline(1)
        with self._sandbox.watching(self._limits.step_seconds) as stopped:
            try:
                ok, answer = cross(function, self._store, *arguments)
            except (WasmtimeError, UnicodeError, MemoryError) as error:
                self.close()
                if stopped() and self._sandbox.patience < self._limits.step_seconds:
                    raise Interrupted from None
                raise Misbehaviour(_why(error, self._limits, stopped())) from None
        if not ok:
            raise Fault(answer["message"], ErrorClass(answer["class"]), answer["retry-after-ms"])
        return answer


def _step(case: str, value: Any) -> Finished | Pending:
    return Finished(value) if case == "done" else Pending(value["calls"], value["task"])


def _why(error: Exception, limits: Limits, stopped: bool) -> str:  # noqa: FBT001 - a fact about the error
    """Why an instance died, in a person's words."""
    if stopped:
        return f"took longer than {limits.step_seconds:g} s to answer, and was stopped (limits.stepSeconds)"
    text = str(error).strip()
    if "call stack exhausted" in text:
        return "recursed too deeply, and was stopped"
    last = text.rsplit("\n", 1)[-1].strip() or type(error).__name__
    if "unreachable" in last:
        return (
            f"gave up: it ran out of its {limits.memory_mib} MiB of memory (limits.memoryMiB), or reached "
            "for a clock, a file or another thing that a provider does not have"
        )
    return f"broke down: {last.removeprefix('wasm trap: ')[:500]}"
