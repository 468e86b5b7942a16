"""Components of the provider's world written by hand: small, quick to compile, and as hostile as one likes.

Each function of the interface is given as the body of a core function that returns the address of its result.
The layouts are those of the canonical ABI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasmtime import wat2wasm

if TYPE_CHECKING:
    from pathlib import Path

# Where results lie ready in memory: a tag, then at 4 the tag of the step, then at 8 what is in it.
DONE = 16
PENDING = 48
FAULT = 80
LOADED = 112
TEXT = 4096


def _le(*words: int) -> str:
    return "".join(f"\\{byte:02x}" for word in words for byte in word.to_bytes(4, "little"))


def component(
    *,
    reply: str = '{"kinds":["Thing"]}',
    calls: str = "[]",
    start: str = "",
    resume: str = "",
    load: str = "",
    extra: str = "",
    imports: str = "",
    request_type: str = "string",
    export: str = "froyo:provider/lifecycle@1.0.0",
) -> str:
    """The text of a component.

    Args:
        reply: what DONE answers.
        calls: what PENDING asks for.
        start: body of `start`, which answers DONE unless it returns first; it has $phase, $request, $length.
        resume: body of `resume`, likewise; it has $task, $replies, $length.
        load: body of `load`, which answers the empty text; it has $source, $length.
        extra: more of the core module.
        imports: imports of the component.
        request_type: type of the request, to get it wrong.
        export: name of the interface, likewise.
    """
    reply_at, calls_at, fault_at = TEXT, TEXT + len(reply.encode()), TEXT + len((reply + calls).encode())
    texts = "".join(f"\\{byte:02x}" for byte in (reply + calls + "told so").encode())
    return f"""
(component
  {imports}
  (core module $code
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 65536))
    (data (i32.const {DONE}) "{_le(0, 0, reply_at, len(reply.encode()))}")
    (data (i32.const {PENDING}) "{_le(0, 1, 7, calls_at, len(calls.encode()))}")
    (data (i32.const {FAULT}) "{_le(1, 1, fault_at, 7, 1, 1500)}")
    (data (i32.const {LOADED}) "{_le(0, 0, 0)}")
    (data (i32.const {TEXT}) "{texts}")
    (func $realloc (export "realloc") (param i32 i32 i32) (param $size i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get $size)))
      (block $enough
        (br_if $enough (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get $size) (i32.const 65536))))))
      (local.get $at))
    {extra}
    (func (export "load") (param $source i32) (param $length i32) (result i32) {load} (i32.const {LOADED}))
    (func (export "start") (param $phase i32) (param $request i32) (param $length i32) (result i32)
      {start} (i32.const {DONE}))
    (func (export "resume") (param $task i32) (param $replies i32) (param $length i32) (result i32)
      {resume} (i32.const {DONE}))
    (func (export "cancel") (param $task i32)))
  (core instance $core (instantiate $code))
  (type $phase (enum "init" "read" "plan" "apply" "destroy"))
  (type $class (enum "transient" "throttled" "conflict" "permanent"))
  (type $fault (record
    (field "class" $class) (field "message" string) (field "retry-after-ms" (option u32))))
  (type $pending (record (field "task" u32) (field "calls" string)))
  (type $step (variant (case "done" string) (case "pending" $pending)))
  (func $load (param "source" string) (result (result string (error $fault)))
    (canon lift (core func $core "load") (memory $core "memory") (realloc (func $core "realloc"))))
  (func $start (param "phase" $phase) (param "request" {request_type}) (result (result $step (error $fault)))
    (canon lift (core func $core "start") (memory $core "memory") (realloc (func $core "realloc"))))
  (func $resume (param "task" u32) (param "replies" string) (result (result $step (error $fault)))
    (canon lift (core func $core "resume") (memory $core "memory") (realloc (func $core "realloc"))))
  (func $cancel (param "task" u32)
    (canon lift (core func $core "cancel")))
  (component $named
    (type $phase (enum "init" "read" "plan" "apply" "destroy"))
    (type $class (enum "transient" "throttled" "conflict" "permanent"))
    (import "phase" (type $phase0 (eq $phase)))
    (import "class" (type $class0 (eq $class)))
    (type $fault (record
      (field "class" $class0) (field "message" string) (field "retry-after-ms" (option u32))))
    (import "fault" (type $fault0 (eq $fault)))
    (type $pending (record (field "task" u32) (field "calls" string)))
    (import "pending" (type $pending0 (eq $pending)))
    (type $step (variant (case "done" string) (case "pending" $pending0)))
    (import "step" (type $step0 (eq $step)))
    (import "load" (func $load (param "source" string) (result (result string (error $fault0)))))
    (import "start" (func $start
      (param "phase" $phase0) (param "request" {request_type}) (result (result $step0 (error $fault0)))))
    (import "resume" (func $resume
      (param "task" u32) (param "replies" string) (result (result $step0 (error $fault0)))))
    (import "cancel" (func $cancel (param "task" u32)))
    (export $phase1 "phase" (type $phase0))
    (export $class1 "error-class" (type $class0))
    (type $fault2 (record
      (field "class" $class1) (field "message" string) (field "retry-after-ms" (option u32))))
    (export $fault1 "fault" (type $fault2))
    (export $pending1 "pending" (type $pending0))
    (type $step2 (variant (case "done" string) (case "pending" $pending1)))
    (export $step1 "step" (type $step2))
    (export "load" (func $load) (func (param "source" string) (result (result string (error $fault1)))))
    (export "start" (func $start)
      (func (param "phase" $phase1) (param "request" {request_type})
        (result (result $step1 (error $fault1)))))
    (export "resume" (func $resume)
      (func (param "task" u32) (param "replies" string) (result (result $step1 (error $fault1)))))
    (export "cancel" (func $cancel) (func (param "task" u32))))
  (instance $lifecycle (instantiate $named
    (with "phase" (type $phase)) (with "class" (type $class)) (with "fault" (type $fault))
    (with "pending" (type $pending)) (with "step" (type $step))
    (with "load" (func $load)) (with "start" (func $start))
    (with "resume" (func $resume)) (with "cancel" (func $cancel))))
  (export "{export}" (instance $lifecycle)))
"""


def write_component(path: Path, text: str) -> None:
    """Assemble the text of a component into a file."""
    path.write_bytes(wat2wasm(text))
