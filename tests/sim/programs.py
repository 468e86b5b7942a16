"""The programs of a modelled target: a few words instead of a shell, and operations that outlive their session.

true, false            as they are
exists PATH            whether there is something at PATH
make PATH…             puts a file there, wherever it can
unmake PATH…           takes it away
spoil PATH             writes something else into it
note WORD              leaves nothing but an entry in `ran`
sleep SECONDS WORD…    the rest, after a while
apt-get, dpkg, …       dpkg.py
"""

import asyncio
import base64
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.sim import dpkg
from tests.sim.files import Files, Node

Json = dict[str, Any]
Tell = Callable[[Json], None]

MAKE = {"command": "make", "pid": 9, "user": "root"}


def obstacle(program: str) -> Json:
    """That a program is not there."""
    message = f"{program} does not exist"
    subjects = [f"path:{program}"] if program.startswith("/") else []
    return {"class": "permanent", "code": "command_not_found", "message": message, "subjects": subjects}


class Programs:
    """See the module.

    Attributes:
        ran: (when, command line) of everything that was run and was no check.
        running: command lines of what is under way, by the name of the operation.
        lacking: programs that are not there.
        landlock: whether checks can be kept from changing anything.
    """

    def __init__(
        self,
        files: Files,
        packages: dpkg.Dpkg,
        *,
        control: Callable[[Json, Tell], None],
        asked: Callable[[list[str]], None],
        begins: Callable[[list[str]], None],
    ) -> None:
        self.ran: list[tuple[float, tuple[str, ...]]] = []
        self.running: dict[str, tuple[str, ...]] = {}
        self.lacking: set[str] = set()
        self.landlock = True
        self._files = files
        self._packages = packages
        self._control = control
        self._asked = asked
        self._begins = begins
        self._loop = asyncio.get_running_loop()
        self._results: dict[str, Json] = {}
        self._waiting: dict[str, list[Tell]] = {}
        self._lined_up: list[tuple[str, Json]] = []
        self._alone: dict[str, str] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def check(self, name: str, item: Json) -> Json:
        """One item of `exec.check`, of its unconfined twin, or of what asks whether it can be run."""
        if name == "exec.look":
            lacking = [obstacle(program) for program in item["argv"][:1] if program in self.lacking]
            return {"ok": {"obstacles": lacking}}
        if name == "exec.check" and not self.landlock:
            message = "the kernel has no Landlock"
            return {"error": {"class": "permanent", "code": "not_supported", "message": message}}
        return {"ok": {"exit": self._do(list(item["argv"])), "signal": None}}

    def run(self, item: Json, tell: Tell) -> None:
        """One item of `exec.run`, or of `unit.control` with an `id`; `tell` gets its result, sooner or later."""
        name = item["id"]
        if item.get("anew") and name not in self._waiting:
            self._results.pop(name, None)
        if name in self._results:
            self._loop.call_soon(tell, self._results[name])
        elif name in self._waiting:
            self._waiting[name].append(tell)
        else:
            self._waiting[name] = [tell]
            if "argv" in item:
                self._asked(list(item["argv"]))
            self._lined_up.append((name, item))
            self._next()

    def _next(self) -> None:
        """Begin whatever need not wait for another one of its subject."""
        for name, item in list(self._lined_up):
            alone = item.get("alone", name)
            if alone in self._alone.values():
                continue
            self._lined_up.remove((name, item))
            self._alone[name] = alone
            if "argv" not in item:
                self.running[name] = (item["unit"], *item["actions"])
                self._control(item, partial(self._finish, name))
                continue
            argv = list(item["argv"])
            self._begins(list(item["argv"]))
            self.running[name] = tuple(item["argv"])
            self.ran.append((self._loop.time(), tuple(item["argv"])))
            if argv[0] in dpkg.PROGRAMS:
                self._packages.start(argv, dpkg.OURS, partial(self._ended, name))
                continue
            pause = float(argv.pop(1)) if argv[0] == "sleep" else 0.001
            self._timers[name] = self._loop.call_later(pause, self._end, name, argv)

    def _end(self, name: str, argv: list[str]) -> None:
        del self._timers[name]
        self._ended(name, self._do(argv[1:] if argv[0] == "sleep" else argv), "done\n", "")

    def _ended(self, name: str, status: int, *said: str) -> None:
        stdout, stderr = (base64.b64encode(text.encode()).decode() for text in said)
        reply = {"exit": status, "signal": None, "stdout": stdout, "stderr": stderr, "truncated": False}
        self._finish(name, {"ok": reply})

    def _finish(self, name: str, result: Json) -> None:
        if name not in self.running:
            return  # the machine has lost power meanwhile
        self._results[name] = result
        del self.running[name], self._alone[name]
        self._next()
        for tell in self._waiting.pop(name):
            tell(self._results[name])

    def forget(self, item: Json) -> Json:
        """One item of `exec.forget`."""
        self._results.pop(item["id"], None)
        return {"ok": {}}

    @property
    def kept(self) -> int:
        """How many results nobody has had forgotten."""
        return len(self._results)

    def lose(self) -> None:
        """The machine loses power."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self.running.clear()
        self._lined_up.clear()
        self._alone.clear()
        self._waiting.clear()
        self._results.clear()

    def _do(self, argv: list[str]) -> int:
        match argv:
            case ["exists", path]:
                return 0 if path in self._files.nodes else 1
            case ["make", *paths]:
                possible = [path for path in paths if self._files.has_parent(path)]
                for path in possible if not self._files.read_only else ():
                    self._files.put(path, Node(content=b"made\n"), MAKE)
                return 0 if possible == paths and not self._files.read_only else 1
            case ["unmake", *paths]:
                for path in paths:
                    self._files.remove(path, MAKE)
            case ["spoil", path]:
                self._files.put(path, Node(content=b"spoiled\n"), MAKE)
            case ["false", *_]:
                return 1
        return 0
