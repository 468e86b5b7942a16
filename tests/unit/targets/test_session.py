import asyncio
import base64
import hashlib
import os
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest

from reconciler.errors import ErrorClass, RemoteProtocolError, RunnerError, TransportError
from reconciler.model.calls import Ok
from reconciler.targets.gathering import Gathered
from reconciler.targets.parsing import reply
from reconciler.targets.session import Session
from tests.sim.runner import replies_digest
from tests.unit.targets.fake_runner import REMOTE, FakeRunner, fault
from tests.unit.targets.virtual_time import run


@pytest.fixture
def runner():
    return FakeRunner()


# --- Opening ------------------------------------------------------------------------------------------


def test_a_session_is_open_once_the_runner_is_ready(runner):
    async def main():
        session = await runner.open()
        assert (session.ready.uid, session.ready.watch, session.closed) == (0, "fanotify", False)
        await session.close()

    run(main())


def test_a_runner_that_does_not_get_ready_is_given_up_with_what_it_said(runner):
    async def main():
        runner.channel.diagnosis = "panic: no"
        with pytest.raises(
            TransportError, match=r"here: the runner did not get ready within 30 s; it said: panic: no"
        ):
            await runner.open_unready()
        assert runner.channel.closed

    run(main())


@pytest.mark.parametrize(
    ("say", "why"),
    [
        (lambda runner: runner.end(), "here: the runner's end of the stream was closed"),
        (lambda runner: runner.lose("sudo asks for a password"), "here: sudo asks for a password"),
        (
            lambda runner: (runner.say(type="EXIT", reason="tampered", message="hash differs"), runner.end()),
            r"not the binary that was signed, and refused to run \(hash differs\)",
        ),
        (lambda runner: runner.say(type="HEARTBEAT"), "said HEARTBEAT while the connection was STARTING"),
        (lambda runner: runner.say_bytes(b"Welcome to Debian\n"), "not JSON"),
    ],
)
def test_a_runner_that_does_not_start_says_why(runner, say, why):
    async def main():
        say(runner)
        with pytest.raises(TransportError, match=why):
            await runner.open_unready()
        assert runner.channel.closed == 1

    run(main())


