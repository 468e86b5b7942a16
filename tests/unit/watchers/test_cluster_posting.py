"""Events of a cluster: in series, and bounded."""

import contextlib

import pytest

from watchers.kubernetes import listing, posting
from watchers.kubernetes.listing import Unlisted
from watchers.kubernetes.objects import Definition, SeenObject
from watchers.kubernetes.posting import BURST, EVERY, SERIES, Notice, Posting

FILE = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
PATH = "web/File.linux.froyo.dev/motd.json"
SEEN = {PATH: SeenObject("uid", 1, "", {})}


class Answer:
    def __init__(self, status):
        self.status = status

    async def text(self):
        return "why"

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


class Server:
    """What is posted, and how that is answered."""

    def __init__(self):
        self.posted, self.patched, self.answers = [], [], []

    def _answer(self, usual):
        return Answer(self.answers.pop(0) if self.answers else usual)

    def post(self, where, *, json):
        self.posted.append(json)
        assert where == "apis/events.k8s.io/v1/namespaces/web/events"
        return self._answer(201)

    def patch(self, where, *, json, headers):
        self.patched.append((where.rpartition("/")[2], json["series"]))
        assert headers == {"Content-Type": "application/merge-patch+json"}
        return self._answer(200)


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def server(monkeypatch):
    made = Server()

    @contextlib.asynccontextmanager
    async def connected():
        yield made

    monkeypatch.setattr(posting, "connected", connected)
    return made


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def one(clock):
    names = iter(range(10_000))
    return Posting({"File.linux.froyo.dev": FILE}, now=clock, unique=lambda: f"{next(names)}")


def notice(clock, note="content changed", **more):
    return Notice(PATH, False, "Repaired", note, clock.now, **more)


async def test_an_event_is_about_its_object(server, clock, one):
    assert await one.post([notice(clock)], SEEN) == ""
    [said] = server.posted
    assert said["metadata"] == {"name": "motd.0", "namespace": "web"}
    assert said["regarding"] == {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "File",
        "namespace": "web",
        "name": "motd",
        "uid": "uid",
    }
    assert (said["type"], said["reason"], said["action"]) == ("Normal", "Repaired", "Reconcile")
    assert said["eventTime"] == "1970-01-01T00:16:40.000000Z"
    assert not one.waits
    await one.post([notice(clock, by="bob", note="ä" * 2_000), Notice("x/File/y", True, "A", "b", 0.0)], SEEN)
    assert len(server.posted[1:]) == 1
    assert len(server.posted[1]["note"].encode()) <= 1024


async def test_the_same_again_is_a_series_that_is_told_now_and_then(server, clock, one):
    await one.post([notice(clock)], SEEN)
    for _ in range(50):
        clock.now += 0.1
        await one.post([notice(clock)], SEEN)
    assert one.waits
    assert not server.patched
    clock.now += EVERY
    await one.post([], SEEN)
    [(name, series)] = server.patched
    assert name == "motd.0"
    assert series["count"] == 51
    assert not one.waits
    clock.now += SERIES
    await one.post([notice(clock), notice(clock)], SEEN)
    assert [body["metadata"]["name"] for body in server.posted] == ["motd.0", "motd.1"]
    assert server.posted[1]["series"]["count"] == 2


async def test_one_that_has_expired_is_posted_anew(server, clock, one):
    await one.post([notice(clock)], SEEN)
    clock.now += EVERY
    server.answers = [404]
    await one.post([notice(clock)], SEEN)
    await one.post([notice(clock)], SEEN)
    assert len(server.posted) == 2


async def test_what_could_not_be_posted_is_posted_later_and_only_so_much_is_new(server, clock, one):
    server.answers = [403]
    assert await one.post([notice(clock)], SEEN) == "403 why"
    assert one.waits
    server.answers = [409]  # an answer was lost
    assert await one.post([], SEEN) == ""
    assert not one.waits
    await one.post([notice(clock, by=f"{n}") for n in range(BURST * 2)], SEEN)
    assert len(server.posted) == 1 + BURST  # one of them twice
    assert one.dropped == BURST + 1
    clock.now += 1
    await one.post([notice(clock, by=f"later {n}") for n in range(BURST)], SEEN)
    assert len(server.posted) == 3 + BURST


async def test_without_a_cluster_it_is_said_why(monkeypatch, clock, one):
    async def login():
        raise Unlisted("no cluster is named")

    monkeypatch.setattr(listing, "login", login)
    assert await one.post([notice(clock)], SEEN) == "no cluster is named"


async def test_only_so_many_series_are_remembered(monkeypatch, server, clock, one):
    monkeypatch.setattr(posting, "KNOWN", 2)
    await one.post([notice(clock, by=f"{n}") for n in range(3)], SEEN)
    await one.post([notice(clock, by="0")], SEEN)
    assert len(server.posted) == 3
