"""Two controllers on one PostgreSQL server: the one that leads is stopped under load, and comes back."""

import os
import random
import signal
import threading

import pytest

from reconciler.store.postgresql.keys import LEASE
from tests.e2e.site import Daemon, Site, instance, local, until

pytestmark = [pytest.mark.e2e, pytest.mark.postgresql]

FILES = 40
TURNS = 6
LEADS = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = {LEASE} AND granted"


class Author(threading.Thread):
    """Declares something else for every file, again and again.

    Args:
        site: whose manifest is written.
        first: number of the first version.
    """

    def __init__(self, site, first):
        super().__init__(name="author")
        self.number = first
        self._site = site
        self._enough = threading.Event()

    def run(self):
        while not self._enough.wait(0.05):
            self.number += 1
            declare(self._site, self.number)

    def end(self):
        """No more; the number of the last version but one, which nobody has been told is the last."""
        self._enough.set()
        self.join()


def declare(site, number):
    files = [
        instance("File", f"f{n}", site.world / f"f{n}", content=f"version {number}\n") for n in range(FILES)
    ]
    site.declare(local(), *files)


class Seen(threading.Thread):
    """Looks at all files again and again, and keeps what was there besides what should be.

    Args:
        site: whose files.
    """

    def __init__(self, site):
        super().__init__(name="seen")
        self.other = set()
        self.looks = 0
        self._paths = [site.world / f"f{n}" for n in range(FILES)]
        self._there = {path: self._look(path) for path in self._paths}
        self._enough = threading.Event()

    @staticmethod
    def _look(path):
        # Written anew as it was it would be another one, too.
        return path.stat().st_ino, path.read_text()

    def run(self):
        while not self._enough.wait(0.002):
            for path in self._paths:
                self.looks += 1
                if (now := self._look(path)) != self._there[path]:
                    self.other.add((path.name, *now))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._enough.set()
        self.join()


@pytest.fixture
def other(tmp_path, site):
    """A second controller's own state; it reads what the first one reads."""
    found = Site(tmp_path / "other")
    for directory in (found.base, found.base / "home"):
        directory.mkdir()
    found.state.mkdir(mode=0o700)
    yield found
    for runner in found.runners():
        os.kill(runner, signal.SIGKILL)


def test_one_that_was_stopped_while_it_led_and_comes_back_writes_nothing(
    site, other, own_server, monkeypatch
):
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"FROYO_SEED={seed}")  # noqa: T201 - for who reads the report
    dice = random.Random(seed)
    monkeypatch.setenv("FROYO_STORE", own_server.place())
    number = 1
    declare(site, number)
    leading, waiting = Daemon(site), None
    leading.until_ready(FILES)
    for _ in range(TURNS):
        waiting = Daemon(other if leading.site is site else site, [str(site.manifests)])
        until("it stands by", lambda: "standing by" in waiting.log.rpartition("taking over")[2])  # noqa: B023
        author = Author(site, number)
        author.start()
        # Many rounds and writes are under way then, and which is a matter of chance.
        threading.Event().wait(0.3 + dice.random())
        leading.process.send_signal(signal.SIGSTOP)
        author.end()
        number = author.number + 1
        declare(site, number)
        # As the server does when it has heard nothing of a machine for long enough.
        [[session]] = own_server.ask(LEADS)
        own_server.ask(f"SELECT pg_terminate_backend({session})")
        waiting.until_ready(FILES)
        wanted = f"version {number}\n"
        until(
            "all files are as declared",
            lambda: all((site.world / f"f{n}").read_text() == wanted for n in range(FILES)),  # noqa: B023
        )
        with Seen(site) as seen:
            leading.process.send_signal(signal.SIGCONT)
            assert leading.process.wait(60) == 1, leading.log[-4000:]
            until("the runner of the one that has ended has, too", lambda: not leading.site.runners())  # noqa: B023
        assert seen.looks > FILES
        assert seen.other == set()
        assert "has taken the store over" in leading.log
        leading = waiting
    assert leading.terminate() == 0
    assert own_server.ask(LEADS) == []
    assert "Traceback" not in site_log(site) + site_log(other)
    site.assert_nothing_is_left()


def site_log(site):
    return (site.base / "daemon.log").read_text()