def test_opening_can_be_cancelled(runner):
    async def main():
        opening = asyncio.ensure_future(runner.open_unready())
        await asyncio.sleep(1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        assert runner.channel.closed == 1

    run(main())


# --- Commands -----------------------------------------------------------------------------------------


def test_a_command_gives_one_reply_for_each_item(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(
            session.command("file.stat", [{"path": "/a"}, {"path": "/b"}], timeout=7)
        )
        frame = await runner.hear("CMD")
        assert frame["command"] == "file.stat"
        assert frame["items"] == [{"path": "/a"}, {"path": "/b"}]
        assert frame["deadline_ms"] == 7000
        runner.done(1, {"ok": {"exists": False}}, {"error": fault("eacces", "permanent")})
        assert await asked == [Ok({"exists": False}), reply({"error": fault("eacces", "permanent")})]
        await session.close()

    run(main())


def test_any_number_of_commands_may_be_under_way(runner):
    async def main():
        session = await runner.open()
        asked = [asyncio.ensure_future(session.command("facts", [{"n": n}])) for n in range(20)]
        frames = [await runner.hear("CMD") for _ in asked]
        for frame in reversed(frames):
            runner.done(frame["id"], {"ok": frame["items"][0]})
        assert await asyncio.gather(*asked) == [[Ok({"n": n})] for n in range(20)]
        await session.close()

    run(main())


def test_a_command_that_fails_as_a_whole_fails_for_each_item(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.command("file.stat", [{}, {}]))
        await runner.hear("CMD")
        runner.say(type="ERROR", id=1, error=fault("deadline"))
        assert await asked == [replace(reply({"error": fault("deadline")}), whole=True)] * 2
        await session.close()

    run(main())


def test_a_command_without_items_is_not_even_sent(runner):
    async def main():
        session = await runner.open()
        assert await session.command("file.stat", []) == []
        await session.close()
        assert (await runner.hear("CMD", "EXIT"))["type"] == "EXIT"

    run(main())


def test_more_items_than_fit_are_asked_for_in_turns(runner):
    async def main():
        session = await runner.open()
        items = [{"n": n} for n in range(12_000)]
        asked = asyncio.ensure_future(session.command("file.stat", items))
        sizes = []
        for _ in range(3):
            frame = await runner.hear("CMD")
            sizes.append(len(frame["items"]))
            runner.done(frame["id"], *({"ok": item} for item in frame["items"]))
        assert await asked == [Ok(item) for item in items]
        assert sizes == [5000, 5000, 2000]
        await session.close()

    run(main())


def test_what_is_too_large_for_a_reply_is_asked_for_in_parts(runner):
    """Whoever wrote enough into their files had the whole target fail for ever."""

    async def main():
        session = await runner.open()
        items = [{"n": n} for n in range(7)]
        asked = asyncio.ensure_future(session.command("file.stat", items, repeatable=True))
        sizes = []
        while not asked.done():
            frame = await runner.hear("CMD")
            sizes.append(len(frame["items"]))
            if len(frame["items"]) > 2 or {"n": 6} in frame["items"]:  # the last is too large by itself
                runner.say(type="ERROR", id=frame["id"], error=fault("reply_too_large"))
            else:
                runner.done(frame["id"], *({"ok": item} for item in frame["items"]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        replies = await asked
        assert replies[:6] == [Ok(item) for item in items[:6]]
        assert replies[6].code == "reply_too_large"
        assert sizes == [7, 3, 1, 2, 4, 2, 2, 1, 1]
        await session.close()

    run(main())


def test_what_cannot_be_done_twice_is_not_asked_for_again(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.command("exec", [{}, {}]))
        await runner.hear("CMD")
        runner.say(type="ERROR", id=1, error=fault("reply_too_large"))
        assert [one.code for one in await asked] == ["reply_too_large"] * 2
        await session.close()

    run(main())


def test_what_is_too_large_for_a_frame_is_said_in_parts(runner):
    """A thousand names of four thousand bytes that are no text, six characters each: anybody can make those."""

    async def main():
        session = await runner.open()
        names = ["/" + "\udcff" * 4094] * 900
        asked = asyncio.ensure_future(session.command("file.remove", [{"path": one} for one in names]))
        told = 0
        for _ in range(2):
            frame = await runner.hear("CMD")
            told += len(frame["items"])
            runner.done(frame["id"], *({"ok": {"changed": True}} for _ in frame["items"]))
        assert await asked == [Ok({"changed": True})] * 900
        assert told == 900
        [alone] = await session.command("exec", [{"stdin": "x" * (17 << 20)}])
        assert alone.code == "request_too_large"
        await session.close()

    run(main())


def test_a_cancelled_call_is_cancelled_on_the_target(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.command("exec", [{}]))
        await runner.hear("CMD")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert await runner.hear("CANCEL") == {"type": "CANCEL", "id": 1}
        runner.say(type="ERROR", id=1, error=fault("cancelled"))
        # Its late answer disturbs nobody.
        again = asyncio.ensure_future(session.command("facts", [{}]))
        assert (await runner.hear("CMD"))["id"] == 2
        runner.done(2, {"ok": {}})
        assert await again == [Ok({})]
        await session.close()

    run(main())


def test_a_runner_that_does_not_even_say_that_it_is_late_fails_the_call_alone(runner):
    async def main():
        session = await runner.open(silence=1e6)
        with pytest.raises(TransportError, match="exec was not answered within 60 s, nor was it said"):
            await session.command("exec", [{}])
        await runner.hear("CMD")
        assert await runner.hear("CANCEL") == {"type": "CANCEL", "id": 1}
        assert not session.closed
        await session.close()

    run(main())


# --- Loss ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lose", "why"),
    [
        (lambda runner: runner.end(), "the runner's end of the stream was closed"),
        (
            lambda runner: (runner.say_bytes(b'{"type":"DONE","id":1,"resu'), runner.end()),
            "in the middle of a frame, after 27 bytes",
        ),
        (lambda runner: runner.lose("connection reset"), "connection reset"),
        (lambda runner: runner.say_bytes(b"hello\n"), "not JSON"),
        (lambda runner: runner.done(9), "command 9, which is not under way"),
        (lambda runner: (runner.say(type="EXIT", reason="ttl"), runner.end()), "its time to live ran out"),
        (
            lambda runner: (runner.say(type="EXIT", reason="signal"), runner.lose("status 4")),
            "somebody ended it by a signal",
        ),
        (lambda runner: (runner.say(type="EXIT", reason="quantum"), runner.end()), "ended itself: quantum"),
    ],
)
def test_a_loss_fails_every_call_under_way_and_says_why(runner, lose, why):
    async def main():
        session = await runner.open()
        asked = [asyncio.ensure_future(session.command("file.stat", [{}])) for _ in range(3)]
        asked.append(asyncio.ensure_future(session.read_file("/etc/motd")))
        for _ in asked:
            await runner.hear("CMD")
        lose(runner)
        for call in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(call, TransportError)
            assert why in str(call)
            assert str(call).startswith("here: the session was lost: ")
        assert why in await session.wait_closed()
        assert session.closed
        assert runner.channel.closed == 1

    run(main())


def test_a_lost_session_stays_lost_and_says_so(runner):
    async def main():
        session = await runner.open()
        runner.end()
        await session.wait_closed()
        with pytest.raises(TransportError, match="the session was lost: the runner's end"):
            await session.command("facts", [{}])
        await session.close()
        assert runner.channel.closed == 1

    run(main())


def test_a_silent_runner_is_lost(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.command("facts", [{}], timeout=1000))
        with pytest.raises(TransportError, match="it has been silent for 35 s"):
            await asked
        assert asyncio.get_running_loop().time() == pytest.approx(35, abs=1)
        assert session.closed

    run(main())


def test_a_runner_that_beats_is_not_lost_however_long_a_command_takes(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.command("exec", [{}], timeout=1000))
        for _ in range(50):
            await asyncio.sleep(10)
            runner.say(type="HEARTBEAT")
        runner.done(1, {"ok": {}})
        assert await asked == [Ok({})]
        await session.close()

    run(main())


def test_a_machine_that_slept_hears_the_runner_out_before_it_gives_it_up(runner):
    async def main():
        session = await runner.open()
        await asyncio.sleep(1)
        asyncio.get_running_loop()._jump.clock += 3600
        runner.say(type="HEARTBEAT")
        await asyncio.sleep(20)
        assert not session.closed
        await session.close()

    run(main())


# --- Keeping it alive ---------------------------------------------------------------------------------


def test_the_runner_hears_something_often_enough_and_its_life_is_renewed_in_time(runner):
    async def main():
        session = await runner.open(silence=1e6, ttl=60)
        loop = asyncio.get_running_loop()
        heard = []
        while loop.time() < 60:
            frame = await runner.hear_any()
            heard.append((round(loop.time()), frame["type"], frame.get("ttl_ms")))
        assert heard[0] == (0, "RENEW", 60000)
        assert [time for time, kind, _ in heard if kind == "RENEW"] == [0, 20, 40, 60]
        assert all(later[0] - earlier[0] <= 10 for earlier, later in pairwise(heard))
        await session.close()

    run(main())


def test_heartbeats_do_not_pile_up_behind_a_channel_that_is_stuck(runner):
    async def main():
        session = await runner.open(silence=1e6, ttl=1e6)
        await runner.hear_any()
        runner.channel.stuck.clear()
        await asyncio.sleep(1000)
        runner.channel.stuck.set()
        assert (await runner.hear_any())["type"] == "HEARTBEAT"
        await asyncio.sleep(0)
        assert runner.heard_nothing()
        await session.close()

    run(main())


def test_who_has_much_to_send_waits_while_the_channel_is_stuck(runner):
    async def main():
        session = await runner.open(outbox=100)
        await runner.hear_any()
        runner.channel.stuck.clear()
        asked = [asyncio.ensure_future(session.command("file.stat", [{"path": "/" * 90}])) for _ in range(5)]
        await asyncio.sleep(1)
        assert session._link._outbox._waiting < 400
        runner.channel.stuck.set()
        for number in range(1, 6):
            frame = await runner.hear("CMD")
            assert frame["id"] == number
            runner.done(number, {"ok": {}})
        await asyncio.gather(*asked)
        await session.close()

    run(main())


def test_a_loss_wakes_who_waits_for_room(runner):
    async def main():
        session = await runner.open(outbox=1)
        await runner.hear_any()
        runner.channel.stuck.clear()
        asked = [asyncio.ensure_future(session.command("facts", [{}])) for _ in range(3)]
        await asyncio.sleep(1)
        runner.end()
        for call in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(call, TransportError)

    run(main())


# --- Closing ------------------------------------------------------------------------------------------


def test_closing_asks_the_runner_to_end_and_waits_for_it(runner):
    async def main():
        session = await runner.open()
        closing = asyncio.ensure_future(session.close())
        await runner.hear("EXIT")
        assert session.closed
        assert not runner.channel.closed
        with pytest.raises(TransportError, match="here: the session is being closed"):
            await session.command("facts", [{}])
        runner.say(type="EXIT", reason="exit")
        runner.end()
        await closing
        assert runner.channel.closed == 1
        assert await session.wait_closed() == "the runner ended itself: it was asked to"

    run(main())


def test_closing_does_not_wait_long_and_may_be_done_twice(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.command("facts", [{}]))
        await runner.hear("CMD")
        await asyncio.gather(session.close(), session.close())
        await session.close()
        assert asyncio.get_running_loop().time() == pytest.approx(2)
        assert await session.wait_closed() == "closed"
        with pytest.raises(TransportError, match="closed"):
            await asked
        assert runner.channel.closed == 1

    run(main())


def test_the_end_of_everything_closes_the_channel(runner):
    async def main():
        await runner.open()

    run(main())
    assert runner.channel.closed == 1


def test_a_defect_in_who_listens_to_events_ends_the_session(runner):
    async def main():
        failures = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))

        def broken(_):
            raise ZeroDivisionError

        session = await runner.open(on_event=broken)
        watching = asyncio.ensure_future(session.watch(["path:/etc"]))
        await runner.hear("CMD")
        progress(runner, 1)
        await watching
        changed(runner, 1)
        assert await session.wait_closed() == "a defect of this controller"
        task = session._link._task
        with pytest.raises(ExceptionGroup):
            await task

    run(main())


# --- Observing ----------------------------------------------------------------------------------------

BATCH = [{"command": "file.stat", "items": [{"path": "/etc/motd"}]}]
REPLIES = [[{"ok": {"exists": False}}]]


def test_a_batch_is_sent_once_and_its_replies_only_when_they_are_new(runner):
    async def main():
        session = await runner.open()
        digest = replies_digest(REPLIES)

        first = asyncio.ensure_future(session.observe("k", BATCH, None))
        assert (await runner.hear("CMD"))["options"] == {"key": "k", "batch": BATCH}
        runner.done(1, {"ok": {"digest": digest, "replies": REPLIES}})
        seen = await first
        assert (seen.digest, seen.unchanged, seen.replies) == (digest, False, [[Ok({"exists": False})]])

        for number, batch in ((2, [*BATCH]), (3, None)):
            again = asyncio.ensure_future(session.observe("k", batch, digest))
            assert (await runner.hear("CMD"))["options"] == {"key": "k", "digest": digest}
            runner.done(number, {"ok": {"digest": digest, "unchanged": True}})
            seen = await again
            assert (seen.digest, seen.unchanged, seen.replies) == (digest, True, None)
        await session.close()

    run(main())


def test_another_batch_under_the_same_key_is_sent(runner):
    async def main():
        session = await runner.open()
        other = [{"command": "facts", "items": [{}]}]
        for number, batch in ((1, BATCH), (2, other)):
            looking = asyncio.ensure_future(session.observe("k", batch, None))
            assert (await runner.hear("CMD"))["options"]["batch"] == batch
            runner.done(number, {"ok": {"digest": "sha256:0", "replies": REPLIES}})
            await looking
        await session.close()

    run(main())


def test_a_batch_that_the_runner_has_forgotten_is_sent_again(runner):
    async def main():
        session = await runner.open()
        looking = asyncio.ensure_future(session.observe("k", BATCH, None))
        await runner.hear("CMD")
        runner.done(1, {"ok": {"digest": "sha256:0", "replies": REPLIES}})
        await looking
        looking = asyncio.ensure_future(session.observe("k", None, "sha256:0"))
        assert "batch" not in (await runner.hear("CMD"))["options"]
        runner.done(2, {"error": fault("unknown_key")})
        assert (await runner.hear("CMD"))["options"] == {"key": "k", "batch": BATCH, "digest": "sha256:0"}
        runner.done(3, {"ok": {"digest": "sha256:0", "unchanged": True}})
        assert (await looking).unchanged
        await session.close()

    run(main())


@pytest.mark.parametrize(
    ("batch", "refusal", "code"),
    [
        (BATCH, {"error": fault("bad_request", "permanent")}, "bad_request"),
        (None, {"error": fault("unknown_key")}, "unknown_key"),
    ],
)
def test_a_refused_observation_says_so_and_is_not_taken_for_known(runner, batch, refusal, code):
    async def main():
        session = await runner.open()
        looking = asyncio.ensure_future(session.observe("k", batch, None))
        await runner.hear("CMD")
        runner.done(1, refusal)
        with pytest.raises(RunnerError, match=f"here: observe: it is {code}") as caught:
            await looking
        assert (caught.value.code, caught.value.error_class) == (code, refusal["error"]["class"])
        looking = asyncio.ensure_future(session.observe("k", BATCH, None))
        assert (await runner.hear("CMD"))["options"]["batch"] == BATCH
        looking.cancel()
        await session.close()

    run(main())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "it has no proper 'digest'"),
        ({"digest": 7, "replies": REPLIES}, "it has no proper 'digest'"),
        ({"digest": "sha256:1"}, "it has no proper 'replies'"),
        ({"digest": "sha256:1", "replies": {"a": []}}, "it has no proper 'replies'"),
        ({"digest": "sha256:1", "replies": [{}]}, "it has no proper 'replies'"),
        ({"digest": "sha256:1", "replies": []}, "it has not one reply for each item"),
        ({"digest": "sha256:1", "replies": [[]]}, "it has not one reply for each item"),
        ({"digest": "sha256:1", "replies": [[{"exists": True}]]}, "a result is neither {ok} nor {error}"),
        ({"digest": "sha256:1", "unchanged": True}, "'unchanged', but not the digest"),
    ],
)
def test_an_observation_that_is_none_ends_the_session_and_says_so(runner, said, why):
    async def main():
        session = await runner.open()
        looking = asyncio.ensure_future(session.observe("k", BATCH, "sha256:0"))
        await runner.hear("CMD")
        runner.done(1, {"ok": said})
        with pytest.raises(RemoteProtocolError, match=f"here: its answer to `observe` is none: {why}"):
            await looking
        assert session.closed
        assert why in await session.wait_closed()
        assert runner.channel.closed == 1

    run(main())


