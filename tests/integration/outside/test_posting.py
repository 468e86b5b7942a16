"""What the controller posts, and what it makes of the answer."""

import asyncio
import json
import time

import pytest

from reconciler.outside.dialing import dial
from reconciler.outside.posting import post, retry_after
from reconciler.outside.unanswered import Unanswered
from tests.integration.outside.conftest import saying, serving

SECRET = "T0KEN-in-the-path"


async def send(port, *, scheme="http", host="127.0.0.1", ca="", timeout=10.0, **headers):
    url = f"{scheme}://{host}:{port}/hooks/{SECRET}?a=b"
    return await post(url, b'{"a": 1}', headers, dial, ca=ca, timeout=timeout, now=time.time)


def answering(head, heard):
    async def talk(reader, writer):
        request = await reader.readuntil(b"\r\n\r\n")
        length = int(request.lower().split(b"content-length: ")[1].split(b"\r")[0])
        heard.append((request.decode(), await reader.readexactly(length)))
        writer.write(head)
        await writer.drain()

    return talk


async def test_a_body_is_posted_with_what_is_sent_along():
    heard = []
    async with serving(answering(b"HTTP/1.1 204 No Content\r\n\r\n", heard)) as port:
        answer = await send(port, Authorization="Bearer x")
    [(head, body)] = heard
    assert head.startswith(f"POST /hooks/{SECRET}?a=b HTTP/1.1\r\n")
    assert "Content-Type: application/json" in head
    assert "Authorization: Bearer x" in head
    assert json.loads(body) == {"a": 1}
    assert answer.status == 204


@pytest.mark.parametrize(
    ("head", "status", "words", "pause"),
    [
        (
            b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nlat\n",
            503,
            "answers 503 Busy: lat",
            7.0,
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://evil/\r\nContent-Length: 0\r\n\r\n",
            302,
            "answers 302 Found",
            0.0,
        ),
        (
            b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n\xff\n",
            400,
            "answers 400 Bad: \N{REPLACEMENT CHARACTER}",
            0.0,
        ),
    ],
)
async def test_what_is_answered_is_told_without_where_that_was_in_full(head, status, words, pause):
    heard = []
    async with serving(answering(head, heard)) as port:
        answer = await send(port)
    assert (answer.status, answer.retry_after) == (status, pause)
    assert answer.reason == f"127.0.0.1:{port} {words}"
    assert len(heard) == 1  # a redirect is not followed


async def test_what_goes_wrong_is_told_without_the_rest_of_the_url():
    async def silent(reader, _writer):
        await reader.read()
        await asyncio.Event().wait()

    told = []
    async with serving(silent) as port:
        with pytest.raises(Unanswered) as late:
            await send(port, timeout=0.05)
        told.append(late.value.failure)
    with pytest.raises(Unanswered) as nobody:
        await send(port)
    told.append(nobody.value.failure)
    async with serving(saying(b"220 mail.example ESMTP\r\n")) as port:
        with pytest.raises(Unanswered) as strange:
            await send(port)
        told.append(strange.value.failure)
        with pytest.raises(Unanswered) as bad:
            await send(port, Authorization="Bearer a\r\nb")
        told.append(bad.value.failure)
    assert [one.code for one in told] == ["deadline", "no_connection", "no_http", "no_http"]
    assert not [one for one in told if SECRET in one.message or "Bearer" in one.message]


async def test_the_certificate_of_a_server_is_verified(authority, tmp_path):
    heard = []
    tls = authority.context(tmp_path, "127.0.0.1")
    async with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", heard), tls=tls) as port:
        assert (await send(port, scheme="https", ca=authority.pem)).status == 200
        with pytest.raises(Unanswered, match="its certificate is not valid"):
            await send(port, scheme="https")
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("", 0.0),
        ("120", 120.0),
        ("9999999999", 0.0),
        ("soon", 0.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 50.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
    ],
)
def test_how_long_somebody_wants_to_be_left_alone(written, seconds):
    assert retry_after(written, now=10.0) == seconds
