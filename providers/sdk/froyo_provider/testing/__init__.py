"""To test a provider without WebAssembly and without a target: it is pure, so a dictionary can be the world.

Example:
    >>> world = World({"file.stat /etc/motd": {"exists": False}, "file.write": {"changed": True}})
    >>> test = Harness(File, world)
    >>> motd = resource("File", "motd", path="/etc/motd", mode="0644")
    >>> [operation] = test.plan([motd], test.read([motd]))
    >>> assert operation["action"] == "create"
    >>> assert test.apply([operation]) == [{"address": "host/File/motd", "changed": True}]
    >>> assert world.calls[-1]["call"] == "file.write"
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider.faults import CallError
from froyo_provider.lifecycle import Lifecycle, Pending
from froyo_provider.model import Result
from froyo_provider.wire import Json, decode, encode, fault_json, result_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from froyo_provider.calls import Call, Reply
    from froyo_provider.provider import Provider

Answer: TypeAlias = "Json | Exception | Callable[[dict[str, Any]], Json]"
READING_CALLS = frozenset(
    {"file.stat", "dir.list", "text.look", "facts", "exec.look", "exec.check", "exec.check.unconfined"}
    | {"pkg.query", "pkg.list", "pkg.changed", "pkg.simulate", "pkg.manager"}
    | {"user.stat", "group.stat", "key.stat", "key.list"}
    | {"sysctl.stat", "archive.look"}
    | {"http.get", "http.get.forwarded", "tcp.connect", "tcp.connect.forwarded"}
    | {"unit.query", "unit.list", "unit.calendar", "boot.stat"}
)
TARGET = {"name": "host"}


def resource(
    kind: str, name: str, /, *, target: str = "host", ignore: Sequence[str] = (), **spec: Any
) -> Json:
    """A resource as it stands in a request.

    Args:
        kind: such as `File`.
        name: of the manifest.
        target: the target's name.
        ignore: field paths to be left alone.
        **spec: the provider's part of the manifest.
    """
    return {
        "address": f"{target}/{kind}/{name}",
        "kind": kind,
        "name": name,
        "spec": spec,
        "ignore": list(ignore),
    }


def error(code: str, message: str = "", *, error_class: str = "permanent") -> Json:
    """An answer that says that the call failed."""
    return {"error": {"class": error_class, "code": code, "message": message or code}}


class World:
    """Answers calls, and remembers them.

    Args:
        answers: by `call path` or by `call`: what it answers, `error(…)`, or a function of the arguments.

    Attributes:
        calls: everything that was asked, in order.
    """

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = dict(answers)
        self.calls: list[Call] = []

    def reply(self, call: Call) -> Reply:
        """The reply to one call.

        Raises:
            LookupError: the test has not said what the world answers.
        """
        self.calls.append(call)
        name, args = call["call"], call["args"]
        answer = self.answers.get(f"{name} {args.get('path', '')}", self.answers.get(name))
        if answer is None:
            raise LookupError(f"the test does not say what {name} answers to {args}")
        if callable(answer):
            answer = answer(args)
        if isinstance(answer, Exception):
            raise answer
        return answer if "error" in answer else {"ok": answer}


class Harness:
    """Drives a provider through its phases, with the phase rules of the real host.

    Args:
        plugin: a Provider class, a module, or a list of classes.
        world: answers its calls.

    Attributes:
        rounds: how many round trips the last phase took.
    """

    def __init__(
        self, plugin: type[Provider] | types.ModuleType | Sequence[type[Provider]], world: World
    ) -> None:
        self.world = world
        self.rounds = 0
        self._lifecycle = Lifecycle()
        if isinstance(plugin, types.ModuleType):
            self._lifecycle.adopt(vars(plugin).values())
        else:
            self._lifecycle.adopt([plugin] if isinstance(plugin, type) else plugin)

    def read(self, resources: Sequence[Json]) -> list[Json]:
        """What `read` finds."""
        actual: list[Json] = self.run("read", {"target": TARGET, "resources": resources})["actual"]
        return actual

    def find(self, *kinds: str) -> list[Json]:
        """What `find` finds, of these kinds or of all."""
        found: list[Json] = self.run("read", {"target": TARGET, "find": kinds})["found"]
        return found

    def plan(self, resources: Sequence[Json], actual: Sequence[Json]) -> list[Json]:
        """What is planned for the resources that could be read."""
        readable = [
            (one, {key: found[key] for key in ("address", "exists", "state")})
            for one, found in zip(resources, actual, strict=True)
            if "fault" not in found
        ]
        request = {
            "target": TARGET,
            "resources": [one for one, _ in readable],
            "actual": [found for _, found in readable],
        }
        operations: list[Json] = self.run("plan", request)["operations"]
        return operations

    def apply(self, operations: Sequence[Json]) -> list[Json]:
        """What comes of the operations that do something."""
        return self._do("apply", operations)

    def destroy(self, resources: Sequence[Json]) -> list[Json]:
        """What comes of taking away what was declared so, in the order of the resources."""
        gone = [{**one, "removed": True} for one in resources]
        actual = self.read(gone)
        found = {one["address"]: one for one in (*actual, *self.plan(gone, actual))}
        done = {one["address"]: one for one in self._do("destroy", list(found.values()))}
        return [
            done.get(address) or (one if "fault" in one else {"address": address, "changed": False})
            for address, one in found.items()
        ]

    def _do(self, phase: str, operations: Sequence[Json]) -> list[Json]:
        wanted = [one for one in operations if one.get("action", "none") != "none"]
        asked = [
            {key: one[key] for key in ("address", "action", "payload")}
            for one in wanted
            if "calls" not in one
        ]
        done = self.run(phase, {"target": TARGET, "operations": asked})["results"] if asked else []
        results = {one["address"]: one for one in done}
        return [results.get(one["address"]) or self._made(one) for one in wanted]

    def _made(self, operation: Json) -> Json:
        """What comes of an operation that is nothing but calls."""
        changed = False
        for call in operation["calls"]:
            reply = self.world.reply(call)
            if "error" in reply:
                return fault_json(operation["address"], CallError(call["call"], reply["error"]))
            changed |= reply["ok"]["changed"]
        return result_json(operation["address"], Result(changed))

    def run(self, phase: str, request: Json) -> Json:
        """One phase, from the request to its reply.

        Raises:
            AssertionError: a call was made that the phase does not allow.
        """
        self.rounds = 0
        step = self._lifecycle.start(phase, encode(request))
        while isinstance(step, Pending):
            self.rounds += 1
            calls = decode(step.calls)
            for call in calls:
                if phase == "plan" or (phase == "read" and call["call"] not in READING_CALLS):
                    raise AssertionError(f"{call['call']} is not allowed in {phase}")
            step = self._lifecycle.resume(step.task, encode([self.world.reply(call) for call in calls]))
        reply: Json = decode(step.reply)
        return reply