# --- Facts --------------------------------------------------------------------------------------------


def test_facts_are_asked_for_by_section(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.facts())
        assert (await runner.hear("CMD"))["items"] == [{}]
        runner.done(1, {"ok": {"facts": {"os": {"id": "debian"}, "weather": {}}, "cut": ["weather"]}})
        assert await asked == Gathered({"os": {"id": "debian"}}, frozenset())
        asked = asyncio.ensure_future(session.facts({"users", "groups"}))
        assert (await runner.hear("CMD"))["items"] == [{"only": ["groups", "users"]}]
        runner.done(2, {"ok": {"facts": {"users": {}, "groups": {}}, "cut": ["users"]}})
        assert await asked == Gathered({"users": {}, "groups": {}}, frozenset({"users"}))
        await session.close()
        assert (await runner.hear("CMD", "EXIT"))["type"] == "EXIT"

    run(main())


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"facts": [], "cut": []},
        {"facts": {"os": "debian"}, "cut": []},
        {"facts": {}, "cut": [1]},
        {"facts": {"os": {"id": None}}, "cut": []},
        {"facts": {"os": {"id": "\udc80"}}, "cut": []},
        {"facts": {"os": {"like": [1.5]}}, "cut": []},
        {"facts": {"os": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}}}}}, "cut": []},
    ],
)
def test_what_are_no_facts_ends_the_session(runner, said):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.facts())
        await runner.hear("CMD")
        runner.done(1, {"ok": said})
        with pytest.raises(RemoteProtocolError, match="its answer to `facts` is none"):
            await asked
        assert session.closed

    run(main())


