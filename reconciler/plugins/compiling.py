"""How components are compiled, here and in the process that does it.

Compiling takes seconds, all cores and hundreds of megabytes, so it is done by a process of its own, which
runs this file as a script. Invariant: it imports nothing of froyo, and whoever compiles and whoever loads
use the same engine.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wasmtime import Engine

MEMORY_MAX = 6 << 30
SECONDS_MAX = 300
SETTINGS = "epoch,opt=speed,stack=1MiB"
"""Changes whenever `new_engine` does."""


def new_engine() -> Engine:
    """The engine of all sandboxes: what runs can be interrupted, and shares nothing."""
    import wasmtime

    config = wasmtime.Config()
    config.epoch_interruption = True
    config.cranelift_opt_level = "speed"
    config.max_wasm_stack = 1 << 20
    config.wasm_threads = False
    config.shared_memory = False
    return wasmtime.Engine(config)


def engine_name() -> str:
    """All that a compiled component depends on, besides the component and the processor.

    wasmtime's version is taken from the looks of its library: to import it, or to ask for its metadata,
    would cost a start more than everything else here.
    """
    spec = importlib.util.find_spec("wasmtime")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("wasmtime is not installed", name="wasmtime")
    looks = [
        f"{status.st_size} {status.st_mtime_ns}"
        for library in sorted(Path(spec.origin).parent.glob("*/*wasmtime.*"))
        for status in [library.stat()]
    ]
    return f"wasmtime {' '.join(looks)} {SETTINGS}"


def main(component: str, out: str) -> None:
    """Compile one component."""
    from wasmtime.component import Component

    os.nice(5)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    with open(component, "rb") as file:
        compiled = Component(new_engine(), file.read()).serialize()
    with open(out, "wb") as file:
        file.write(compiled)
        file.flush()
        os.fsync(file.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
