"""The server on a real socket, asked through the client that the commands use."""

import asyncio
import contextlib
import gzip
import http.client
import json
import os
import socket
import stat
from dataclasses import replace

import pytest

from reconciler.api import server
from reconciler.api.client import Client
from reconciler.api.listening import listen
from reconciler.api.server import application, serve
from reconciler.errors import StoreError, TransportError, UsageError
from reconciler.model.plan import Plan
from reconciler.model.resource import Removal
from reconciler.model.rollout import RolloutRecord, RolloutTurn
from reconciler.store.records import Receipt
from tests.unit.api.known import Known, event, instance, state, suspension

MOTD = "web-1/File/motd"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "froyo.sock"


@contextlib.asynccontextmanager
async def serving(known, path):
    task = asyncio.create_task(serve(known, path))
    client = Client(path)
    try:
        while not client.alive():
            await asyncio.sleep(0)
            if task.done():
                task.result()
        yield client
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def ask(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


async def raw(path, method, target, body=b"", **headers):
    def call():
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(os.fspath(path))
        try:
            connection.request(method, target, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    return await asyncio.to_thread(call)


async def test_questions_are_answered(path):
    async with serving(Known.of(state(MOTD)), path) as client:
        assert (await ask(client.get, "/v1/status"))["counts"] == {"InSync": 1}
        assert (await ask(client.get, "/v1/resources", {"what": "File/motd"}))["items"][0]["address"] == MOTD
        assert (await ask(client.get, f"/v1/resources/{MOTD}"))["item"]["address"] == MOTD
        with pytest.raises(UsageError, match="froyo get"):
            await ask(client.get, "/v1/resources/web-1/File/other")
        with pytest.raises(UsageError, match="selector"):
            await ask(client.get, "/v1/resources", {"selector": "a=b=c"})


async def test_only_its_owner_may_open_the_socket_and_it_goes_with_the_server(path):
    async with serving(Known(), path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


async def test_a_socket_is_taken_over_from_the_dead_but_not_from_the_living(path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(os.fspath(path))
    dead.close()
    async with serving(Known(), path):
        with pytest.raises(UsageError, match="listens there already"):
            listen(path)


async def test_a_daemon_whose_directory_was_moved_away_leaves_the_socket_of_the_next_one_alone(tmp_path):
    first = tmp_path / "state"
    old = asyncio.create_task(serve(Known(), first / "froyo.sock"))
    while not (first / "froyo.sock").exists():  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(0)
    first.rename(tmp_path / "moved")
    async with serving(Known(), first / "froyo.sock") as client:
        old.cancel()
        await asyncio.wait([old])
        assert await ask(client.alive)


@pytest.mark.parametrize("instead", ["nothing", "a file"])
async def test_a_socket_that_is_removed_is_made_again_and_followers_stay(path, monkeypatch, instead):
    monkeypatch.setattr(server, "LOOK", 0.0)
    known = Known(known_events=[event(1)])
    async with serving(known, path) as client:
        stream = client.follow({"after": "0"})
        assert (await ask(next, stream))["id"] == 1
        path.unlink()
        if instead == "a file":
            path.write_text("")
        while not await ask(client.alive):
            pass
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        known.happen(event(2))
        assert (await ask(next, stream))["id"] == 2
        await ask(stream.close)
    assert not path.exists()


async def test_no_socket_is_made_in_a_directory_that_is_another_one_by_now(tmp_path, monkeypatch):
    looked = asyncio.Event()
    real = server.identity

    def look(where):
        if where == state and real(state) is None:
            looked.set()
        return real(where)

    monkeypatch.setattr(server, "LOOK", 0.0)
    monkeypatch.setattr(server, "identity", look)
    state = tmp_path / "state"
    async with serving(Known(), state / "froyo.sock"):
        state.rename(tmp_path / "moved")
        await looked.wait()
        await asyncio.sleep(0)
        assert not state.exists()


def test_the_socket_is_its_owners_from_its_first_moment_and_the_umask_is_never_touched(path, monkeypatch):
    # The umask is the process's: a file that a thread made at the wrong moment got a mode that nobody had asked for.
    moments = []
    real = socket.socket.bind

    def bind(self, address):
        (path.parent / "of another thread").touch()
        real(self, address)
        moments.append(stat.S_IMODE(os.lstat(address).st_mode))

    before = os.umask(0)
    try:
        monkeypatch.setattr(socket.socket, "bind", bind)
        listen(path).close()
    finally:
        os.umask(before)
    assert moments == [0o600]
    assert stat.S_IMODE((path.parent / "of another thread").stat().st_mode) == 0o666


def test_whoever_finds_the_socket_can_connect(path, monkeypatch):
    """Between bind and listen, commands took a daemon that had just begun for one that had died."""
    moments = []
    real = socket.socket.listen

    def listening(self):
        moments.append(path.exists())
        real(self)

    monkeypatch.setattr(socket.socket, "listen", listening)
    found = listen(path)
    assert moments == [False]
    assert Client(path).alive()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    found.close()


def test_a_path_that_is_too_long_is_said_to_be(tmp_path):
    with pytest.raises(UsageError, match="shorter --state"):
        listen(tmp_path / ("x" * 200) / "froyo.sock")
    directory = tmp_path / ("y" * 90)
    directory.mkdir()
    with pytest.raises(UsageError, match="shorter --state"):
        listen(directory / ("z" * 60))


async def test_an_alert_is_asked_to_send_by_hand(path):
    known = Known()
    async with serving(known, path) as client:
        assert (await ask(client.post, "/v1/alerts/test", {"name": "ops", "by": "ann"}))["id"] == "id-1"
    assert known.asked == [("test alert", "ops", "ann")]


async def test_wishes_are_passed_on(path):
    known = Known.of(state(MOTD), known_suspensions=[suspension(MOTD)])
    async with serving(known, path) as client:
        assert (await ask(client.post, "/v1/reconcile", {}))["instances"] == 1
        assert (await ask(client.post, "/v1/reconcile", {"addresses": [MOTD]}))["instances"] == 1
        wish = {"object": MOTD, "by": "alice", "reason": "trying", "until": 3000.0}
        await ask(client.post, "/v1/suspend", wish)
        assert (await ask(client.post, "/v1/resume", {"object": MOTD, "by": "alice"}))["found"]
        with pytest.raises(UsageError, match="not declared"):
            await ask(client.post, "/v1/reconcile", {"addresses": ["web-9/File/x"]})
    kinds = [asked[0] for asked in known.asked]
    assert kinds == ["reconcile", "reconcile", "suspend", "resume", "reconcile"]
    put = known.asked[2][1]
    assert (put.since, put.until, put.by) == (2000.0, 3000.0, "alice")
    assert known.asked[3] == ("resume", MOTD, "alice")


async def test_what_is_to_be_put_back_is_shown_and_passed_on(path):
    known = Known.of(state(MOTD))
    async with serving(known, path) as client:
        planned = await ask(client.post, "/v1/restore/plan", {"address": MOTD})
        done = await ask(client.post, "/v1/restore", {"address": MOTD, "by": "alice", "reason": "x"})
    assert (planned["kind"], planned["items"][0]["target"]) == ("PlanList", "web-1")
    assert (done["kind"], done["addresses"]) == ("Accepted", [MOTD])
    assert known.asked == [("foresee restore", MOTD), ("restore", MOTD, "alice", "x")]


async def test_what_is_wanted_of_a_rollout_is_passed_on(path):
    turn = RolloutTurn(target="w1", wanted="sha256:w", revision="r1")
    record = RolloutRecord(
        source="here", name="web", revision="r2", digest="sha256:2", since=1.0, turns={"w1": turn}
    )
    known = Known(known_rollouts=[record])
    async with serving(known, path) as client:
        wish = {"action": "promote", "name": "web", "by": "alice", "full": True}
        done = await ask(client.post, "/v1/rollouts", wish)
        listed = await ask(client.get, "/v1/rollouts")
        assert (await ask(client.get, "/v1/rollouts", {"name": "db"}))["items"] == []
    assert (done["kind"], done["targets"][0]["state"]) == ("Rollout", "Awaiting")
    assert [one["name"] for one in listed["items"]] == ["web"]
    fields = {"by": "alice", "reason": "", "full": True}
    assert known.asked == [("steer_rollout", "promote", "web", "", fields)]


async def test_a_rollback_is_passed_on_and_says_what_waits(path):
    held = replace(instance("web-1/File/new"), removal=Removal(hold="it does not have this"))
    gone = replace(instance("web-1/File/old"), removal=Removal())
    declared = {one.address: one for one in (instance(MOTD), held, gone)}
    known = Known.of(state(MOTD), known_instances=declared)
    async with serving(known, path) as client:
        wish = {"revision": "3f2a", "source": "/srv/site", "by": "alice", "reason": "x", "until": 3000.0}
        done = await ask(client.post, "/v1/rollback", wish)
        ended = await ask(client.post, "/v1/rollback/end", {"by": "bob"})
    assert (done["kind"], done["source"], done["waiting"]) == ("RolledBack", "/srv/site", ["web-1/File/new"])
    assert done["rollback"]["until"] == "1970-01-01T00:50:00.000000Z"
    assert (ended["kind"], ended["source"], ended["rollback"]["revision"]) == ("RollbackEnded", "here", "r1")
    fields = {"by": "alice", "reason": "x", "until": 3000.0}
    assert known.asked == [("rollback", "3f2a", "/srv/site", fields), ("end rollback", "", "bob")]


@pytest.mark.parametrize(
    ("target", "body", "says"),
    [
        ("/v1/suspend", b"{", "not JSON"),
        ("/v1/suspend", b"[" * 200_000, "nested too deeply"),
        ("/v1/suspend", b'{"object": "x", "by": "y", "reason": "z", "until": NaN}', "until"),
        ("/v1/suspend", b"[]", "JSON object"),
        ("/v1/suspend", b"{}", "object has to be text"),
        ("/v1/suspend", b'{"object": "x", "by": "", "reason": "y"}', "by has to be text"),
        ("/v1/suspend", b'{"object": "x", "by": "a", "reason": "y", "until": 1}', "in the future"),
        ("/v1/suspend", b'{"object": "x", "by": "a", "reason": "y", "until": "soon"}', "until"),
        ("/v1/suspend", b'{"objet": "x"}', "no field 'objet'"),
        ("/v1/reconcile", b'{"addresses": "x"}', "list of addresses"),
        ("/v1/reconcile", b'{"addresses": [1]}', "list of addresses"),
        ("/v1/restore", b'{"address": "web-1/File/motd", "by": "a"}', "reason has to be text, and not empty"),
        ("/v1/restore/plan", b'{"adress": "x"}', "there is no field 'adress'"),
        ("/v1/rollback", b'{"revision": "r1", "by": "a"}', "reason has to be text, and not empty"),
        ("/v1/rollback", b'{"revision": "", "by": "a", "reason": "b"}', "revision has to be text, and not"),
        (
            "/v1/rollback",
            b'{"revision": "r1", "by": "a", "reason": "b", "until": 1}',
            "until has to be in the future",
        ),
        ("/v1/rollback/end", b'{"sauce": "x", "by": "a"}', "there is no field 'sauce'"),
        ("/v1/resume", b'{"object": 3}', "object has to be text"),
        ("/v1/resume", b'{"object": "x", "by": 3}', "by has to be text"),
        (
            "/v1/suspend",
            b'{"object": "x", "by": "a", "reason": "y", "until": true}',
            "until has to be a time",
        ),
        ("/v1/suspend", b'{"object": "", "by": "a", "reason": "y"}', "object has to be text, and not empty"),
    ],
)
async def test_a_body_that_cannot_be_understood_is_refused_with_a_reason(path, target, body, says):
    known = Known()
    async with serving(known, path):
        status, document = await raw(path, "POST", target, body)
    assert status == 400
    assert document["kind"] == "Error"
    assert says in document["message"]
    assert known.asked == []


@pytest.mark.parametrize(
    "body",
    [b"{}", gzip.compress(b"{}"), gzip.compress(b" " * (1 << 26))],
    # Named: what gzip writes has the time in it, and each process of the tests would see another test.
    ids=["not packed", "small", "large once unpacked"],
)
async def test_a_body_that_is_packed_is_refused_and_not_unpacked(path, body, caplog, capfd):
    known = Known()
    async with serving(known, path):
        status, document = await raw(path, "POST", "/v1/reconcile", body, **{"Content-Encoding": "gzip"})
    assert status == 400
    assert "leave Content-Encoding out" in document["message"]
    assert (known.asked, caplog.records, *capfd.readouterr()) == ([], [], "", "")


async def test_a_body_that_ends_wrongly_is_refused_and_no_defect(path, caplog, capfd):
    def call():
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.fspath(path))
            connection.sendall(
                b"POST /v1/reconcile HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n"
            )
            return connection.recv(4096)

    known = Known()
    async with serving(known, path):
        assert b" 400 " in await asyncio.to_thread(call)
    assert known.asked == []
    assert "a defect" not in "".join(capfd.readouterr()) + caplog.text


async def test_what_is_suspended_need_not_be_utf_8(path):
    known = Known.of(state(MOTD))
    async with serving(known, path):
        body = b'{"object": "web-1/File/\\udc80", "by": "a", "reason": "y"}'
        await raw(path, "POST", "/v1/suspend", body)
    assert known.asked[0][1].object == "web-1/File/\udc80"


async def test_what_is_not_there_is_a_404_and_a_wrong_method_a_405(path):
    async with serving(Known(), path):
        assert (await raw(path, "GET", "/v1/nothing"))[0] == 404
        assert (await raw(path, "POST", "/v1/status"))[0] == 405
        assert (await raw(path, "GET", "/v1/events?follow=1&cause=whim"))[0] == 400
        for asked in ("/v1/events?", "/v1/events?follow=1&", "/v1/history?"):
            status, document = await raw(path, "GET", f"{asked}limit={'9' * 5000}")
            assert status == 400
            assert document["message"].startswith("limit has to be a number from 1 to 100,000, not '999")
            assert len(document["message"]) < 150
        assert (await raw(path, "POST", "/v1/suspend", b" " * (1 << 21)))[0] == 413


async def test_the_daemons_troubles_are_told_and_its_defects_named(path):
    known = Known()

    async def full():
        raise StoreError("froyo.db: the disk is full")

    async def broken():
        raise ZeroDivisionError

    async with serving(known, path) as client:
        known.states = full
        with pytest.raises(TransportError, match="disk is full"):
            await ask(client.get, "/v1/status")
        known.states = broken
        with pytest.raises(TransportError, match="defect of froyo"):
            await ask(client.get, "/v1/status")


async def test_health_fails_with_what_has_not_lived(path):
    known = Known()
    async with serving(known, path) as client:
        assert (await ask(client.get, "/v1/healthz"))["healthy"]
        known.wrong = {"source": "has not been heard of for 200 s"}
        assert (await raw(path, "GET", "/v1/healthz"))[0] == 503
        assert (await ask(client.get, "/v1/healthz"))["problems"] == known.wrong


async def test_a_plan_is_made_now(path):
    errors = {"web-1": "no session", MOTD: "no such user: bob"}
    plan = Plan(target="web-1", revision="abc", units=(), observed_at=5.0, errors=errors)
    declared = {MOTD: instance(MOTD)}
    async with serving(Known(known_plans=[plan], known_instances=declared), path) as client:
        [view] = (await ask(client.post, "/v1/plan", {}))["items"]
    assert view["errors"] == errors
    assert view["declaredAt"] == {MOTD: str(declared[MOTD].origin)}


async def test_events_are_followed_over_the_socket_as_they_come(path):
    known = Known(known_events=[event(1), event(2)])
    async with serving(known, path) as client:
        stream = client.follow({"after": "0"})
        seen = []

        def take(count):
            while len(seen) < count:
                seen.append(next(stream)["id"])

        await ask(take, 2)
        known.happen(event(3))
        await ask(take, 3)
        assert seen == [1, 2, 3]
        await ask(stream.close)


async def test_changes_are_told_from_before_the_answer_begins(path):
    known = Known()
    async with serving(known, path) as client:
        with await ask(client.changes) as changes:
            known.feed.committed(Receipt(objects=(MOTD, MOTD, "Target/web-1")))
            [change] = await ask(changes.receive)
            assert change["kind"] == "Change"
            assert (change["objects"], change["missed"]) == (["Target/web-1", MOTD], False)
            assert await ask(changes.receive, 0.0) == []


async def test_a_filter_that_makes_no_sense_is_refused_before_the_stream(path):
    async with serving(Known(), path) as client:
        with pytest.raises(UsageError, match="whim"):
            await ask(next, client.follow({"cause": "whim"}))


async def test_a_stream_that_ends_says_that_the_daemon_has(path):
    async with serving(Known(known_events=[event(1)]), path) as client:
        stream = client.follow({"after": "0"})
        assert (await ask(next, stream))["id"] == 1
    with pytest.raises(TransportError, match="ended"):
        await ask(next, stream)


def test_nobody_listens_where_there_is_nothing(tmp_path):
    client = Client(tmp_path / "none.sock")
    assert not client.alive()
    with pytest.raises(TransportError, match="the daemon has ended"):
        client.get("/v1/status")
    with pytest.raises(TransportError, match="the daemon has ended"):
        next(client.follow({}))


def test_all_routes_are_there():
    routes = {(route.method, route.resource.canonical) for route in application(Known()).router.routes()}
    assert ("GET", "/v1/healthz") in routes
    assert ("POST", "/v1/plan") in routes