def test_an_answer_of_a_runner_of_another_version_says_so(runner, monkeypatch):
    said = "; runner-linux-amd64 was built from other sources than lie here: run `make build`"
    monkeypatch.setattr("reconciler.targets.session.advice", lambda about: said)

    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.facts())
        await runner.hear("CMD")
        runner.done(1, {"error": fault("unknown_command", "permanent")})
        with pytest.raises(RunnerError, match="run `make build`"):
            await asked
        asked = asyncio.ensure_future(session.facts())
        await runner.hear("CMD")
        runner.done(2, {"ok": {}})
        with pytest.raises(
            RemoteProtocolError, match="it has no proper 'facts'; runner-linux-amd64 was built"
        ):
            await asked

    run(main())


@pytest.mark.parametrize(
    ("built", "said"),
    [
        ("; the runner was built from other sources", "; the runner was built from other sources"),
        ("", "; if froyo was replaced by another version while it ran, start it again"),
    ],
)
def test_a_runner_that_does_not_understand_says_what_to_do_about_it(runner, monkeypatch, built, said):
    monkeypatch.setattr("reconciler.targets.link.advice", lambda about: built)

    async def main():
        session = await runner.open()
        runner.say(type="EXIT", reason="protocol", message="unknown_type: FENCE")
        runner.end()
        why = "the runner ended itself: it says that the controller broke the protocol (unknown_type: FENCE)"
        assert await session.wait_closed() == why + said
        assert session.estranged

    run(main())


