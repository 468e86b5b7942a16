import asyncio
import base64
import hashlib
import os
import random
import zlib

import pytest

from reconciler.errors import TransportError
from reconciler.model.blob import Blob
from reconciler.model.names import Digest
from reconciler.model.source import SnapshotGone
from reconciler.targets.bodies import PIECE, pays
from tests.unit.targets.fake_runner import LOCAL, REMOTE, FakeRunner, fault
from tests.unit.targets.virtual_time import run

TEXT = b"PermitRootLogin no\n" * 100
NOISE = random.Random(1).randbytes(3 * PIECE + 17)


def blob(body, read=None):
    digest = Digest(f"sha256:{hashlib.sha256(body).hexdigest()}")
    return Blob(digest, len(body), read or (lambda: body))


def unpack(frames):
    """The body that BLOB frames carry, as a runner puts it together."""
    body = b""
    for frame in frames:
        assert frame["offset"] == len(body)
        assert frame["last"] is (frame is frames[-1])
        piece = base64.b64decode(frame["data"], validate=True)
        body += zlib.decompress(piece, wbits=31) if frame["encoding"] == "gzip" else piece
    return body


async def send(runner, session, body):
    sending = asyncio.ensure_future(session.send_blob(blob(body)))
    frames = [await runner.hear("BLOB")]
    while not frames[-1]["last"]:
        frames.append(await runner.hear("BLOB"))
    await sending
    return frames


@pytest.mark.parametrize("target", [LOCAL, REMOTE], ids=["local", "remote"])
@pytest.mark.parametrize(
    "body",
    [b"", b"x", TEXT, NOISE[:PIECE], NOISE, TEXT * 2000],
    ids=["empty", "byte", "text", "one piece", "noise", "long text"],
)
def test_a_body_arrives_whole_in_pieces_that_fit(target, body):
    async def main():
        runner = FakeRunner()
        session = await runner.open(target)
        frames = await send(runner, session, body)
        assert unpack(frames) == body
        assert len(frames) == max(1, -(-len(body) // PIECE))
        await session.close()

    run(main())


@pytest.mark.parametrize(
    ("target", "body", "encoding"),
    [
        (REMOTE, TEXT, "gzip"),
        (REMOTE, TEXT * 2000, "gzip"),
        (REMOTE, NOISE, "identity"),
        (REMOTE, b"tiny", "identity"),
        (LOCAL, TEXT, "identity"),
    ],
)
def test_a_body_is_compressed_where_it_pays(target, body, encoding):
    async def main():
        runner = FakeRunner()
        session = await runner.open(target)
        assert {frame["encoding"] for frame in await send(runner, session, body)} == {encoding}
        await session.close()

    run(main())


def test_a_compressed_beginning_does_not_hide_that_the_rest_is_text():
    assert pays(TEXT * 100)
    assert not pays(os.urandom(100_000))
    assert pays(NOISE[:16_384] + TEXT * 1000)


@pytest.mark.parametrize("code", ["blob_missing", "no_space"])
def test_a_body_is_sent_once_a_session_and_again_when_it_may_be_missing(code):
    async def main():
        runner = FakeRunner()
        session = await runner.open()
        await send(runner, session, TEXT)
        await session.send_blob(blob(TEXT))
        writing = asyncio.ensure_future(
            session.command("file.write", [{"path": "/a", "blob": blob(TEXT).digest}, {"path": "/b"}])
        )
        frame = await runner.hear("CMD", "BLOB")
        assert frame["type"] == "CMD"
        runner.done(1, {"error": fault(code)}, {"error": fault(code)})
        await writing
        assert unpack(await send(runner, session, TEXT)) == TEXT
        await session.close()

    run(main())


def test_who_needs_the_same_body_waits_for_the_one_sending_of_it():
    async def main():
        runner = FakeRunner()
        session = await runner.open()
        reads = []
        slow = blob(NOISE, lambda: reads.append(1) or NOISE)
        await asyncio.gather(*(session.send_blob(slow) for _ in range(5)))
        assert len(reads) == 1
        await session.close()

    run(main())


def test_who_waits_takes_over_when_the_first_one_is_cancelled():
    async def main():
        runner = FakeRunner()
        session = await runner.open(outbox=PIECE)
        await runner.hear_any()
        runner.channel.stuck.clear()
        first, second = (asyncio.ensure_future(session.send_blob(blob(NOISE))) for _ in range(2))
        await asyncio.sleep(1)
        first.cancel()
        await asyncio.sleep(1)
        runner.channel.stuck.set()
        frames = []
        while not frames or not frames[-1]["last"]:
            frames.append(await runner.hear("BLOB"))
        await second
        assert unpack(frames[[frame["offset"] for frame in frames].index(0, 1) :]) == NOISE
        await session.close()

    run(main())


def test_a_content_that_is_gone_is_the_callers_to_know():
    async def main():
        runner = FakeRunner()
        session = await runner.open()

        def gone():
            raise SnapshotGone

        for body in (TEXT, NOISE):
            with pytest.raises(SnapshotGone):
                await session.send_blob(blob(body, gone))
            assert unpack(await send(runner, session, body)) == body
        await session.close()

    run(main())


def test_a_body_that_was_under_way_when_the_session_was_lost_fails():
    async def main():
        runner = FakeRunner()
        session = await runner.open(outbox=1)
        await runner.hear_any()
        runner.channel.stuck.clear()
        sending = [asyncio.ensure_future(session.send_blob(blob(NOISE))) for _ in range(2)]
        await asyncio.sleep(1)
        runner.end()
        for sent in await asyncio.gather(*sending, return_exceptions=True):
            assert isinstance(sent, TransportError)

    run(main())


def test_at_most_a_piece_and_the_limit_wait_in_memory():
    async def main():
        runner = FakeRunner()
        session = await runner.open(outbox=PIECE)
        await runner.hear_any()
        runner.channel.stuck.clear()
        sending = asyncio.ensure_future(session.send_blob(blob(NOISE)))
        await asyncio.sleep(1)
        assert session._link._outbox._waiting < 3 * PIECE
        sending.cancel()
        await session.close()

    run(main())
