"""A session with a target that has secrets: what goes out has them, and what comes in has not."""

import asyncio
import base64
import hashlib
import json

import pytest

from reconciler.config.bodies import blob
from reconciler.core.vault import Vault
from reconciler.engine.lane.recording import Recording
from reconciler.errors import ErrorClass, RunnerError
from reconciler.model.calls import Call, Failure, Ok
from reconciler.model.names import TargetName
from reconciler.model.secrets import Secret
from tests.sim.runner import replies_digest
from tests.unit.targets.fake_runner import FakeRunner, fault
from tests.unit.targets.virtual_time import run

VALUE = "hunter2-hunter2"
HERE = TargetName("here")
ABOUT = {"path": "/etc/db"}


@pytest.fixture
def runner():
    return FakeRunner()


@pytest.fixture
def vault():
    return Vault(lambda _: VALUE, lambda: b"k" * 32)


@pytest.fixture
def mark(vault):
    found = vault.mark(Secret("db"))
    body = vault.body(blob(f"p = {found}\n".encode()))
    vault.grant(HERE, [found], names=["/etc/db"], blob=body)
    return found


def sha256(text):
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_a_command_is_sent_with_the_value_and_answered_with_the_mark(runner, vault, mark):
    async def main():
        session = await runner.open(secrets=vault.of)
        asking = asyncio.ensure_future(session.command("exec.run", [{"env": {"PW": mark}}, {"id": "1"}]))
        heard = await runner.hear("CMD")
        assert heard["items"] == [{"env": {"PW": VALUE}}, {"id": "1"}]
        said = base64.b64encode(f"it is {VALUE}\n".encode()).decode()
        runner.done(1, {"ok": {"stdout": said}}, {"error": fault("no") | {"message": f"no {VALUE}"}})
        one, two = await asking
        assert base64.b64decode(one.value["stdout"]).decode() == f"it is {mark}\n"
        assert two.message == f"no {mark}"

    run(main())


def test_what_may_not_have_one_is_answered_without_being_sent(runner, vault, mark):
    async def main():
        session = await runner.open(secrets=vault.of)
        asking = asyncio.ensure_future(session.command("exec.run", [{"argv": ["echo", mark]}, {"id": "1"}]))
        heard = await runner.hear("CMD")
        assert heard["items"] == [{"id": "1"}]
        runner.done(1, {"ok": {}})
        refused, done = await asking
        assert refused == Failure(
            ErrorClass.PERMANENT, "no_secret", "argv holds a secret, and others see it there"
        )
        assert done == Ok({})
        (alone,) = await session.command("exec.run", [{"env": {"A": f"[secret:{'0' * 32}]"}}])
        assert alone.code == "no_secret"
        assert alone.message.endswith("is not known any more; declare it again")
        assert runner.heard_nothing()

    run(main())


def test_what_the_controller_asks_by_itself_has_the_value_and_is_answered_with_the_mark(runner, vault, mark):
    async def main():
        asked = []

        async def ask(call, reach):
            asked.append((call, reach))
            return Ok({"body": f"you are {call.args['headers']['Authorization']}"})

        session = await runner.open(secrets=vault.of)
        call = Call("http.get", {"url": "http://x/", "headers": {"Authorization": f"Bearer {mark}"}})
        reply = await session.ask_outside(call, ask)
        assert asked[0][0].args["headers"] == {"Authorization": f"Bearer {VALUE}"}
        assert asked[0][1] == session.reach
        assert reply == Ok({"body": f"you are Bearer {mark}"})
        plain = await (await FakeRunner().open()).ask_outside(call, ask)
        assert plain.value["body"].endswith(mark)

    run(main())


def test_a_body_is_sent_as_it_is_on_the_target(runner, vault, mark):
    async def main():
        session = await runner.open(secrets=vault.of)
        await session.send_blob(blob(f"p = {mark}\n".encode()))
        heard = await runner.hear("BLOB")
        assert heard["digest"] == sha256(f"p = {VALUE}\n")
        assert base64.b64decode(heard["data"]).decode() == f"p = {VALUE}\n"

    run(main())