def test_facts_that_are_refused_say_when_to_ask_again(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.facts())
        await runner.hear("CMD")
        runner.done(1, {"error": fault("too_many_commands", "throttled", retry_after_ms=250)})
        with pytest.raises(RunnerError) as caught:
            await asked
        assert (caught.value.error_class, caught.value.retry_after) == (ErrorClass.THROTTLED, 0.25)
        await session.close()

    run(main())


# --- Reading files ------------------------------------------------------------------------------------


def chunk(number, offset, body, *, gzip=False):
    data = zlib.compress(body, 1, wbits=31) if gzip else body
    return {
        "type": "EVENT",
        "id": number,
        "event": "chunk",
        "data": {
            "item": 0,
            "offset": offset,
            "data": base64.b64encode(data).decode(),
            "encoding": "gzip" if gzip else "identity",
        },
    }


def sha256(body):
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 3_000_000], ids=["empty", "small", "large"])
def test_a_file_is_put_together_from_its_pieces(runner, body):
    async def main():
        session = await runner.open(REMOTE)
        reading = asyncio.ensure_future(session.read_file("/etc/motd"))
        assert (await runner.hear("CMD"))["items"] == [{"path": "/etc/motd", "encoding": "gzip"}]
        for start in range(0, len(body), 2**20):
            runner.say(**chunk(1, start, body[start : start + 2**20], gzip=start > 0))
        runner.done(1, {"ok": {"size": len(body), "digest": sha256(body)}})
        assert await reading == (body, sha256(body))
        await session.close()

    run(main())


