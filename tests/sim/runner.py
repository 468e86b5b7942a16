"""A modelled micro-runner: frames in, changes to the files of its machine, frames out.

It keeps to micro_runner/protocol.md as far as an engine can notice, apart from what the weather makes it do. It is of
callbacks and timers only, and lives on when the controller's process dies, until it hears of it.
"""

import asyncio
import base64
import gzip
import hashlib
import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from reconciler.errors import RemoteProtocolError, TransportError
from reconciler.model.calls import Call
from reconciler.plugins.calls import CALLS, about
from reconciler.targets.frames import FrameReader, canonical
from tests.sim import texts
from tests.sim.files import digest_of
from tests.sim.system import LOOKS, ORDERS
from tests.sim.wire import Wire

if TYPE_CHECKING:
    from tests.sim.machine import Machine

Json = dict[str, Any]

CHECKS = frozenset({"exec.look", "exec.check", "exec.check.unconfined"})
OPERATIONS = frozenset({"exec.run", "exec.forget"})
AGAIN = "boot.again"
WRITING = frozenset(name for name, rule in CALLS.items() if not rule.reading and rule.names)
READING = frozenset(name for name, rule in CALLS.items() if rule.reading)
HEARTBEAT = 10.0


def replies_digest(replies: list[list[Json]]) -> str:
    """The digest that a runner gives for these replies."""
    return "sha256:" + hashlib.sha256(canonical(replies)).hexdigest()


def fault(code: str, error_class: str, message: str = "", **more: Any) -> Json:
    """An error as it stands on the wire."""
    return {"class": error_class, "code": code, "message": message or f"it is {code}", **more}


class Command:
    """A command under way."""

    def __init__(self, frame: Json) -> None:
        self.id: int = frame["id"]
        self.name: str = frame["command"]
        self.items: list[Json] = frame["items"]
        self.options: Json = frame.get("options") or {}
        self.results: list[Json] = []
        self.timers: list[asyncio.TimerHandle] = []

    def cancel(self) -> None:
        for timer in self.timers:
            timer.cancel()


def validating(command: Command) -> float:
    """Seconds for which the next thing that a command writes is validated."""
    if command.name not in {"file.write", "text.edit"} or len(command.results) >= len(command.items):
        return 0.0
    match command.items[len(command.results)].get("validate"):
        case ["sleep", seconds, *_]:
            return float(seconds)
    return 0.0


