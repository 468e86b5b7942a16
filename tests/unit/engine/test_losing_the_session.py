"""A session that is lost in the middle of anything leaves nothing half-known."""

import asyncio
from dataclasses import replace

import pytest

from reconciler.core.backoff import Backoff
from reconciler.engine.loop.sessions import LASTING, Sessions
from reconciler.errors import TransportError
from reconciler.model.conditions import Reason
from reconciler.model.resource import Deletion
from reconciler.model.target import SshTransport
from reconciler.plugins.calls import Phase
from reconciler.runtime import Runtime
from tests.sim.loop import run
from tests.sim.manifests import target
from tests.unit.engine.stage import address, file, staged


def hang_up_once(stage):
    """The next write is done or not, and then the session is lost."""
    stage.machines["m0"].weather.hangs_up = 1.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_repair_that_was_cut_off_comes_right_and_nothing_stays_in_doubt(seed, tmp_path):
    @staged
    async def played(stage):
        stage.machines["m0"].random.seed(seed)
        await stage.declare(file("motd", "hello\n"))
        await stage.settled()
        hang_up_once(stage)
        stage.spoil("motd")
        await asyncio.sleep(0.1)
        stage.machines["m0"].weather.clear()
        await stage.until(lambda: stage.content("motd") == b"hello\n", within=5.0)
        await stage.settled()
        assert await stage.store.in_doubt() == []
        assert "Unreachable" in {run.outcome for run in await stage.store.runs()}
        assert await stage.store.load_states() == stage.controller.states()

    played(tmp_path)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_created_when_the_session_was_lost_is_ours_to_remove(seed, tmp_path):
    """It was taken for something that had been there before us, and stayed for ever."""

    @staged
    async def played(stage):
        machine = stage.machines["m0"]
        machine.random.seed(seed)
        hang_up_once(stage)
        await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE))
        await stage.until(lambda: machine.sessions > 1)
        machine.weather.clear()
        await stage.settled()
        assert (await stage.store.load_inventory())[address("motd")].ownership == "created"
        await stage.declare()
        await stage.until(lambda: stage.content("motd") is None)

    played(tmp_path)


@pytest.mark.parametrize(
    ("fault", "when", "ownership"),
    [
        ({"class": "transient", "partial": True}, "then", "created"),
        ({"class": "transient"}, "then", "created"),
        ({"class": "permanent"}, "then", "created"),
        ({"class": "conflict"}, "then", "adopted"),
        ({"class": "transient"}, "later", "adopted"),
    ],
    ids=["a part is known to be", "it is there", "for good", "somebody was quicker", "later"],
)
def test_what_a_failed_apply_has_created_is_ours_to_remove_if_a_part_of_it_was_done(
    fault, when, ownership, tmp_path
):
    """Such as the file of a unit of which systemd could not be told then, or half of a tree on a full disk."""

    @staged
    async def played(stage):
        def half(phase, request):
            if phase is not Phase.APPLY:
                return None
            stage.host.instead = lambda phase, request: None
            if when == "then":
                stage.spoil("motd", b"hello\n")
            failed = fault | {"message": "later"}
            return {
                "results": [{"address": one["address"], "fault": failed} for one in request["operations"]]
            }

        stage.host.instead = half
        await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE))
        if when == "later":
            await stage.until(lambda: stage.reason("motd") == "TransientError")
            await asyncio.sleep(0.05)  # it was looked whether anything has come of it
            stage.spoil("motd", b"hello\n")
        await stage.settled()
        assert (await stage.store.load_inventory())[address("motd")].ownership == ownership

    played(tmp_path)


@staged
async def test_what_somebody_else_was_quicker_to_create_is_not_ours(stage):
    """That we were about to would have had it removed with its manifest."""

    def quicker(phase, _request):
        if phase is Phase.PLAN:
            stage.loop.call_soon(stage.spoil, "motd", b"hello\n")

    stage.host.instead = quicker
    await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE))
    await stage.settled()
    assert (await stage.store.load_inventory())[address("motd")].ownership == "adopted"


@staged
async def test_a_runner_that_owes_an_answer_is_given_up_and_another_one_is_asked(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.machines["m0"].weather.loses_reply = 1.0
    stage.spoil("motd")
    await asyncio.sleep(0.1)
    stage.machines["m0"].weather.clear()
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=70.0)
    assert stage.machines["m0"].sessions == 2


class Fake:
    """A session that ends when it is told to."""

    def __init__(self, log, name):
        self.log, self.name, self.ended, self.estranged = log, name, asyncio.Event(), False

    async def wait_closed(self):
        await self.ended.wait()
        return "it was told to"

    async def close(self):
        self.log.append(f"{self.name} closes")
        await asyncio.sleep(1.0)
        self.log.append(f"{self.name} is closed")


class Listener:
    """Keeps what it hears."""

    def __init__(self):
        self.pauses = []

    def connected(self, name, session):
        pass

    def disconnected(self, name, why, *, retry_in):
        self.pauses.append((why, retry_in))

    def changed(self, name, event):
        pass


def keeping(open_session, listener):
    async def connect(_target):
        raise AssertionError

    async def offload(_lane, function):
        return function()

    return Sessions(
        open_session=open_session,
        runtime=Runtime(connect=connect, offload=offload),
        listener=listener,
        backoff=Backoff(base=0.5, cap=300.0, jitter=0.0),
    )


