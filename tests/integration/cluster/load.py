"""An operator under load: objects that somebody keeps changing, what may never be seen meanwhile, and how it ends.

What is declared at the end is asked of the API server, since an author who gets no answer does not know himself.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Self

from tests.lab.control_plane import Cluster, ClusterError

OBJECTS = 200
COMING_AND_GOING = 20
LINES = 20
PATIENCE = 240.0
"""Seconds after which it is given up that something comes about; never how long it may take."""
PAUSE = 0.05
FILES = "/apis/linux.froyo.dev/v1alpha1/namespaces/default/files"
TARGET = {
    "apiVersion": "froyo.dev/v1alpha1",
    "kind": "Target",
    "metadata": {"name": "here", "namespace": "default"},
    "spec": {"local": {}},
}
_WRITES = {"POST", "PUT", "PATCH", "APPLY", "DELETE"}
_OURS = re.compile(r'group="[a-z.]*froyo\.dev"')
_ERRORS = (OSError, http.client.HTTPException)


def until(what: str, holds: Any, *, patience: float = PATIENCE) -> Any:
    """Wait for something, and say what there was instead where it does not come about."""
    deadline = time.monotonic() + patience
    while not (found := holds()):
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(PAUSE)
    return found


def body(name: str, number: int) -> str:
    """What is declared of a file: whoever finds half of it can tell."""
    return f"{name} {number}\n" * LINES


class Way:
    """The way from an operator to the API server, which can be cut: every connection is reset.

    Args:
        port: of the API server.

    Attributes:
        port: where it begins.
        taken: how many connections have been made by it.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.taken = 0
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="way", daemon=True)
        self._thread.start()

    def cut(self) -> int:
        """Reset what there is; how many connections that were."""
        with self._lock:
            pairs = list(self._pairs.items())
        for one, _ in pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        return len(pairs) // 2

    def close(self) -> None:
        """No way any more."""
        self._over = True
        self.cut()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        self._thread.join(10)
        self._listening.close()

    def _run(self) -> None:
        while not self._over:
            here, _ = self._listening.accept()
            self.taken += 1
            try:
                there = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                here.close()
                continue
            threading.Thread(target=self._carry, args=(here, there), daemon=True).start()

    def _carry(self, here: socket.socket, there: socket.socket) -> None:
        with self._lock:
            self._pairs |= {here: there, there: here}
        with selectors.DefaultSelector() as waiting, contextlib.suppress(OSError):
            for one in (here, there):
                waiting.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    one: Any = key.fileobj
                    data = one.recv(65536)
                    if not data:
                        raise ConnectionResetError
                    self._pairs[one].sendall(data)
        with self._lock:
            del self._pairs[here], self._pairs[there]
        here.close()
        there.close()


class Operator:
    """`froyo operator run` as a process that can be ended in each way, and started again.

    Args:
        cluster: whose objects it keeps.
        directory: for its state and its log.
        environ: what it is given besides.
    """

    def __init__(self, cluster: Cluster, directory: Path, **environ: str) -> None:
        self.way = Way(cluster.port)
        self._directory = directory
        config = Path(cluster.run("kubeconfig").strip()).read_text()
        mine = directory / "kubeconfig"
        mine.write_text(config.replace(f":{cluster.port}", f":{self.way.port}"))
        self._environ = {
            **os.environ,
            "KUBECONFIG": str(mine),
            "FROYO_STATE": str(directory / "state"),
            **environ,
        }
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self._observers = one.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it, and those before it, have said."""
        return (self._directory / "operator.log").read_text()

    @property
    def ended(self) -> bool:
        """Whether it is not there."""
        return self._process is None or self._process.poll() is not None

    def start(self) -> None:
        """Start it."""
        words = ["operator", "run", "--namespace", "default", "--metrics-listen", str(self._observers)]
        with (self._directory / "operator.log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "reconciler.cli", *words], env=self._environ, stdout=log, stderr=log
            )

    def froyo(self, *words: str) -> str:
        """What a command prints that asks it."""
        command = [sys.executable, "-m", "reconciler.cli", *words]
        done = subprocess.run(command, env=self._environ, check=False, capture_output=True, text=True)
        return done.stdout + done.stderr

    def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """End it in order; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def ask(self, path: str) -> tuple[int, str]:
        """What it answers who watches over it; (0, why) if it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._observers}/{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def close(self) -> None:
        """It is not there any more, nor the way that it took."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        self.way.close()