def test_an_event_has_no_secret_in_it(runner, vault, mark):
    async def main():
        noticed = asyncio.Queue()
        session = await runner.open(secrets=vault.of, on_event=noticed.put_nowait)
        watching = asyncio.ensure_future(session.watch(["path:/etc/db"]))
        await runner.hear("CMD")
        runner.say(type="EVENT", id=1, event="progress", data={"watching": 1, "mode": "fanotify"})
        await watching
        by = {"source": "fanotify", "pid": 1, "command": f"echo {VALUE}"}
        change = {"subject": "path:/etc/db", "at_ms": 1500, "by": by}
        runner.say(type="EVENT", id=1, event="changed", data={"changes": [change], "overflow": False})
        event = await noticed.get()
        assert event.changes[0].evidence.command == f"echo {mark}"

    run(main())


def test_an_observation_is_compared_with_marks_in_it_and_asked_for_by_what_the_target_digests(
    runner, vault, mark
):
    async def main():
        session = await runner.open(secrets=vault.of)
        real = {"digest": sha256(f"p = {VALUE}\n"), "state": sha256("anything")}
        secrets = vault.of(HERE)
        recording = Recording()
        recording.note([Call("file.stat", ABOUT)], [Ok(secrets.sealed(ABOUT, real))])
        batch, digest = recording.batch(), recording.digest
        theirs = replies_digest([[{"ok": real}]])

        async def look(answer, given=batch):
            looking = asyncio.ensure_future(session.observe(recording.key, given, digest))
            heard = await runner.hear("CMD")
            runner.done(heard["id"], {"ok": answer})
            return heard["options"], await looking

        options, seen = await look({"digest": theirs, "replies": [[{"ok": real}]]})
        assert "digest" not in options
        assert (seen.unchanged, seen.digest, seen.replies) == (True, digest, None)
        options, seen = await look({"digest": theirs, "unchanged": True})
        assert options["digest"] == theirs
        assert "batch" not in options
        assert (seen.unchanged, seen.digest) == (True, digest)
        spoiled = {"digest": sha256("p = spoiled\n"), "state": sha256("other")}
        answer = {"digest": replies_digest([[{"ok": spoiled}]]), "replies": [[{"ok": spoiled}]]}
        _, seen = await look(answer, None)
        assert not seen.unchanged
        assert seen.replies[0][0].value["digest"] not in {spoiled["digest"], real["digest"]}
        assert seen.digest == recording.replace(seen.replies).digest

    run(main())


def test_an_observation_with_a_secret_that_is_not_known_any_more_is_refused(runner, vault, mark):
    async def main():
        session = await runner.open(secrets=vault.of)
        batch = [{"command": "exec.check", "items": [{"env": {"A": f"[secret:{'0' * 32}]"}}]}]
        with pytest.raises(RunnerError, match="not known any more"):
            await session.observe("k", batch, None)
        asking = asyncio.ensure_future(session.command("facts", [{}]))
        assert (await runner.hear("CMD"))["command"] == "facts"
        asking.cancel()

    run(main())


def test_what_holds_a_secret_is_known(runner, vault, mark):
    async def main():
        session = await runner.open(secrets=vault.of)
        assert session.holds_secret(f"password={VALUE}\n".encode())
        assert not session.holds_secret(b"\xff nothing\n")
        assert not (await FakeRunner().open()).holds_secret(VALUE.encode())

    run(main())


def test_nothing_of_it_is_in_what_is_shown_of_a_session(runner, vault, mark):
    async def main():
        session = await runner.open(secrets=vault.of)
        assert VALUE not in json.dumps([repr(session), repr(vault), repr(vault.of(HERE))])

    run(main())