def test_no_more_of_a_file_is_taken_than_is_wanted(runner):
    async def main():
        session = await runner.open()
        reading = asyncio.ensure_future(session.read_file("/etc/motd", size=5))
        assert (await runner.hear("CMD"))["items"] == [{"path": "/etc/motd", "length": 5}]
        runner.say(**chunk(1, 0, b"hello"))
        runner.done(1, {"ok": {"size": 7, "digest": sha256(b"hello")}})
        assert await reading == (b"hello", sha256(b"hello"))
        # A runner that never ends would fill the controller's memory.
        reading = asyncio.ensure_future(session.read_file("/etc/motd", size=5))
        await runner.hear("CMD")
        runner.say(**chunk(2, 0, b"hel"))
        runner.say(**chunk(2, 3, b"lo "))
        with pytest.raises(TransportError, match="more of a file than it was asked for"):
            await reading
        assert session.closed

    run(main())


def test_a_file_that_cannot_be_read_says_why(runner):
    async def main():
        session = await runner.open()
        reading = asyncio.ensure_future(session.read_file("/nothing"))
        assert (await runner.hear("CMD"))["items"] == [{"path": "/nothing"}]
        runner.say(type="ERROR", id=1, error=fault("enoent"))
        with pytest.raises(RunnerError, match=r"here: file\.read /nothing: it is enoent"):
            await reading
        await session.close()

    run(main())


def test_a_file_that_arrives_otherwise_than_it_was_sent_is_not_taken(runner):
    async def main():
        session = await runner.open()
        reading = asyncio.ensure_future(session.read_file("/etc/motd"))
        await runner.hear("CMD")
        runner.say(**chunk(1, 0, b"other"))
        runner.done(1, {"ok": {"size": 5, "digest": sha256(b"hello")}})
        with pytest.raises(TransportError, match="/etc/motd did not arrive as it was sent"):
            await reading
        await session.close()

    run(main())


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": 1},
        {"data": "a b"},
        {"data": "aGk=", "encoding": "gzip"},
        {"data": base64.b64encode(zlib.compress(b"hi", wbits=31)[:-4]).decode(), "encoding": "gzip"},
        {"data": base64.b64encode(zlib.compress(bytes(2**20 + 1), wbits=31)).decode(), "encoding": "gzip"},
        {"data": base64.b64encode(bytes(2**20 + 1)).decode()},
    ],
    ids=["none", "number", "no base64", "no gzip", "cut off", "bomb", "too long"],
)
def test_a_piece_that_is_malformed_or_too_large_ends_the_session(runner, data):
    async def main():
        session = await runner.open()
        reading = asyncio.ensure_future(session.read_file("/etc/motd"))
        await runner.hear("CMD")
        runner.say(type="EVENT", id=1, event="chunk", data=data)
        with pytest.raises(TransportError, match="a chunk event is"):
            await reading
        assert session.closed

    run(main())


# --- Watching -----------------------------------------------------------------------------------------


def progress(runner, number, *, watching=1, mode="fanotify", degraded=""):
    data = {"watching": watching, "mode": mode, "degraded": degraded}
    runner.say(type="EVENT", id=number, event="progress", data=data)


def changed(runner, number, subject="path:/etc/motd", *, overflow=False, **by):
    changes = [] if overflow else [{"subject": subject, "at_ms": 1500, "by": {"source": "fanotify", **by}}]
    runner.say(type="EVENT", id=number, event="changed", data={"changes": changes, "overflow": overflow})


async def watching(runner, session, number, subjects):
    asked = asyncio.ensure_future(session.watch(subjects))
    frame = await runner.hear("CMD")
    assert (frame["command"], frame["items"], frame["id"]) == ("watch", [], number)
    assert "deadline_ms" not in frame
    progress(runner, number, watching=len(subjects))
    return frame, await asked