def test_a_target_that_is_reached_in_another_way_has_its_old_session_closed_first():
    async def play():
        log = []

        async def open_session(wanted, *, runtime, on_event):
            log.append(f"{wanted.transport.port} opens")
            return Fake(log, wanted.transport.port)

        sessions = keeping(open_session, Listener())
        sessions.want(target("m0", port=22))
        await asyncio.sleep(0.1)
        sessions.want(target("m0", port=23))
        sessions.want(target("m0", port=23))
        await asyncio.sleep(5.0)
        assert log == ["22 opens", "22 closes", "22 is closed", "23 opens"]
        sessions.want(target("m0", port=24))
        await sessions.close()
        assert log[-1] == "23 is closed"
        assert sessions.get("m0") is None

    run(play())


def test_an_error_that_nobody_foresaw_does_not_end_the_attempts():
    async def play():
        attempts = []

        async def open_session(wanted, *, runtime, on_event):
            attempts.append(wanted.name)
            if len(attempts) < 3:
                raise OSError("no more file descriptors")
            return Fake([], "it")

        listener = Listener()
        sessions = keeping(open_session, listener)
        sessions.want(target("m0"))
        await asyncio.sleep(10.0)
        assert sessions.get("m0") is not None
        assert [pause for _, pause in listener.pauses] == [0.5, 1.0]
        assert "no more file descriptors" in listener.pauses[0][0]
        await sessions.close()

    run(play())


def test_a_session_that_is_lost_at_once_is_opened_again_with_growing_pauses():
    async def play():
        opened = []

        async def open_session(wanted, *, runtime, on_event):
            opened.append(session := Fake([], "it"))
            if len(opened) < 4:
                session.ended.set()
            return session

        listener = Listener()
        sessions = keeping(open_session, listener)
        sessions.want(target("m0"))
        await asyncio.sleep(60.0)
        opened[3].ended.set()
        await asyncio.sleep(60.0)
        # The fourth one lasted: what happens to it is another story.
        assert [pause for _, pause in listener.pauses] == [0.5, 1.0, 2.0, 0.5]
        assert LASTING < 60.0
        await sessions.close()

    run(play())


def test_who_cannot_be_reached_is_tried_at_once_when_somebody_is_in_a_hurry():
    async def play():
        attempts = []

        async def open_session(wanted, *, runtime, on_event):
            attempts.append(asyncio.get_running_loop().time())
            raise TransportError("refused")

        sessions = keeping(open_session, Listener())
        sessions.want(target("m0"))
        await asyncio.sleep(200.0)
        known = len(attempts)
        sessions.hurry("m0")
        sessions.hurry("m9")
        await asyncio.sleep(0.1)
        assert len(attempts) == known + 1
        await sessions.close()

    run(play())


@staged
async def test_when_a_target_is_tried_again_is_known_until_it_is_reached(stage):
    """How long that would be was written down at the attempt, and was as old as that when somebody read it."""
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert stage.controller.next_tries == {}
    stage.machines["m0"].power_failure(3600.0)
    await asyncio.sleep(600.0)
    [due] = stage.controller.next_tries.values()
    assert due > stage.runtime.now() - 60.0
    [ready] = stage.controller.targets["m0"].conditions
    assert ready.reason is Reason.UNREACHABLE
    assert "next try" not in ready.message
    await asyncio.sleep(7200.0)
    await stage.settled()
    assert stage.controller.next_tries == {}


@staged
async def test_a_target_that_is_reached_in_another_way_is_not_called_connected_because_the_old_one_was(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert stage.controller.targets["m0"].connected_since is not None
    stage.machines["m0"].powered = False
    shown = stage.desired(file("motd", "hello\n"))
    moved = {
        name: replace(target, transport=SshTransport(host="elsewhere"))
        for name, target in shown.targets.items()
    }
    await stage.controller.submit(replace(shown, targets=moved))
    assert stage.controller.targets["m0"].connected_since is None
    assert stage.controller.targets["m0"].conditions == ()


def test_a_runner_that_is_known_to_be_of_another_version_is_not_started_again_until_it_is_built(monkeypatch):
    """It would be connected and lost again and again, and nobody would know what to do."""

    async def play():
        opened, built = (
            [],
            ["; runner-linux-amd64 was built from other sources than lie here: run `make build`"],
        )
        monkeypatch.setattr("reconciler.engine.loop.sessions.advice", lambda about: built[0])

        async def open_session(wanted, *, runtime, on_event):
            opened.append(session := Fake([], "it"))
            if built[0]:
                session.estranged = True
                session.ended.set()
            return session

        listener = Listener()
        sessions = keeping(open_session, listener)
        sessions.want(target("m0"))
        await asyncio.sleep(60.0)
        assert len(opened) == 1
        assert listener.pauses[1][0].startswith(
            "m0: the runner is of another version than this froyo; runner-linux"
        )
        assert [pause for _, pause in listener.pauses][:4] == [0.5, 1.0, 2.0, 4.0]
        built[0] = ""
        await asyncio.sleep(60.0)
        assert sessions.get("m0") is opened[1]
        await sessions.close()

    run(play())
