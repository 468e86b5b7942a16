"""The way into a component and back: values as wasmtime's C interface has them.

wasmtime's own `Func` looks up afresh, at every call, which types a function has; that takes as long as a small step of
a provider. Here they are known: whoever opens a component has compared it with `interface.FUNCTIONS`, all of whose
functions answer with a result. Invariant: what was made for a call, on either side, is freed however it ends.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from reconciler.plugins.calls import Phase

if TYPE_CHECKING:
    from wasmtime import Store
    from wasmtime.component import Func


def cross(function: Func, store: Store, *arguments: Phase | str | int) -> tuple[bool, Any]:
    """Call a function of the interface.

    Args:
        function: which one.
        store: that it lives in.
        *arguments: as its type says: a phase, a text, a number of 32 bits.

    Returns:
        Whether its result is ok, and what is in it: a variant as its case and value, a record as a dict.

    Raises:
        WasmtimeError: it has trapped, or was stopped.
        UnicodeError: a text cannot cross.
    """
    from wasmtime import WasmtimeError
    from wasmtime import _ffi as ffi

    # Of zeros, which own nothing, until something is put there.
    values = (ffi.wasmtime_component_val_t * (len(arguments) + 1))()
    try:
        for value, argument in zip(values, arguments, strict=False):
            _lower(value, argument)
        answer = values[len(arguments)]
        inside, context = ctypes.byref(function._func), store._context()  # noqa: SLF001 - below `Func`
        error: Any = ffi.wasmtime_component_func_call(
            inside, context, values, len(arguments), ctypes.byref(answer), 1
        )
        if error:
            raise WasmtimeError._from_ptr(error)  # noqa: SLF001 - as `Func` does
        result = answer.of.result
        lifted = bool(result.is_ok), _lift(result.val.contents)
        function.post_return(store)
        return lifted
    finally:
        for value in values:
            ffi.wasmtime_component_val_delete(ctypes.byref(value))


def _lower(value: Any, argument: Phase | str | int) -> None:
    from wasmtime import _ffi as ffi

    if isinstance(argument, int):
        value.kind, value.of.u32 = ffi.WASMTIME_COMPONENT_U32, argument
        return
    text = argument.encode()
    data = ctypes.cast(ctypes.c_char_p(text), ctypes.POINTER(ffi.wasm_byte_t))
    if isinstance(argument, Phase):
        ffi.wasm_byte_vec_new(ctypes.byref(value.of.enumeration), len(text), data)
        value.kind = ffi.WASMTIME_COMPONENT_ENUM
    else:
        ffi.wasm_byte_vec_new(ctypes.byref(value.of.string), len(text), data)
        value.kind = ffi.WASMTIME_COMPONENT_STRING


def _lift(value: Any) -> Any:
    from wasmtime import _ffi as ffi

    kind, of = value.kind, value.of
    if kind == ffi.WASMTIME_COMPONENT_STRING.value:
        return _text(of.string)
    if kind == ffi.WASMTIME_COMPONENT_VARIANT.value:
        return _text(of.variant.discriminant), _lift(of.variant.val.contents)
    if kind == ffi.WASMTIME_COMPONENT_RECORD.value:
        entries = of.record.data[: of.record.size]
        return {_text(entry.name): _lift(entry.val) for entry in entries}
    if kind == ffi.WASMTIME_COMPONENT_U32.value:
        return of.u32
    if kind == ffi.WASMTIME_COMPONENT_OPTION.value:
        return _lift(of.option.contents) if of.option else None
    return _text(of.enumeration)  # an enum, which is all that is left


def _text(name: Any) -> str:
    return ctypes.string_at(name.data, name.size).decode()
