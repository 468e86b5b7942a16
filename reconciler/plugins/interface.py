"""The shape of `froyo:provider/lifecycle`, as wasmtime tells it; see providers/runtime/wit/world.wit."""

from __future__ import annotations

from typing import Any

EXPORT = "froyo:provider/lifecycle@1.0.0"

_CLASS = "enum{transient, throttled, conflict, permanent}"
_FAULT = f"record{{class: {_CLASS}, message: string, retry-after-ms: option<u32>}}"
_STEP = "variant{done: string, pending: record{task: u32, calls: string}}"
FUNCTIONS = {
    "load": f"func(string) -> result<string, {_FAULT}>",
    "start": f"func(enum{{init, read, plan, apply, destroy}}, string) -> result<{_STEP}, {_FAULT}>",
    "resume": f"func(u32, string) -> result<{_STEP}, {_FAULT}>",
    "cancel": "func(u32) -> ()",
}
"""The functions, each with its type."""


def shape_of(item: Any) -> str:
    """A type as text, without the names of parameters. What has no place in the interface is just named."""
    from wasmtime import component as wit

    if isinstance(item, wit.FuncType):
        parameters = ", ".join(shape_of(parameter) for _, parameter in item.params)
        return f"func({parameters}) -> {shape_of(item.result) if item.result is not None else '()'}"
    if isinstance(item, wit.ResultType):
        return f"result<{shape_of(item.ok)}, {shape_of(item.err)}>"
    if isinstance(item, wit.OptionType):
        return f"option<{shape_of(item.payload)}>"
    if isinstance(item, wit.RecordType):
        return f"record{{{', '.join(f'{name}: {shape_of(field)}' for name, field in item.fields)}}}"
    if isinstance(item, wit.VariantType):
        return f"variant{{{', '.join(f'{name}: {shape_of(case)}' for name, case in item.cases)}}}"
    if isinstance(item, wit.EnumType):
        return f"enum{{{', '.join(item.names)}}}"
    return type(item).__name__.lower()
