"""Compiled policies, ready to be asked. The one module that knows the bindings of OPA's WebAssembly.

What may be hostile is on the other side of this file. Invariants: an evaluation has a deadline and a limit of memory,
sees nothing but the input and the data that it was given, and cannot keep anything for the next one; an instance in
which something went wrong is never asked again; whatever goes wrong is a PolicyFailure, and whoever gets one denies.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from reconciler.policy.builtins import BUILTINS, NOW
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.questions import AT_WORK
from reconciler.policy.ticking import TICK, EpochClock

if TYPE_CHECKING:
    from opapywasm.instance import OpaPolicyInstance
    from opapywasm.runtime import EpochTicker

SEATS = 2
"""How many evaluations of the same policies may run at once: one for a plan, one for a snapshot."""
_PAGE = 65_536
_FIRST_PAGES = 128
"""With how much memory an instance begins. All texts of the policies have to fit in, and they may be 4 MiB."""
LOADING = 10.0
"""Seconds that a module may take to be loaded, and what is called before its time is up counts on from there."""
_STASHED = 1 << 20
"""Bytes of input after which an instance is not kept: memory that has grown does not get smaller."""


@dataclass(frozen=True, slots=True)
class PolicyLimits:
    """What one evaluation may take.

    Attributes:
        seconds: of time.
        memory_mib: of memory.
        input_mib: of what it is asked.
        answer_mib: of what it says.
    """

    seconds: float = 10.0
    memory_mib: int = 512
    input_mib: int = 48
    answer_mib: int = 4


class PolicyProgram:
    """Policies as one WebAssembly module, with the data that they look at.

    Args:
        wasm: the module.
        data: what they find below `data` besides themselves.
        limits: what one evaluation may take.

    Attributes:
        entrypoints: what can be asked, each with its number.
        asks_at_work: whether `at_work` is a word of theirs.
        lacking: the functions that it calls and cannot have here; one that has any must not be asked.

    Raises:
        PolicyFailure: it is no module of policies.
    """

    def __init__(self, wasm: bytes, data: Mapping[str, Any], limits: PolicyLimits | None = None) -> None:
        from opapywasm import runtime
        from opapywasm.abi import OpaAbiSpec
        from opapywasm.builtins import BuiltinRegistry
        from opapywasm.pool import OpaInstancePool
        from opapywasm.runtime import WasmtimeRuntimeFactory
        from opapywasm.types import PolicyConfig

        self._limits = limits or PolicyLimits()
        self._config = PolicyConfig(
            max_input_bytes=self._limits.input_mib << 20,
            max_data_bytes=self._limits.input_mib << 20,
            max_result_bytes=self._limits.answer_mib << 20,
            max_cstring_scan_bytes=(self._limits.answer_mib << 20) + 1,
            max_memory_pages=(self._limits.memory_mib << 20) // _PAGE,
            eval_timeout_seconds=self._limits.seconds,
            parse_raw_json_input=False,
        )
        self._spec = OpaAbiSpec()
        # The bindings begin with two pages, whatever a module says that it takes, and refuse it then.
        vars(runtime)["_DEFAULT_MEMORY_PAGES"] = _FIRST_PAGES
        # Nor have they a deadline for what a module does while it is loaded. Ours may have been made by anybody.
        vars(runtime)["_NO_DEADLINE_TICKS"] = int(LOADING / TICK)
        self._data = _encoded(data, self._limits)
        self.asks_at_work = AT_WORK.encode() in wasm
        self._now = threading.local()
        self._registry = BuiltinRegistry({**BUILTINS, NOW: partial(getattr, self._now, "ns")})
        try:
            self._factory = WasmtimeRuntimeFactory(wasm, max_memory_pages=self._config.max_memory_pages)
            with contextlib.ExitStack() as stack:
                self._clock = EpochClock(self._factory.engine.increment_epoch)
                stack.callback(self._clock.close)
                with self._clock.ticking():
                    probe = self._instance()
                    self.entrypoints = probe.entrypoints()
                    needed = probe.builtins()
                stack.pop_all()
        except Exception as error:  # the bindings raise more than they say
            raise PolicyFailure(f"it cannot be loaded: {_first_line(error)}") from error
        self._using, self._retired, self._uses = 0, False, threading.Lock()
        self._pool = OpaInstancePool(
            max_size=SEATS,
            factory=self._instance,
            snapshot_fn=lambda: (self._data, 0),
            refresh_fn=lambda instance, data, version: instance.reload_data(data, version),  # type: ignore[arg-type]
            borrow_timeout_seconds=None,
        )
        probe.close()
        self.lacking = tuple(sorted(needed.keys() - BUILTINS.keys() - {NOW}))

    def evaluate(self, entrypoint: str, asked: bytes, *, now: float) -> Any:
        """What they say; None where that is undefined.

        Args:
            entrypoint: one of those that there are.
            asked: the input, as JSON.
            now: what they take for the time, in seconds since the epoch.

        Raises:
            PolicyFailure: they do not come to an answer.
        """
        from opapywasm.errors import OpaWasmError

        if len(asked) > self._limits.input_mib << 20:
            limit = self._limits.input_mib
            raise PolicyFailure(f"what it would be asked is {len(asked) >> 20} MiB, and may be {limit}")
        self._now.ns = int(now * 1000) * 1_000_000
        try:
            with self._in_use(), self._clock.ticking(), self._pool.borrow() as loan:
                found = loan.instance.evaluate(asked, self.entrypoints[entrypoint])
                if len(asked) > _STASHED:
                    loan.discard()
        except OpaWasmError as error:
            raise self._failure(error) from error
        if not found:
            return None
        if not isinstance(found, list) or not isinstance(found[0], dict) or "result" not in found[0]:
            raise PolicyFailure("its answer has not the shape of one")
        return found[0]["result"]

    @contextlib.contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._uses:
            self._using += 1
        try:
            yield
        finally:
            with self._uses:
                self._using -= 1
                last = self._retired and not self._using
            if last:
                self._free()

    def close(self) -> None:
        """Free it, as soon as nobody is answered any more. Nothing may be asked from now on."""
        with self._uses:
            first, self._retired = not self._retired, True
            idle = first and not self._using
        if idle:
            self._free()

    def _free(self) -> None:
        self._pool.close()
        self._clock.close()

    def _instance(self) -> OpaPolicyInstance:
        from opapywasm.instance import OpaPolicyInstance

        return OpaPolicyInstance(
            self._factory,
            self._config,
            self._spec,
            initial_data=self._data,
            builtins=self._registry,
            epoch=cast("EpochTicker", self._clock),  # what of one is used is there
        )

    def _failure(self, error: Exception) -> PolicyFailure:
        """Why an evaluation ended without an answer, in a person's words."""
        text = _first_line(error)
        if "time limit" in text:
            why = f"it took longer than {self._limits.seconds:g} s, and was stopped"
            return PolicyFailure(why, exceeded=True)
        if "opa_malloc" in text or "out of memory" in text:
            why = f"it ran out of its {self._limits.memory_mib} MiB of memory"
            return PolicyFailure(why, exceeded=True)
        if "call stack exhausted" in text:
            return PolicyFailure("it recursed too deeply, and was stopped", exceeded=True)
        if "byte limit" in text or "NUL terminator" in text:
            return PolicyFailure(f"it says more than {self._limits.answer_mib} MiB")
        return PolicyFailure(f"it broke down: {text}")


def _encoded(data: Mapping[str, Any], limits: PolicyLimits) -> bytes:
    """As JSON, if that is not too much."""
    try:
        text = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise PolicyFailure(f"its data cannot be said in JSON: {error}") from error
    if len(text) > limits.input_mib << 20:
        raise PolicyFailure(f"its data is {len(text) >> 20} MiB, and may be {limits.input_mib}")
    return text


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    found = lines[0] if lines else type(error).__name__
    said = next((line for line in lines if "wasm trap" in line), "")
    return f"{found[:500]} ({said})" if said and said not in found else found[:500]
