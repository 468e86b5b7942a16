"""The words between a provider and a target: phases, calls and replies, and which call may be made when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

Call: TypeAlias = "dict[str, Any]"
"""`{"call": "file.stat", "args": {…}}`, the arguments being those of one item of the runner's command."""
Reply: TypeAlias = "dict[str, Any]"
"""`{"ok": {…}}` or `{"error": {"class", "code", "message", "retry_after_ms"?}}`."""
Perform: TypeAlias = Callable[[list[Call]], Awaitable[list[Reply]]]
"""Makes calls on a target, all of them in one round trip if it can; one reply each, in order."""


class Phase(StrEnum):
    """What a provider is asked to do."""

    INIT = "init"
    READ = "read"
    PLAN = "plan"
    APPLY = "apply"
    DESTROY = "destroy"


@dataclass(frozen=True, slots=True)
class CallRule:
    """What the host knows about a call.

    Attributes:
        reading: whether it leaves the target as it is.
        path: whether it has an argument `path`, which a capability has to cover.
        command: the argument that holds a command line, which a capability has to cover; or "".
        link: the argument that says where a link leads, which a capability has to cover; or "".
    """

    reading: bool
    path: bool = True
    command: str = ""
    link: str = ""


CALLS: Mapping[str, CallRule] = MappingProxyType(
    {
        "file.stat": CallRule(reading=True),
        "dir.list": CallRule(reading=True),
        "facts": CallRule(reading=True, path=False),
        "file.write": CallRule(reading=False, command="validate"),
        "file.remove": CallRule(reading=False),
        "dir.ensure": CallRule(reading=False),
        "dir.remove": CallRule(reading=False),
        "link.ensure": CallRule(reading=False, link="to"),
        "exec": CallRule(reading=False, path=False, command="argv"),
    }
)
"""Every call that a provider can make.

What reads is what the runner can do again by itself, in its `observe`: else a look at a target would never be one
frame. So the runner's `file.read`, whose content comes in pieces, is not among them; `file.stat` gives short contents.
"""


def refused_in(phase: Phase, call: str) -> str:
    """Why this phase does not allow the call, or ""."""
    rule = CALLS.get(call)
    if rule is None:
        return "there is no such call"
    if phase in {Phase.INIT, Phase.PLAN}:
        return f"nothing can be asked of the target in {phase}"
    if phase is Phase.READ and not rule.reading:
        return "it changes the target, and in read a provider may only look"
    return ""