def test_changes_of_what_is_watched_are_given_with_who_made_them(runner):
    async def main():
        events = []
        session = await runner.open(on_event=events.append)
        frame, status = await watching(runner, session, 1, {"path:/etc/motd", "path:/etc/conf.d/"})
        assert frame["options"] == {"subjects": ["path:/etc/conf.d/", "path:/etc/motd"]}
        assert (status.watching, status.mode, status.degraded) == (2, "fanotify", "")
        changed(runner, 1, command="vim /etc/motd", pid=4711, user="root", login="alice", parents=["bash"])
        changed(runner, 1, "path:/etc/conf.d/", pid=62, ended=True)
        changed(runner, 1, overflow=True)
        await asyncio.sleep(1)
        first, second, third = events
        (change,) = first.changes
        assert (change.subject, change.at, first.overflow) == ("path:/etc/motd", 1.5, False)
        assert change.evidence.command == "vim /etc/motd"
        assert (change.evidence.pid, change.evidence.login, change.evidence.parents) == (
            4711,
            "alice",
            ("bash",),
        )
        assert (change.evidence.at, change.evidence.source) == (1.5, "fanotify")
        assert second.changes[0].evidence.ended
        assert (third.changes, third.overflow) == ((), True)
        await session.close()

    run(main())


def test_how_well_is_watched_is_kept_up_to_date(runner):
    async def main():
        session = await runner.open()
        assert session.watching.mode == "none"
        await watching(runner, session, 1, ["path:/etc/motd"])
        progress(runner, 1, mode="inotify", degraded="the queue is too short")
        await asyncio.sleep(1)
        assert (session.watching.mode, session.watching.degraded) == ("inotify", "the queue is too short")
        await session.close()

    run(main())


def test_a_new_set_replaces_the_old_one_without_anybody_hearing_of_an_end(runner):
    async def main():
        events = []
        session = await runner.open(on_event=events.append)
        await watching(runner, session, 1, ["path:/a"])
        asked = asyncio.ensure_future(session.watch(["path:/b"]))
        await runner.hear("CMD")
        runner.done(1)
        progress(runner, 2)
        await asked
        changed(runner, 2, "path:/b")
        await asyncio.sleep(1)
        assert [change.subject for event in events for change in event.changes] == ["path:/b"]
        assert session.watching.mode == "fanotify"
        await session.close()

    run(main())


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (lambda runner: runner.say(type="ERROR", id=1, error=fault("io_error")), "it is io_error"),
        (lambda runner: runner.done(1), "the target stopped watching"),
    ],
)
def test_a_watch_that_ends_by_itself_makes_everything_be_looked_at(runner, end, why):
    async def main():
        events = []
        session = await runner.open(on_event=events.append)
        await watching(runner, session, 1, ["path:/a"])
        end(runner)
        await asyncio.sleep(1)
        assert [(event.changes, event.overflow) for event in events] == [((), True)]
        assert (session.watching.mode, session.watching.degraded) == ("none", why)
        await session.close()

    run(main())


def test_a_watch_that_is_refused_says_why(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.watch(["path:/a"]))
        await runner.hear("CMD")
        runner.say(type="ERROR", id=1, error=fault("not_supported", "permanent"))
        with pytest.raises(RunnerError, match="here: watch: it is not_supported"):
            await asked
        await session.close()

    run(main())


def test_a_watch_that_is_not_answered_is_given_up(runner):
    async def main():
        session = await runner.open(silence=1e6)
        with pytest.raises(TransportError, match="watch was not answered within 60 s"):
            await session.watch(["path:/a"])
        await runner.hear("CMD")
        assert (await runner.hear("CANCEL"))["id"] == 1
        await session.close()

    run(main())


def test_a_watch_that_is_cancelled_before_it_is_armed_is_cancelled_on_the_target(runner):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.watch(["path:/a"]))
        await runner.hear("CMD")
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert (await runner.hear("CANCEL"))["id"] == 1
        await session.close()

    run(main())


def test_a_watch_ends_quietly_with_its_session(runner):
    async def main():
        events = []
        session = await runner.open(on_event=events.append)
        await watching(runner, session, 1, ["path:/a"])
        runner.end()
        await session.wait_closed()
        assert events == []

    run(main())


def test_a_watch_that_is_ended_by_the_end_of_its_session_is_no_event(runner):
    async def main():
        events = []
        session = await runner.open(on_event=events.append)
        await watching(runner, session, 1, ["path:/a"])
        closing = asyncio.ensure_future(session.close())
        await runner.hear("EXIT")
        runner.say(type="ERROR", id=1, error=fault("cancelled"))
        runner.say(type="EXIT", reason="exit")
        runner.end()
        await closing
        assert events == []

    run(main())


@pytest.mark.parametrize("event", ["changed", "progress"])
@pytest.mark.parametrize(
    "data", [{}, {"changes": 1, "watching": "many"}, {"changes": [{}], "watching": None}]
)
def test_a_malformed_event_ends_the_session(runner, event, data):
    async def main():
        session = await runner.open()
        asked = asyncio.ensure_future(session.watch(["path:/a"]))
        await runner.hear("CMD")
        runner.say(type="EVENT", id=1, event=event, data=data)
        with pytest.raises(TransportError, match=f"a {event} event is malformed"):
            await asked
        assert session.closed

    run(main())