class Runner:
    """One runner of one session.

    Args:
        machine: where it runs.
        said: told of each piece that the controller sends.
        pid: its process.
    """

    def __init__(self, machine: "Machine", *, said: Callable[[bytes], None], pid: int) -> None:
        self.machine = machine
        self.pid = pid
        self.alive = True
        self.orphan = False
        self.controller = 0
        self.fence: tuple[str, int] | None = None
        self.mode = "none"
        self.degraded = ""
        self.wire = Wire(
            delay=machine.latency, held=lambda: machine.silent_until, heard=self._heard, said=said
        )
        self._loop = asyncio.get_running_loop()
        self._random = machine.random
        self._reader = FrameReader()
        self._commands: dict[int, Command] = {}
        self._writes: deque[Command] = deque()
        self._batches: dict[str, list[Json]] = {}
        self._blobs: dict[str, bytes] = {digest_of(b""): b""}
        self._partial: dict[str, bytes] = {}
        self._watch: Command | None = None
        self._watched: list[str] = []
        self._noticed: dict[str, Json] = {}
        self._overflow = False
        self._flush: asyncio.TimerHandle | None = None
        self._beat: asyncio.TimerHandle | None = None
        self._ttl: asyncio.TimerHandle | None = None

    # --- life -------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Say READY."""
        self._live(600.0)
        if self._chance("mute"):
            return
        weather = self.machine.weather
        self.mode = "none" if self._chance("blind") else "inotify" if weather.anonymous else "fanotify"
        self._say(
            type="READY",
            protocol=1,
            version="0.1.0",
            os="linux",
            arch="amd64",
            pid=self.pid,
            uid=0,
            boot_id=f"boot-{self.machine.boot}",
            commands=sorted(
                WRITING | READING | OPERATIONS | {"file.read", "digests.forget", "observe", "watch", AGAIN}
            ),
            watch=self.mode,
            schemes=["path", "unit"],
        )

    def die(self) -> None:
        """End, as a process that was killed does."""
        if self.alive:
            self.alive = False
            for command in self._commands.values():
                command.cancel()
            self._commands.clear()
            self._writes.clear()
            for timer in (self._beat, self._ttl, self._flush):
                if timer is not None:
                    timer.cancel()
            self.machine.forget(self)

    def _live(self, seconds: float) -> None:
        if self._ttl is not None:
            self._ttl.cancel()
        self._ttl = self._loop.call_later(seconds, self._end, "ttl")

    def end(self, reason: str) -> None:
        """End in order, and say why."""
        self._end(reason)

    def _end(self, reason: str) -> None:
        if self.alive:
            self._say(type="EXIT", reason=reason)
            self.wire.say(b"")
            self.die()

    def _lost(self) -> None:
        """Nobody listens any more."""
        if self._chance("lingers") and self._writes:
            self.orphan = True
            self.machine.note("a runner lingers", pid=self.pid, writes=len(self._writes))
        else:
            self.die()

    # --- talking ----------------------------------------------------------------------------------------------

    def _say(self, **frame: Any) -> None:
        if not self.alive or self.orphan:
            return
        if self._beat is not None:
            self._beat.cancel()
        self._beat = self._loop.call_later(HEARTBEAT, lambda: self._say(type="HEARTBEAT"))
        data = canonical(frame) + b"\n"
        answer = frame["type"] in {"DONE", "ERROR"}
        if answer and self._chance("loses_reply"):
            self.machine.note("a reply is lost", id=frame["id"])
        elif answer and self._chance("late_reply"):
            late = self._random.uniform(1.0, 120.0)
            self.machine.note("a reply is late", id=frame["id"], late=late)
            self._loop.call_later(late, self._say_late, data)
        elif self._chance("cuts"):
            self.machine.note("a frame is cut", type=frame["type"])
            self.wire.say(data[: self._random.randrange(len(data))])
            self.wire.say(
                b"" if self._random.random() < 0.5 else TransportError("modelled: connection reset")
            )
            self._lost()
        elif answer and self._chance("babbles"):
            self.machine.note("a runner babbles")
            junk = [b"\xff\xfe\n", b"{}\n", b'{"type":"DONE","id":1\n', b"[1]\n", b'{"type":"MOO"}\n']
            junk += [b'{"type":"DONE","id":4711,"results":[]}\n', canonical(frame | {"results": 3}) + b"\n"]
            self.wire.say(self._random.choice(junk))
        else:
            self.wire.say(data)
            if answer and self._chance("repeats_reply"):
                self.machine.note("a reply is repeated", id=frame["id"])
                self.wire.say(data)

    def _say_late(self, data: bytes) -> None:
        if self.alive and not self.orphan:
            self.wire.say(data)

    def _heard(self, data: bytes) -> None:
        if not self.alive:
            return
        if not data:
            self._lost()
            return
        try:
            self._reader.feed(data)
            while self.alive and (frame := self._reader.next_frame()) is not None:
                self._take(frame)
        except RemoteProtocolError as error:
            raise AssertionError(f"the controller broke the protocol: {error}") from error

    def _take(self, frame: Json) -> None:
        match frame["type"]:
            case "CMD":
                self._begin(Command(frame))
            case "CANCEL":
                if frame["id"] in self._commands:
                    self._fail(self._commands[frame["id"]], fault("cancelled", "transient"))
            case "BLOB":
                self._body(frame)
            case "RENEW":
                self._live(frame["ttl_ms"] / 1000)
            case "EXIT":
                self._end("exit")
            case "FENCE":
                self.machine.fence(self, frame["store"], frame["token"])
            case "HEARTBEAT":
                pass
            case other:
                raise AssertionError(f"the controller said {other}")

    def _body(self, frame: Json) -> None:
        data = base64.b64decode(frame["data"])
        if frame.get("encoding") == "gzip":
            data = gzip.decompress(data)
        digest = frame["digest"]
        if frame["offset"] == 0:
            self._partial[digest] = b""
        assert len(self._partial[digest]) == frame["offset"], "a piece of a body is missing"
        self._partial[digest] += data
        if frame["last"]:
            body = self._partial.pop(digest)
            assert "sha256:" + hashlib.sha256(body).hexdigest() == digest, "a body is not what it is called"
            if not self._chance("forgets"):
                self._blobs[digest] = body

    # --- commands ---------------------------------------------------------------------------------------------

    def _begin(self, command: Command) -> None:
        assert command.id not in self._commands
        self._commands[command.id] = command
        self.machine.controller = max(self.machine.controller, self.controller)
        if self._chance("throttles") and command.name != "watch":
            wait = self._random.randrange(10, 5000)
            self._fail(command, fault("too_many_commands", "throttled", retry_after_ms=wait))
        elif command.name == "watch":
            self._begin_watch(command)
        elif command.name in ORDERS:
            self._later(command, self._order)
        elif command.name == AGAIN:
            self._later(command, self._start_anew)
        elif command.name in WRITING and validating(command):
            self._later(command, self._write_next)  # nobody else waits for it
        elif command.name in WRITING:
            self._writes.append(command)
            if len(self._writes) == 1:
                self._later(command, self._write_next)
        elif command.name == "exec.run":
            self._later(command, self._run)
        elif command.name == "exec.forget":
            self._done(command, [self.machine.programs.forget(item) for item in command.items])
        else:
            self._later(command, self._read)

    def _run(self, command: Command) -> None:
        """Operations go on whatever becomes of this runner."""
        tell = self._teller(command)
        self.machine.changed_by(self)
        for place, item in enumerate(command.items):
            self.machine.programs.run(item, partial(tell, place))

    def _teller(self, command: Command) -> Callable[[int, Json], None]:
        """Takes the results of items in any order, and says that all is done with the last of them."""
        results: list[Json | None] = [None] * len(command.items)

        def tell(place: int, result: Json) -> None:
            results[place] = result
            if None not in results and self.alive and command.id in self._commands:
                self._done(command, [one for one in results if one is not None])

        return tell

    def _order(self, command: Command) -> None:
        """What is begun goes on; what is not dies with this runner."""
        tell = self._teller(command)
        for place, item in enumerate(command.items):
            subject = str(about(Call(command.name, item))[0])
            if self._chance("interlopes"):
                self.machine.meddle(subject)
            if self._chance("hangs_up"):
                if self._random.random() < 0.5:
                    self.machine.order(self, command.name, item, lambda _result: None)
                self.machine.note("a runner hangs up", path=subject)
                self.wire.cut(TransportError("modelled: connection reset"))
                self.die()
                return
            if self._chance("stutters"):
                tell(place, {"error": fault("io_error", "transient")})
                continue
            self.machine.order(self, command.name, item, partial(tell, place))
            if self._chance("contests"):
                self._loop.call_later(self._random.uniform(0.0, 0.4), self.machine.meddle, subject)

    def _start_anew(self, command: Command) -> None:
        """Nobody answers, if all goes well."""
        (item,) = command.items
        boots = self.machine.boots
        if self._chance("interlopes"):
            boots.meddle(self._random)
        if self._chance("hangs_up"):
            if self._random.random() < 0.5:
                boots.again(item, lambda _result: None)
            self.machine.note("a runner hangs up", path=command.name)
            self.wire.cut(TransportError("modelled: connection reset"))
            self.die()
        elif self._chance("stutters"):
            self._done(command, [{"error": fault("io_error", "transient")}])
        else:
            boots.again(item, partial(self._teller(command), 0))

    def _later(self, command: Command, step: Callable[[Command], None]) -> None:
        pause = self._random.uniform(0.0001, 0.002) + validating(command)
        if self._chance("slow"):
            pause = self._random.uniform(0.1, 30.0)
        command.timers.append(self._loop.call_later(pause, step, command))

    def _close(self, command: Command) -> None:
        del self._commands[command.id]
        command.cancel()
        if command in self._writes:
            first = self._writes[0] is command
            self._writes.remove(command)
            if first and self._writes:
                self._later(self._writes[0], self._write_next)
        if self.orphan and not self._writes:
            self.die()

    def _done(self, command: Command, results: list[Json]) -> None:
        self._say(type="DONE", id=command.id, results=results)
        if self.alive and command.id in self._commands:
            self._close(command)

    def _fail(self, command: Command, error: Json) -> None:
        self._say(type="ERROR", id=command.id, error=error)
        if self.alive and command.id in self._commands:
            self._close(command)

    def _write_next(self, command: Command) -> None:
        item = command.items[len(command.results)]
        if not self.orphan and self._chance("hangs_up"):
            if self._random.random() < 0.5:
                most = self._random.randrange(9) if command.name == "archive.unpack" else None
                self.machine.write(self, command.name, item, self._blobs, most=most)
            self.machine.note("a runner hangs up", path=item["path"])
            self.wire.cut(TransportError("modelled: connection reset"))
            self.die()
            return
        if self._chance("interlopes") and not self.orphan:
            self.machine.meddle(item["path"])
        if self._chance("stutters"):
            result: Json = {"error": fault("io_error", "transient")}
        else:
            result = self.machine.write(self, command.name, item, self._blobs)
        command.results.append(result)
        if self._chance("contests"):
            self._loop.call_later(self._random.uniform(0.0, 0.004), self.machine.meddle, item["path"])
        if len(command.results) < len(command.items):
            self._later(command, self._write_next)
        else:
            self._done(command, command.results)

    def _read(self, command: Command) -> None:
        if command.name == "observe":
            self._observe(command)
        elif command.name == "file.read":
            self._read_file(command)
        elif command.name == "digests.forget":  # files.py remembers none
            self._done(command, [{"ok": {}} for _ in command.items])
        elif command.name in READING:
            self._done(command, [self._look(command.name, item) for item in command.items])
        else:
            self._fail(command, fault("unknown_command", "permanent"))

    def _look(self, name: str, item: Json) -> Json:
        if self._chance("stutters"):
            return {"error": fault("busy", "transient")}
        if name == "file.stat" and self._chance("lies"):
            self.machine.note("a runner lies")
            return self._random.choice(
                [{"ok": {}}, {"ok": {"exists": True}}, {"ok": {"exists": "no", "state": 7}}]
            )
        if name in CHECKS:
            return self.machine.programs.check(name, item)
        if name == "boot.stat":
            return self.machine.boots.stat()
        if name in LOOKS:
            subjects = about(Call(name, item))
            self.machine.looked(self, str(subjects[0]) if subjects else name)
            return self.machine.system.look(name, item)
        self.machine.looked(self, item.get("path", ""))
        if name == "archive.look":
            return self.machine.archives.do(name, item, self._blobs)
        if name == "text.look":
            return texts.do(self.machine.files, name, item, self._blobs)
        return self.machine.files.do(name, item, self._blobs)

    def _observe(self, command: Command) -> None:
        key, batch = command.options["key"], command.options.get("batch")
        if batch is not None:
            self._batches[key] = batch
        if key in self._batches and self._chance("forgets"):
            del self._batches[key]
        if key not in self._batches:
            self._done(command, [{"error": fault("unknown_key", "transient")}])
            return
        replies = [[self._look(one["command"], item) for item in one["items"]] for one in self._batches[key]]
        digest = replies_digest(replies)
        if digest == command.options.get("digest"):
            self._done(command, [{"ok": {"digest": digest, "unchanged": True}}])
        else:
            self._done(command, [{"ok": {"digest": digest, "replies": replies}}])

    def _read_file(self, command: Command) -> None:
        (item,) = command.items
        node = self.machine.files.nodes.get(item["path"])
        if node is None or node.type != "file":
            self._done(command, [{"error": fault("enoent", "transient")}])
            return
        content = node.content[: item.get("length")]
        data = base64.b64encode(content).decode()
        chunk = {"item": 0, "offset": 0, "data": data, "encoding": "identity"}
        self._say(type="EVENT", id=command.id, event="chunk", data=chunk)
        self._done(command, [{"ok": {"size": len(node.content), "digest": digest_of(content)}}])

    # --- watching ---------------------------------------------------------------------------------------------

    def _begin_watch(self, command: Command) -> None:
        if self._watch is not None:
            self._done(self._watch, [])
            self._watch = None
        if not self.alive:
            return
        if self.mode == "none":
            self._fail(command, fault("not_supported", "permanent", "nothing can be watched here"))
            return
        self._watch, self._watched = command, command.options["subjects"]
        self.degraded = "some paths are on a network file system" if self._chance("degraded") else ""
        self._later(command, self._armed)

    def _armed(self, command: Command) -> None:
        self._say(
            type="EVENT",
            id=command.id,
            event="progress",
            data={"watching": len(self._watched), "mode": self.mode, "degraded": self.degraded},
        )

    def changed(self, subject: str, by: Json | None) -> None:
        """Something happened to a subject; `by` is None when it was this runner."""
        if self._watch is None or not self.alive or self.orphan:
            return
        if by is None and not self._chance("echoes"):
            return
        if self._chance("loses_event"):
            self.machine.note("an event is lost", path=subject.removeprefix("path:"))
            return
        if self._chance("watch_ends"):
            self.machine.note("a watch ends")
            watch, self._watch = self._watch, None
            self._fail(watch, fault("io_error", "transient", "the kernel ended the watch"))
            return
        self._overflow |= self._chance("overflows")
        evidence = {"source": self.mode}
        if self.mode == "fanotify" and by is not None and not self._chance("anonymous"):
            evidence |= by
        for wanted in self._watched:
            bare = wanted.rstrip("/")
            inside = wanted.endswith("/") and subject.rpartition("/")[0] == bare
            if subject == bare or bare.startswith(subject + "/") or inside:
                self._noticed[wanted] = evidence
        if (self._noticed or self._overflow) and self._flush is None:
            self._flush = self._loop.call_later(0.001, self._report)

    def _report(self) -> None:
        self._flush = None
        if self._watch is None or not self.alive:
            return
        at = int(self.machine.now() * 1000)
        changes = [{"subject": subject, "at_ms": at, "by": by} for subject, by in self._noticed.items()]
        if self._overflow:
            changes = changes[: len(changes) // 2]
        overflow, self._overflow = self._overflow, False
        self._noticed.clear()
        self._say(
            type="EVENT",
            id=self._watch.id,
            event="changed",
            data={"changes": changes, "overflow": overflow},
        )

    def _chance(self, name: str) -> bool:
        chance = getattr(self.machine.weather, name)
        return bool(chance) and self._random.random() < chance


def frames_in(data: bytes) -> list[Json]:
    """The frames in a piece that the controller sends; it never sends half of one."""
    return [json.loads(line) for line in data.splitlines()]
