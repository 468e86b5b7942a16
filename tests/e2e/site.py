"""A directory of manifests with its own state, and the `froyo` command on them, as a person would use it.

Nothing is imported from the product but what reads the store afterwards: what a test sees is what the command prints,
what the daemon's socket answers, and what is on the disk.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "provider-cache"
PATIENCE = 120.0
"""Seconds after which a test gives up on what must happen; never how long something may take."""

Document = dict[str, Any]


def until(what: str, condition: Callable[[], Any], *, patience: float = PATIENCE) -> Any:
    """Wait until `condition` gives something that is true, and give that."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience:.0f} s in vain until {what}"
        time.sleep(0.02)


def local(name: str = "here", **labels: str) -> Document:
    """A target: this machine."""
    return {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": {"name": name, "labels": labels},
        "spec": {"local": {}},
    }


def instance(kind: str, name: str, path: str | Path, **spec: Any) -> Document:
    """A File, Directory or Symlink, on the target `here` unless it says otherwise."""
    where = {} if "targets" in spec or "target" in spec else {"target": "here"}
    return {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**where, "path": str(path), **spec},
    }


@dataclass(frozen=True, slots=True)
class Site:
    """Manifests, and what belongs to one controller of them.

    Attributes:
        base: everything is below it.
    """

    base: Path

    @property
    def manifests(self) -> Path:
        """The source."""
        return self.base / "site"

    @property
    def state(self) -> Path:
        """FROYO_STATE."""
        return self.base / "state"

    @property
    def world(self) -> Path:
        """Where a test's managed files on this machine are."""
        return self.base / "world"

    @property
    def environ(self) -> dict[str, str]:
        """A home of its own, which also tells this site's runners from others: they are told HOME."""
        return {
            **os.environ,
            "HOME": str(self.base / "home"),
            "FROYO_STATE": str(self.state),
            "FROYO_CACHE": str(CACHE),
        }

    def declare(self, *documents: Document, file: str = "site.yaml") -> None:
        """Write a manifest, in one step, as an editor does."""
        text = "\n---\n".join(json.dumps(document) for document in documents)
        fresh = self.base / "manifest.new"
        fresh.write_text(text + "\n")
        fresh.replace(self.manifests / file)

    def froyo(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "reconciler.cli", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env=self.environ,
            cwd=self.base,
        )
        if check:
            assert done.returncode == 0, f"froyo {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def apply(self, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`froyo apply`."""
        return self.froyo("apply", str(self.manifests), check=check)

    def up(self) -> Daemon:
        """`froyo up`, in the background."""
        return Daemon(self)

    def runners(self) -> list[int]:
        """Runners of this site's that run on this machine."""
        home = f"HOME={self.base / 'home'}".encode()
        found = []
        for entry in os.listdir("/proc"):
            try:
                command = Path(f"/proc/{entry}/cmdline").read_bytes() if entry.isdigit() else b""
                if b"\0serve\0--sha256\0" in command and home in Path(
                    f"/proc/{entry}/environ"
                ).read_bytes().split(b"\0"):
                    found.append(int(entry))
            except OSError:
                continue  # it has ended
        return found

    def temporary_files(self) -> list[str]:
        """What a runner has not cleaned up in the managed directories."""
        return [
            os.path.join(directory, name)
            for directory, _, names in os.walk(self.world)
            for name in names
            if name.startswith(".froyo-")
        ]

    def assert_nothing_is_left(self) -> None:
        """No runner, no temporary file."""
        until("every runner has ended", lambda: not self.runners())
        assert self.temporary_files() == []


class _Socket(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("froyo", timeout=30)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self._path)


@dataclass(slots=True)
class Daemon:
    """`froyo up`.

    Attributes:
        site: what it keeps.
        arguments: of `up`; None for the directory of the site.
        process: it.
    """

    site: Site
    arguments: list[str] | None = None
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with (self.site.base / "daemon.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "reconciler.cli",
                    "up",
                    *(self.arguments or [str(self.site.manifests)]),
                ],
                stdout=log,
                stderr=log,
                env=self.site.environ,
                cwd=self.site.base,
            )

    @property
    def log(self) -> str:
        """What it, and those before it, have printed."""
        return (self.site.base / "daemon.log").read_text()

    def ask(self, path: str, **query: Any) -> Document | None:
        """What the API answers; None while nobody listens."""
        if self.process.poll() is not None:
            raise AssertionError(f"the daemon has ended with {self.process.returncode}:\n{self.log[-4000:]}")
        connection = _Socket(self.site.state / "froyo.sock")
        try:
            connection.request("GET", f"/v1/{path}?{urlencode(query)}")
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status in (200, 503), text
            return json.loads(text)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def events(self, *, after: int = 0, **query: Any) -> list[Document]:
        """All events after one, oldest first."""
        found: list[Document] = []
        while True:
            answer = self.ask("events", after=after, limit=1000, **query)
            if answer is None:  # nobody listens yet
                continue
            found += answer["items"]
            if len(answer["items"]) < 1000:
                return found
            after = found[-1]["id"]

    def last_event(self) -> int:
        """The id of the newest event."""
        events = self.events()
        return events[-1]["id"] if events else 0

    def resources(self) -> dict[str, Document]:
        """All instances by address; empty while nobody listens."""
        answer = self.ask("resources")
        return {} if answer is None else {view["address"]: view for view in answer["items"]}

    def not_ready(self) -> list[str]:
        """The instances that are not known to be as declared, and why."""
        return [
            f"{view['address']}: {view['reason']}: {view['message']}"
            for view in self.resources().values()
            if view["ready"] != "True"
        ]

    def ready(self, instances: int) -> bool:
        """Whether so many instances are known, and all are as declared."""
        views = self.resources()
        return len(views) == instances and all(view["ready"] == "True" for view in views.values())

    def until_ready(self, instances: int, *, patience: float = PATIENCE) -> None:
        """Wait until everything is as declared, as far as the daemon knows."""
        try:
            until("everything is ready", lambda: self.ready(instances), patience=patience)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.not_ready()[:5]}\n{self.log[-4000:]}") from None

    def terminate(self) -> int:
        """End it in order; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()


class Sampler:
    """Reads some files over and over, and keeps what was in them that should never be there.

    Args:
        allowed: for each path, the contents that may be found in it; None stands for a missing file.
    """

    def __init__(self, allowed: dict[Path, set[bytes | None]]) -> None:
        self.wrong: list[str] = []
        self.looks = 0
        self._allowed = allowed
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(0.002):
            for path, allowed in self._allowed.items():
                try:
                    found: bytes | None = path.read_bytes()
                except FileNotFoundError:
                    found = None
                self.looks += 1
                if found not in allowed:
                    self.wrong.append(
                        f"{path}: {'nothing' if found is None else f'{len(found)} B, {found[:40]!r}'}"
                    )
