"""The component that runs any plugin.py: CPython, the SDK, and the standard library as far as it computes.

componentize-py imports this module once, while building, and freezes the interpreter's memory into the
component. So what is imported here costs an instance nothing, and what is not imported here does not exist.
The built-in plugins are loaded here too: an instance that gets one of these has it at once.

Invariant: nothing here reaches for a clock, randomness, a file or a socket when it is used. The imports of
WASI that CPython itself has are replaced by traps when the component is built.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import importlib
import io
import json
import marshal
import sys

import froyo_built_in
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import lifecycle as wit

from froyo_provider import (
    Actual,
    FieldDiff,
    Operation,
    Provider,
    Resource,
    Result,
    batch,
    call,
    testing,
)
from froyo_provider.defects import describe
from froyo_provider.environment import MODULES, file_of
from froyo_provider.faults import Fault, PermanentError
from froyo_provider.lifecycle import Done, Pending
from froyo_provider.lifecycle import Lifecycle as Driver
from froyo_provider.testing import memory, units  # noqa: F401 - what is to be there is imported: for cases/world.py

IMAGE = "#froyo-image:"
"""How a compiled plugin begins."""
BUILT_IN = "#froyo-built-in:"
"""How the name of a plugin begins that is here already; the SHA-256 of its sources follows."""

MESSAGE_MAX = 4096

_PHASES = {phase: phase.name.lower() for phase in wit.Phase}
_CLASSES = {error_class.name.lower(): error_class for error_class in wit.ErrorClass}


class Lifecycle(exports.Lifecycle):
    """The exported interface. An instance of the component serves one plugin; each call makes a Lifecycle."""

    driver = Driver()

    def load(self, sources: str) -> str:
        """Run the plugin, from its modules' sources (a JSON object) or from what this answered to another instance."""
        name = sources if sources.startswith((BUILT_IN, IMAGE)) else _name(sources)
        if name in _built_in:
            Lifecycle.driver = _built_in[name]
            return name
        image = ""
        try:
            if sources.startswith(IMAGE):
                modules = marshal.loads(base64.b64decode(sources[len(IMAGE) :]))  # noqa: S302 - inside the sandbox
                self.driver.load(modules)
            else:
                modules = json.loads(sources)
                self.driver.load(modules)
                compiled = {
                    module: compile(source, file_of(module), "exec", dont_inherit=True)
                    for module, source in modules.items()
                }
                image = IMAGE + base64.b64encode(marshal.dumps(compiled)).decode()
        except SyntaxError as error:  # of a module that nothing imports
            raise Err(_fault(PermanentError(describe(error)))) from None
        except Fault as fault:
            raise Err(_fault(fault)) from None
        return image

    def start(self, phase: wit.Phase, request: str) -> wit.Step:
        """Begin a phase."""
        try:
            if phase is wit.Phase.INIT and not self.driver.rehearse():
                _rehearse()
            return _step(self.driver.start(_PHASES[phase], request))
        except Fault as fault:
            raise Err(_fault(fault)) from None

    def resume(self, task: int, replies: str) -> wit.Step:
        """Carry on."""
        try:
            return _step(self.driver.resume(task, replies))
        except Fault as fault:
            raise Err(_fault(fault)) from None

    def cancel(self, task: int) -> None:
        """Give up."""
        self.driver.cancel(task)


def _name(sources: str) -> str:
    return BUILT_IN + hashlib.sha256(sources.encode()).hexdigest()


def _step(step: Done | Pending) -> wit.Step:
    if isinstance(step, Done):
        return wit.Step_Done(step.reply)
    return wit.Step_Pending(wit.Pending(step.task, step.calls))


def _fault(fault: Fault) -> wit.Fault:
    # A lone surrogate, of a file's name that is not UTF-8, cannot cross the boundary.
    message = fault.message[:MESSAGE_MAX].encode("utf-8", "backslashreplace").decode()
    return wit.Fault(_CLASSES[fault.error_class], message, fault.retry_after_ms)


# --- Rehearsal --------------------------------------------------------------------------------------
# An instance shares its memory with the component until it is written to, page by page. Going through the
# phases once leaves little of that to be done when somebody waits, and next to nothing where the plugin names
# a look of its own to go through. The host asks `init` of an instance that it keeps ready, in idle time; one
# that is made while somebody waits need not write more than it has to.


class Rehearsal(Provider):
    """A provider that does what they all do."""

    async def read(self, wanted: list[Resource]) -> list[Actual]:
        """One round trip."""
        stats = await batch("file.stat", [{"path": one.spec["path"]} for one in wanted])
        return [
            Actual(exists=True, state=dict(stat), watch=[one.spec["path"]])
            for one, stat in zip(wanted, stats, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """One difference each."""
        return [
            Operation("update", [FieldDiff("mode", now.state["mode"], one.spec["mode"])], dict(one.spec))
            for one, now in zip(wanted, actual, strict=True)
        ]

    async def apply(self, operation: Operation) -> Result:
        """One call."""
        return Result((await call("file.write", path=operation.payload["path"]))["changed"])


def _rehearse() -> None:
    world = testing.World({"file.stat": {"mode": "0644"}, "file.write": {"changed": True}})
    harness = testing.Harness([Rehearsal], world)
    resources = [testing.resource("Rehearsal", f"r{n}", path=f"/r{n}", mode="0600") for n in range(2)]
    harness.apply(harness.plan(resources, harness.read(resources)))


# --- Frozen into the component ----------------------------------------------------------------------

_ENCODINGS = ("ascii", "idna", "latin_1", "punycode", "utf_8_sig", "utf_16", "utf_32")
# What the modules of the SDK's list import when one of their functions is called.
_LATER = ("_strptime", "inspect", "linecache", "locale", "reprlib", "tokenize", "traceback")
for _module in (*MODULES, *_LATER, *(f"encodings.{encoding}" for encoding in _ENCODINGS)):
    importlib.import_module(_module)
_rehearse()

_built_in: dict[str, Driver] = {}
for _number, _sources in enumerate(froyo_built_in.PACKAGES):
    _built_in[_name(_sources)] = Driver()
    _built_in[_name(_sources)].load(json.loads(_sources), name=f"built_in_{_number}")

_OUTSIDE = frozenset({"open", "os.listdir", "os.scandir", "os.system", "socket.__new__", "subprocess.Popen"})


def _no_world(event: str, args: tuple[object, ...]) -> None:
    """Say what is the matter where a trap would say nothing."""
    del args
    if event in _OUTSIDE:
        raise PermanentError(f"a provider has no files, processes or network ({event})")


# Also what the compiler does to show the line of a syntax error.
sys.addaudithook(_no_world)
# Whoever prints prints to nobody.
sys.stdout = sys.stderr = type("Nobody", (io.TextIOBase,), {"write": lambda _, text: len(text)})()
# What is not here by now is nowhere: looking for it on a file system would only trap.
sys.meta_path = [
    finder for finder in sys.meta_path if finder.__name__ in {"BuiltinImporter", "FrozenImporter"}
]
sys.path.clear()
# An instance lives for one phase, within a limit of memory: what is here by now need not be looked at again.
gc.collect()
gc.freeze()
gc.set_threshold(50_000)