@pytest.mark.parametrize(
    "change",
    [
        {"at_ms": 10**400},
        {"at_ms": 1e300},
        {"at_ms": -1},
        {"by": {"source": "fanotify", "pid": "one"}},
        {"by": {"source": "fanotify", "pid": 10**400}},
    ],
)
def test_evidence_that_could_not_be_kept_ends_the_session(runner, change):
    async def main():
        session = await runner.open()
        await watching(runner, session, 1, ["path:/a"])
        whole = {"subject": "path:/a", "at_ms": 1500, "by": {"source": "fanotify"}} | change
        runner.say(type="EVENT", id=1, event="changed", data={"changes": [whole], "overflow": False})
        assert (await session.wait_closed()).startswith("a changed event is malformed")

    run(main())


def test_of_evidence_without_end_only_so_much_is_kept(runner):
    async def main():
        heard = asyncio.get_running_loop().create_future()
        session = await runner.open(on_event=heard.set_result)
        await watching(runner, session, 1, ["path:/etc/motd"])
        changed(runner, 1, command="x" * 1_000_000, parents=["y" * 10_000] * 1000)
        evidence = (await heard).changes[0].evidence
        assert len(evidence.command) == 4096
        assert [len(parent) for parent in evidence.parents] == [4096] * 64
        progress(runner, 1, degraded="z" * 1_000_000)
        await asyncio.sleep(1)
        assert len(session.watching.degraded) == 4096
        await session.close()

    run(main())


# --- What nobody asked for ----------------------------------------------------------------------------


def test_heartbeats_without_end_end_the_session(runner):
    async def main():
        session = await runner.open()
        for _ in range(2000):
            runner.say(type="HEARTBEAT")
        assert "sends more than anybody asked for: HEARTBEATs" in await session.wait_closed()
        assert runner.channel.to_session.qsize() > 500

    run(main())


def test_large_heartbeats_are_as_many_small_ones(runner):
    async def main():
        session = await runner.open()
        runner.say(type="HEARTBEAT", more="x" * 2_000_000)
        assert "sends more than anybody asked for" in await session.wait_closed()

    run(main())


def test_the_heartbeats_of_an_hour_may_come_at_once(runner):
    async def main():
        session = await runner.open()
        for _ in range(3):
            for _ in range(360):
                runner.say(type="HEARTBEAT")
            await asyncio.sleep(30)
        assert not session.closed
        await session.close()

    run(main())


def test_a_flood_of_changes_is_read_slowly_and_to_its_end(runner):
    async def main():
        events = []
        session = await runner.open(on_event=events.append)
        await watching(runner, session, 1, ["path:/a"])
        clock = asyncio.get_running_loop().time
        one = {"subject": "path:/a", "at_ms": 1500, "by": {"source": "fanotify"}}
        begun = clock()

        def flood(frames):
            for _ in range(frames):
                runner.say(
                    type="EVENT", id=1, event="changed", data={"changes": [one] * 1000, "overflow": False}
                )

        flood(30)
        while len(events) < 30:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)
        assert clock() == begun
        flood(300)
        while len(events) < 330:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(1)
        assert clock() - begun > 50
        assert not session.closed
        await session.close()

    run(main())


def test_a_file_that_was_asked_for_is_read_as_fast_as_it_comes(runner):
    async def main():
        session = await runner.open()
        body = os.urandom(64 * 1024) * 16
        clock = asyncio.get_running_loop().time
        begun = clock()
        reading = asyncio.ensure_future(session.read_file("/a"))
        await runner.hear("CMD")
        for piece in range(100):
            runner.say(**chunk(1, piece * len(body), body))
        runner.done(1, {"ok": {"size": 1, "digest": "sha256:" + hashlib.sha256(body * 100).hexdigest()}})
        assert len((await reading)[0]) == 100 * len(body)
        assert clock() == begun
        await session.close()

    run(main())


def test_a_file_that_is_not_said_to_be_one_ends_the_session(runner):
    async def main():
        session = await runner.open()
        reading = asyncio.ensure_future(session.read_file("/a"))
        await runner.hear("CMD")
        runner.done(1, {"ok": {}})
        with pytest.raises(RemoteProtocolError, match=r"here: its answer to `file.read` is none: it has no"):
            await reading
        assert session.closed
        assert "`file.read`" in await session.wait_closed()

    run(main())


def test_a_session_is_what_the_engine_was_promised():
    for name in (
        "open",
        "wait_closed",
        "command",
        "observe",
        "send_blob",
        "read_file",
        "watch",
        "facts",
        "close",
    ):
        assert asyncio.iscoroutinefunction(getattr(Session, name))
