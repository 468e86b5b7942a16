"""Programs of a target: what it takes to run one, and what came of it.

Example:
    A program that is run when something differs::

        async def apply(self, operation):
            said = await run(operation.address, "update-alternatives", "--auto", operation.payload["name"])
            return Result(True, said)
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any, TypeAlias

from froyo_provider.calls import call
from froyo_provider.faults import PermanentError

Json: TypeAlias = "dict[str, Any]"

SECONDS = 120
OUTPUT = 4096
"""Bytes of each stream that are kept, unless the caller says otherwise."""


def program(owner: str, *argv: str, seconds: int = SECONDS, **more: Any) -> Json:
    """The call that runs a program, each time that it is made; where a session is lost, it goes on.

    Args:
        owner: the address of what it is run for: the same program for another one is another run.
        argv: the command line, which a capability has to cover.
        seconds: that it may take.
        more: other arguments of `exec.run`, such as `cwd`, `user` or `max_output`.

    Returns:
        The call, as a payload has it: `{"call": "exec.run", "args": {…}}`. As a call it fails only where the program
        cannot be run; how that ended, `succeeded` says.
    """
    name = hashlib.sha256("\0".join((owner, *argv)).encode()).hexdigest()[:32]
    args = {"id": name, "argv": list(argv), "anew": True, "timeout_ms": seconds * 1000, "max_output": OUTPUT}
    return {"call": "exec.run", "args": {**args, **more}}


async def run(owner: str, *argv: str, seconds: int = SECONDS, **more: Any) -> str:
    """Run a program to its end, and give what it has printed.

    Args:
        owner: see `program`, as for the others.
        argv: the command line.
        seconds: that it may take.
        more: other arguments of `exec.run`.

    Raises:
        PermanentError: it failed.
        CallError: it cannot be run.
    """
    step = program(owner, *argv, seconds=seconds, **more)
    return succeeded(argv, await call(step["call"], **step["args"]))


def printed(reply: Json) -> str:
    """What a program has printed on both streams, by the reply of `exec.run`."""
    return "".join(base64.b64decode(reply[one]).decode(errors="replace") for one in ("stdout", "stderr"))


def succeeded(argv: list[str] | tuple[str, ...], reply: Json) -> str:
    """What a program has printed that did what it was to do.

    Raises:
        PermanentError: it failed; says how, and what it printed.
    """
    said = printed(reply)
    if reply["exit"] == 0:
        return said
    how, said = reply["signal"] or f"exit status {reply['exit']}", said.strip()
    # Several lines stay what they are, such as a line with a mark below it.
    said = f":{chr(10) if chr(10) in said else ' '}{said}" if said else ""
    raise PermanentError(f"{argv[0]} failed ({how}){said}")
