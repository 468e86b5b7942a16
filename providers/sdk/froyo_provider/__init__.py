"""What the author of a provider imports. See docs/spec/provider-interface.md.

Example:
    A whole plugin.py::

        from froyo_provider import Actual, CallError, FieldDiff, Operation, Provider, Result, batch, call

        class Marker(Provider):
            async def read(self, wanted):
                stats = await batch("file.stat", [{"path": one.spec["path"]} for one in wanted])
                return [
                    stat if isinstance(stat, CallError) else Actual(stat["exists"], {}, [f"path:{one.spec['path']}"])
                    for one, stat in zip(wanted, stats)
                ]

            def plan(self, wanted, actual):
                return [self.plan_one(one.spec["path"], now) for one, now in zip(wanted, actual)]

            def plan_one(self, path, now):
                if now.exists:
                    return Operation("none")
                return Operation("create", [FieldDiff("path", None, path)], {"path": path})

            async def apply(self, operation):
                done = await call("dir.ensure", path=operation.payload["path"])
                return Result(done["changed"])
"""

from froyo_provider.calls import batch, call, call_unless, gather
from froyo_provider.faults import (
    CallError,
    ConflictError,
    ErrorClass,
    Fault,
    PermanentError,
    ThrottledError,
    TransientError,
)
from froyo_provider.model import Actual, FieldDiff, Found, Operation, Rehearsal, Resource, Result
from froyo_provider.provider import Provider

__all__ = [
    "Actual",
    "CallError",
    "ConflictError",
    "ErrorClass",
    "Fault",
    "FieldDiff",
    "Found",
    "Operation",
    "PermanentError",
    "Provider",
    "Rehearsal",
    "Resource",
    "Result",
    "ThrottledError",
    "TransientError",
    "batch",
    "call",
    "call_unless",
    "gather",
]
__version__ = "0.1.0"
