"""The interface `froyo:provider/lifecycle` over a plugin.py: load, start, resume, cancel, in JSON text.

Sans-IO: `start` and `resume` run until the provider is done or waits for replies, and say which. The same
class is driven inside WebAssembly by the host, and in ordinary CPython by the simulation and by an author's
tests. It does not know where calls go.
"""

from __future__ import annotations

import sys
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import phases
from froyo_provider.calls import advance
from froyo_provider.defects import describe, fault_of, reason_of
from froyo_provider.environment import file_of, plugin_builtins
from froyo_provider.faults import DEFECTS, Fault, PermanentError
from froyo_provider.provider import Provider
from froyo_provider.wire import Json, decode, encode, encode_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Mapping

    from froyo_provider.calls import Call, Reply
    from froyo_provider.model import Rehearsal

ENTRY = "plugin"
"""The module that defines the providers."""
ROUND_TRIPS = 16
"""How many a rehearsal may take: no target gives what is waited for."""

Code: TypeAlias = "str | types.CodeType"
Task: TypeAlias = "Coroutine[list[Call], list[Reply] | None, str]"


@dataclass(slots=True)
class Done:
    """The phase is over.

    Attributes:
        reply: JSON text.
    """

    reply: str


@dataclass(slots=True)
class Pending:
    """The provider waits.

    Attributes:
        task: to be given to `resume` or `cancel`.
        calls: JSON text, a list that is never empty.
    """

    task: int
    calls: str


class Lifecycle:
    """One loaded plugin.

    Example:
        >>> lifecycle = Lifecycle()
        >>> lifecycle.load({"plugin": source})
        >>> step = lifecycle.start("read", request)
        >>> while isinstance(step, Pending):
        ...     step = lifecycle.resume(step.task, answer(step.calls))
    """

    def __init__(self) -> None:
        self._providers: dict[str, Provider] = {}
        # Each with the replies, by place, to those of its calls that never left.
        self._tasks: dict[int, tuple[Task | None, dict[int, Reply]]] = {}
        self._last_task = 0

    def load(self, modules: Mapping[str, Code], *, name: str = "froyo_plugin") -> None:
        """Run the top level of `plugin`, and of what it imports, and take its providers.

        Args:
            modules: of the package, as source or compiled, by the names that they are imported by; `plugin` is one.
            name: what the modules go by in this process; one of its own for each plugin.

        Raises:
            Fault: it does not compile, raises, or defines no provider.
        """
        loaded: dict[str, types.ModuleType] = {}

        def own(module: str) -> types.ModuleType | None:
            if module in loaded or module not in modules:
                return loaded.get(module)
            made = loaded[module] = types.ModuleType(f"{name}.{module}")
            made.__dict__["__builtins__"] = names
            sys.modules[made.__name__] = made
            code = modules[module]
            if isinstance(code, str):
                code = compile(code, file_of(module), "exec", dont_inherit=True)
            made.__file__ = code.co_filename
            exec(code, made.__dict__)  # noqa: S102 - running the author's code is what this is for
            return made

        names = plugin_builtins(own)
        try:
            self.adopt(vars(own(ENTRY)).values())
        except DEFECTS as error:
            raise PermanentError(f"plugin.py does not load: {reason_of(error)}") from error

    def adopt(self, candidates: Iterable[object]) -> None:
        """Take the providers among some objects: the subclasses of Provider whose names are public, the SDK's aside.

        Raises:
            Fault: there is none.
        """
        for candidate in candidates:
            if (
                isinstance(candidate, type)
                and issubclass(candidate, Provider)
                and not candidate.__module__.startswith("froyo_provider.")
                and not candidate.__name__.startswith("_")
            ):
                self._providers[candidate.kind or candidate.__name__] = candidate()
        if not self._providers:
            raise PermanentError("it defines no subclass of froyo_provider.Provider")

    def start(self, phase: str, request: str) -> Done | Pending:
        """Begin a phase.

        Args:
            phase: init, read, plan, apply or destroy.
            request: JSON text.

        Raises:
            Fault: the request as a whole cannot be served.
        """
        function = _PHASES.get(phase)
        if function is None:
            raise PermanentError(f"there is no phase {phase!r}")
        self._last_task += 1
        return self._advance(self._last_task, function(self._providers, _decoded(request)), None)

    def resume(self, task: int, replies: str) -> Done | Pending:
        """Carry on with the replies to the calls that `task` waits for.

        Args:
            task: of the Pending.
            replies: JSON text, a list with one reply for each call.

        Raises:
            Fault: there is no such task.
        """
        coroutine, refused = self._tasks.pop(task, (None, {}))
        if coroutine is None:
            raise PermanentError(f"no task {task} waits for replies")
        answers = _decoded(replies)
        for place, answer in refused.items():
            answers.insert(place, answer)
        return self._advance(task, coroutine, answers)

    def cancel(self, task: int) -> None:
        """Give a task up. One that is not there is none to give up."""
        coroutine, _ = self._tasks.pop(task, (None, {}))
        if coroutine is not None:
            coroutine.close()

    def rehearse(self) -> list[str]:
        """Go through the looks that the providers name, one after the other.

        Returns:
            The replies. What cannot be gone through to its end tells of that, and does no harm.
        """
        return [
            self._rehearsed(kind, provider.rehearsal)
            for kind, provider in self._providers.items()
            if provider.rehearsal is not None
        ]

    def _rehearsed(self, kind: str, rehearsal: Rehearsal) -> str:
        try:
            item = {"address": f"host/{kind}/r", "kind": kind, "name": "r", "spec": dict(rehearsal.spec)}
            request = {"target": {"name": "host"}, "resources": [item], "plan": True}
            step = self.start("read", encode(request))
            left = ROUND_TRIPS
            while isinstance(step, Pending) and left:
                left -= 1
                known = rehearsal.replies
                calls = [one["call"] for one in decode(step.calls)]
                answers = [{"ok": known[one]} if one in known else _unrehearsed() for one in calls]
                step = self.resume(step.task, encode(answers))
            if isinstance(step, Done):
                return step.reply
            self.cancel(step.task)
            raise PermanentError(f"it asks again and again: {ROUND_TRIPS} round trips did not do")
        except DEFECTS as error:
            return encode({"fault": fault_of(error).to_json()})

    def _advance(self, task: int, coroutine: Task, replies: list[Reply] | None) -> Done | Pending:
        while True:
            try:
                calls = advance(coroutine, replies)
            except StopIteration as stop:
                return Done(stop.value)
            except Fault:
                raise
            except DEFECTS as error:
                raise PermanentError(describe(error)) from error
            text, refused = encode_calls(calls)
            if len(refused) < len(calls):
                self._tasks[task] = coroutine, refused
                return Pending(task, text)
            replies = [refused[place] for place in range(len(calls))]


def _unrehearsed() -> Json:
    return {"error": {"class": "permanent", "code": "not_rehearsed", "message": "this is not rehearsed"}}


def _decoded(text: str) -> Any:
    try:
        return decode(text)
    except (ValueError, RecursionError) as error:
        raise PermanentError(f"the host sent what is not JSON: {error}") from error


async def _init(providers: phases.Providers, request: Json) -> str:
    del request
    return encode({"kinds": sorted(providers)})


_PHASES: dict[str, Callable[[phases.Providers, Json], Coroutine[Any, Any, str]]] = {
    "init": _init,
    "read": phases.read,
    "plan": phases.plan,
    "apply": phases.apply,
    "destroy": phases.destroy,
}
