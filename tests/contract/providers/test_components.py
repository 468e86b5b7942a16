"""A plugin.wasm of whatever language is served as a plugin.py is, and held as firmly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from wasmtime import wat2wasm

from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.calls import Call
from reconciler.plugins.calls import Phase
from tests.contract.providers.conftest import Audit, MakeHost
from tests.contract.providers.packages import Target, reading, write_package
from tests.contract.providers.wat import DONE, FAULT, LOADED, PENDING, component

READ = '{"actual":[{"address":"host/Thing/one","exists":true,"state":{"\\u00fc":"ü"},"watch":["path:/x"]}]}'
# In read (phase 1) answer what follows; in init answer the kinds, which the text begins with.
KINDS = '{"kinds":["Thing"]}'


def reads(body: str, **settings: Any) -> str:
    """A component whose `start` is the body in read, and answers its kinds in init."""
    answer_kinds = f"""
      (if (i32.eqz (local.get $phase)) (then
        (i32.store (i32.const {DONE + 12}) (i32.const {len(KINDS)}))
        (return (i32.const {DONE}))))
      (i32.store (i32.const {DONE + 8}) (i32.const {4096 + len(KINDS)}))
      (i32.store (i32.const {DONE + 12}) (i32.const {len(READ.encode())}))"""
    return component(reply=KINDS + READ, start=answer_kinds + body, **settings)


def package(directory: Path, text: str, *, seconds: float = 30, **settings: Any) -> None:
    limits = {"stepSeconds": seconds, "memoryMiB": 32, "outputMiB": 1, "calls": 10}
    write_package(directory, bytes(wat2wasm(text)), limits=limits, **settings)


async def test_answers(tmp_path: Path, make_host: MakeHost) -> None:
    package(tmp_path, reads(""))
    host = await make_host(warm=True, spares=2)

    reply = await host.run("test.thing", Phase.READ, reading(), Target())

    assert reply["actual"][0]["state"] == {"ü": "ü"}


async def test_asks_and_is_answered(tmp_path: Path, make_host: MakeHost) -> None:
    calls = '[{"call":"file.stat","args":{"path":"/etc/motd"}}]'
    package(tmp_path, reads(f"(return (i32.const {PENDING}))", calls=calls))
    host = await make_host()
    target = Target()

    reply = await host.run("test.thing", Phase.READ, reading(), target)

    assert target.rounds == [[Call("file.stat", {"path": "/etc/motd"})]]
    assert reply["actual"][0]["exists"] is True


async def test_declares_a_fault_of_its_own(tmp_path: Path, make_host: MakeHost, audit: Audit) -> None:
    package(tmp_path, reads(f"(return (i32.const {FAULT}))"))
    host = await make_host()

    with pytest.raises(ProviderError, match=r"^provider test\.thing, read: told so$") as caught:
        await host.run("test.thing", Phase.READ, reading(), Target())

    assert caught.value.error_class is ErrorClass.THROTTLED
    assert caught.value.retry_after == 1.5
    assert audit == []


GROW = """
  (loop $more
    (drop (memory.grow (i32.const 16)))
    (br_if $more (i32.lt_u (memory.size) (i32.const 100000))))"""
HOSTILE = {
    "endless loop": (reads("(loop $again (br $again))"), r"took longer than 2 s"),
    "endless growth": (reads(GROW), r"took longer than 2 s"),
    "recursion": (
        reads("(call $down)", extra="(func $down (call $down) (call $down))"),
        "recursed too deeply",
    ),
    "a trap": (reads("(unreachable)"), "gave up"),
    "a division by nothing": (
        reads("(drop (i32.div_u (i32.const 1) (i32.const 0)))"),
        "broke down: integer divide by zero",
    ),
    "a reply beyond its memory": (
        reads(f"(i32.store (i32.const {DONE + 12}) (i32.const 0x7fffffff))"),
        "broke down: ",
    ),
    "a reply at an address that there is not": (reads("(return (i32.const 0x7ffffff0))"), "broke down: "),
    "a reply that is no text": (
        reads(f"(i32.store8 (i32.load (i32.const {DONE + 8})) (i32.const 0xff))"),
        "broke down: ",
    ),
    "a step that there is not": (reads(f"(i32.store (i32.const {DONE + 4}) (i32.const 9))"), "broke down: "),
    "a class that there is not": (
        reads(f"(i32.store8 (i32.const {FAULT + 4}) (i32.const 77)) (return (i32.const {FAULT}))"),
        "broke down: ",
    ),
    "waiting for nothing": (reads(f"(return (i32.const {PENDING}))"), "waits for no calls at all"),
    "waiting for what is no call": (
        reads(f"(return (i32.const {PENDING}))", calls='[{"call": 5, "args": {}}]'),
        "something that is no call",
    ),
    "waiting for ever": (
        reads(
            f"(return (i32.const {PENDING}))",
            resume=f"(return (i32.const {PENDING}))",
            calls='[{"call":"facts","args":{}}]',
        ),
        "more than 10 calls",
    ),
    "asking in init": (
        component(start=f"(return (i32.const {PENDING}))", calls='[{"call":"facts","args":{}}]'),
        "asks for something in init",
    ),
    "kinds that are none": (component(reply="[]"), "implements the kinds None"),
    "a load that faults": (
        component(load=f"(i32.store (i32.const {LOADED}) (i32.const 1))"),
        "load: $",
    ),
    "an import": (
        component(imports='(import "wasi:cli/environment@0.2.0" (instance))'),
        "it imports wasi:cli/environment@0.2.0, and a provider may import nothing",
    ),
    "another interface": (
        component(export="froyo:provider/lifecycle@2.0.0"),
        re.escape("does not export froyo:provider/lifecycle@1.0.0"),
    ),
    "a hundred memories": (
        component(extra="".join(f"(memory $m{number} 1)" for number in range(100))),
        "does not start: .*memor|cannot be compiled|multiple memories",
    ),
    "too much memory from the start": (
        component(extra="").replace('(memory (export "memory") 2)', '(memory (export "memory") 1000)'),
        "does not start: ",
    ),
}


@pytest.mark.parametrize(("text", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
async def test_that_means_ill_is_contained_and_named(
    text: str, reason: str, tmp_path: Path, make_host: MakeHost, audit: Audit
) -> None:
    package(tmp_path, text, seconds=2 if "longer" in reason else 30)
    host = await make_host()

    with pytest.raises(ProviderError, match=reason) as caught:
        await host.run("test.thing", Phase.READ, reading(), Target())

    assert re.match("provider test.thing, (load|read): ", str(caught.value)) or "compiled" in str(
        caught.value
    )
    if "compiled" not in str(caught.value):
        assert audit[-1][0] == "provider.failed"
        assert audit[-1][1]["package"] == "test.thing"


async def test_that_is_no_component_says_so(tmp_path: Path, make_host: MakeHost) -> None:
    write_package(tmp_path, b"\0asm and what follows", name="test.thing")
    host = await make_host()

    with pytest.raises(ProviderError, match="cannot be compiled: "):
        await host.run("test.thing", Phase.READ, reading(), Target())


async def test_with_another_type_in_its_interface_is_refused(tmp_path: Path, make_host: MakeHost) -> None:
    # A list of bytes lies in memory as a text does, so the code need not change.
    package(tmp_path, component(request_type="(list u8)"))
    host = await make_host()

    with pytest.raises(ProviderError, match=r"does not export .* with start"):
        await host.run("test.thing", Phase.READ, reading(), Target())