class Author(threading.Thread):
    """Changes objects, makes some and deletes them, for as long as it is there, whatever it is answered.

    Args:
        cluster: whose objects.
        directory: where the files are to be.
        dice: which, and when.

    Attributes:
        sent: the number of the newest version of each object that was sent, whether it arrived or not.
        done: how often it was answered what.
    """

    def __init__(self, cluster: Cluster, directory: Path, dice: Random) -> None:
        super().__init__(name="author", daemon=True)
        self.sent: dict[str, int] = {}
        self.done: Counter[str] = Counter()
        self._cluster = cluster
        self._directory = directory
        self._dice = Random(dice.random())
        self._enough = threading.Event()

    def begin(self) -> None:
        """Make all objects."""
        self._cluster.ask("POST", "/apis/froyo.dev/v1alpha1/namespaces/default/targets", TARGET)
        for number in range(OBJECTS):
            name = f"kept-{number}"
            self.sent[name] = 0
            self._cluster.ask("POST", FILES, self._made(name, 0))
        self.start()

    def run(self) -> None:
        """Go on and on."""
        while not self._enough.wait(PAUSE * self._dice.random()):
            try:
                self._one()
                self.done["answered"] += 1
            except ClusterError as error:
                self.done[str(error).split(": ")[1][:3]] += 1
            except _ERRORS:
                self.done["nothing"] += 1
                self._enough.wait(PAUSE)

    def end(self) -> None:
        """No more."""
        self._enough.set()
        self.join(120)

    def _one(self) -> None:
        if self._dice.random() < 0.1:
            name = f"coming-{self._dice.randrange(COMING_AND_GOING)}"
            if name in self.sent and self._dice.random() < 0.5:
                self._cluster.ask("DELETE", f"{FILES}/{name}")
                return
        else:
            name = f"kept-{self._dice.randrange(OBJECTS)}"
        self.sent[name] = number = self.sent.get(name, -1) + 1
        change = {"spec": {"content": body(name, number)}}
        if self._cluster.ask("PATCH", f"{FILES}/{name}", change) is None:
            self._cluster.ask("POST", FILES, self._made(name, number))

    def _made(self, name: str, number: int) -> dict[str, Any]:
        return {
            "apiVersion": "linux.froyo.dev/v1alpha1",
            "kind": "File",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "target": "here",
                "path": str(self._directory / name),
                "content": body(name, number),
                "deletion": "delete",
            },
        }


class Witness(threading.Thread):
    """Looks at the files all the time, and keeps what may never be: one that has gone, or half of one.

    Args:
        directory: where they are.
        sent: see `Author`.
    """

    def __init__(self, directory: Path, sent: dict[str, int]) -> None:
        super().__init__(name="witness", daemon=True)
        self.wrong: list[str] = []
        self.looks = 0
        self._directory = directory
        self._sent = sent
        self._seen: set[str] = set()
        self._enough = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join()

    def run(self) -> None:
        """Look."""
        while not self._enough.wait(0.01):
            self.looks += 1
            for name in list(self._sent):
                if (why := self._why(name)) and len(self.wrong) < 20:
                    self.wrong.append(f"{name}: {why}")

    def _why(self, name: str) -> str:
        try:
            found = (self._directory / name).read_text()
        except FileNotFoundError:
            return "it has gone" if name in self._seen else ""
        if name.startswith("kept"):
            self._seen.add(name)
        number = found.split("\n", 1)[0].rpartition(" ")[2]
        if not number.isdecimal() or found != body(name, int(number)):
            return f"half of it, {len(found)} B: {found[:60]!r}"
        return "" if int(number) <= self._sent[name] else f"{number} was never declared"


class Activity:
    """How much is done: asked of the API server and of the operator, by their own metrics.

    Args:
        cluster: the one.
        operator: the other.
    """

    def __init__(self, cluster: Cluster, operator: Operator) -> None:
        self._cluster = cluster
        self._operator = operator

    def counted(self) -> tuple[float, float, float]:
        """Writes and other requests about objects of ours, and rounds."""
        writes = others = 0.0
        for line in self._cluster.kubectl("get", "--raw", "/metrics").splitlines():
            if line.startswith("apiserver_request_total{") and _OURS.search(line):
                [verb] = re.findall(r'verb="([A-Z]+)"', line)
                count = float(line.rpartition(" ")[2])
                writes, others = writes + count * (verb in _WRITES), others + count * (verb not in _WRITES)
        _, said = self._operator.ask("metrics")
        rounds = re.findall(r"^froyo_reconcile_total\{.*\} (\S+)$", said, re.MULTILINE)
        return writes, others, sum(map(float, rounds))

    def rests(self, seconds: float, most: int) -> bool:
        """Whether nothing is written, nothing is looked at, and not more than so much is asked for a while."""
        writes, others, rounds = self.counted()
        time.sleep(seconds)
        more, asked, again = self.counted()
        return more == writes and again == rounds and asked - others <= most


def unsettled(cluster: Cluster, directory: Path) -> list[str]:
    """What is not as the objects say, or of what that is not said."""
    found, names = [], set()
    for one in cluster.ask("GET", FILES)["items"]:
        metadata, status = one["metadata"], one.get("status", {})
        names.add(metadata["name"])
        path = directory / metadata["name"]
        ready = {said["type"]: said for said in status.get("conditions", ())}.get("Ready", {})
        if not path.exists() or path.read_text() != one["spec"]["content"]:
            found.append(f"{path.name} is not as declared: {ready}")
        elif metadata.get("deletionTimestamp"):
            found.append(f"{path.name} is being deleted")
        elif ready.get("status") != "True" or status["observedGeneration"] != metadata["generation"]:
            found.append(f"{path.name} of {metadata['generation']} says {ready}")
    return found + [f"{one} is left" for one in os.listdir(directory) if one not in names]
