"""The controller's own requests, against servers of every kind of ill will."""

import asyncio
import gzip
import ipaddress
import socket
import time
import zlib
from typing import Any

import pytest

from reconciler.errors import ErrorClass, RunnerError
from reconciler.model.calls import Call, Failure, Ok
from reconciler.outside import dialing
from reconciler.outside.calls import Outside
from reconciler.outside.dialing import dial_elsewhere
from reconciler.sockets import place
from reconciler.targets.near import reach_here
from tests.integration.outside.conftest import saying, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Two: 1\r\nX-Two: 2\r\n\r\nhello"


async def ask(url: str, name: str = "http.get", **args: Any) -> Any:
    outside = Outside(now=time.time)
    reply = await outside(Call(name, {"url": url} | args), reach_here)
    return reply.value if isinstance(reply, Ok) else reply


def failed(reply: Any, code: str, *words: str, error_class: ErrorClass = ErrorClass.TRANSIENT) -> None:
    assert isinstance(reply, Failure)
    assert (reply.code, reply.error_class) == (code, error_class), reply
    for word in words:
        assert word in reply.message


@pytest.mark.parametrize("name", ["http.get", "http.get.forwarded"])
async def test_what_is_answered(name: str) -> None:
    heard: list[bytes] = []
    async with serving(saying(OK, heard=heard)) as port:
        answer = await ask(f"http://127.0.0.1:{port}/a?b=c%20d", name, headers={"Host": "site.example"})
    assert answer.pop("elapsed_ms") >= 0
    assert answer == {
        "status": 200,
        "reason": "OK",
        "headers": [["content-length", "5"], ["x-two", "1"], ["x-two", "2"]],
        "body": "hello",
        "truncated": False,
    }
    first, *rest = heard[0].decode().split("\r\n")
    assert first == "GET /a?b=c%20d HTTP/1.1"
    assert "Host: site.example" in rest
    assert "Accept-Encoding: identity" in rest
    assert not [line for line in rest if line.lower().startswith("cookie")]


async def test_only_safe_methods_and_sound_headers_are_sent() -> None:
    heard: list[bytes] = []
    async with serving(saying(b"HTTP/1.1 204 No Content\r\n\r\n", heard=heard)) as port:
        url = f"http://127.0.0.1:{port}/"
        for method in ("HEAD", "OPTIONS"):
            assert (await ask(url, method=method))["status"] == 204
        for wrong in (
            {"method": "POST"},
            {"method": 1},
            {"headers": {"A": "b\r\nC: d"}},
            {"headers": {"A b": "c"}},
            {"headers": {"A": 1}},
            {"headers": []},
            {"timeout_ms": 60_001},
            {"timeout_ms": True},
            {"max_body": -1},
            {"ca": 1},
            {"proxy": "http://x/"},
        ):
            failed(await ask(url, **wrong), "bad_request", error_class=ErrorClass.PERMANENT)
    assert [one.split(b" ")[0] for one in heard] == [b"HEAD", b"OPTIONS"]


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ((b"HTTP/1.0 200 OK\r\n\r\n", b"old"), "old"),
        (
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n"),
            "abcde",
        ),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\x00a",), "\ufffd\x00a"),
        ((b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\na",), "a"),
        ((b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\na",), "a"),
        (
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n",
                gzip.compress(b"zip"),
            ),
            "zip",
        ),
        (
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nConnection: close\r\n\r\n",
                zlib.compress(b"zl"),
            ),
            "zl",
        ),
    ],
)
async def test_answers_of_all_ages_are_read(pieces: tuple[bytes, ...], body: str) -> None:
    async with serving(saying(*pieces)) as port:
        assert (await ask(f"http://127.0.0.1:{port}/"))["body"] == body


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_no_more_is_taken_than_was_asked_for(encoding: str) -> None:
    """A hundred kilobytes of gzip are a hundred megabytes of zeros."""
    large = b"0" * (100 << 20)
    sent = gzip.compress(large, 1) if encoding == "gzip" else large[: 8 << 20]
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(sent)}\r\n\r\n"
    async with serving(saying(head.encode(), sent)) as port:
        answer = await ask(f"http://127.0.0.1:{port}/", max_body=1000)
    assert answer["body"] == "0" * 1000
    assert answer["truncated"] is True


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((), "closed before there was an answer"),
        ((b"SSH-2.0-OpenSSH_9.2\r\n",), "does not answer in HTTP"),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",), "before the answer was whole"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",), "does not answer in HTTP"),
        ((b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",), "does not answer in HTTP"),
        ((b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",), "is none"),
    ],
)
async def test_what_is_no_answer_is_said_to_be_none(pieces: tuple[bytes, ...], words: str) -> None:
    async with serving(saying(*pieces)) as port:
        failed(await ask(f"http://127.0.0.1:{port}/"), "no_http", words, f"127.0.0.1:{port}")


@pytest.mark.parametrize(
    "pieces", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nslow",)]
)
async def test_whoever_hangs_is_waited_for_so_long(pieces: tuple[bytes, ...]) -> None:
    async with serving(saying(*pieces, close=False)) as port:
        failed(await ask(f"http://127.0.0.1:{port}/", timeout_ms=200), "deadline", "within 0.2 s")


async def test_a_body_that_drips_is_not_waited_for_without_end() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with serving(drip) as port:
        failed(await ask(f"http://127.0.0.1:{port}/", timeout_ms=300), "deadline")


async def test_who_is_not_there_and_what_has_no_name() -> None:
    async with serving(saying(OK)) as port:
        pass
    failed(await ask(f"http://127.0.0.1:{port}/"), "no_connection", "refused")
    failed(await ask(f"http://127.0.0.1:{port}/", "http.get.forwarded"), "no_connection", "from the target")
    for name, code in (("http.get", "no_name"), ("http.get.forwarded", "no_connection")):
        failed(await ask("http://no.such.name.invalid/", name), code, "resolved")


async def test_ipv6() -> None:
    async with serving(saying(OK), host="::1") as port:
        assert (await ask(f"http://[::1]:{port}/"))["status"] == 200


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[fd00:42::42]",
        "[64:ff9b:1::a9fe:a9fe]",
        "168.63.129.16",
        "[::ffff:100.100.100.200]",
        "2852039166",
        "0xa9.0xfe.169.254",
    ],
)
async def test_addresses_of_the_link_are_not_asked(host: str) -> None:
    """There a cloud tells whoever asks the credentials of the machine."""
    failed(await ask(f"http://{host}/"), "forbidden_address", error_class=ErrorClass.PERMANENT)


async def test_the_first_address_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(OK)) as port, serving(saying(OK)) as gone:
        pass
    async with serving(saying(OK)) as port:
        known = await asyncio.get_running_loop().getaddrinfo("127.0.0.1", port, type=1)
        refused = [(*known[0][:4], ("127.0.0.1", gone))]

        async def getaddrinfo(*_args: Any, **_named: Any) -> Any:
            return [*refused, *known]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        assert (await ask(f"http://two.example:{port}/"))["status"] == 200
        assert (await ask(f"http://two.example:{port}/", "http.get.forwarded"))["status"] == 200


async def test_tls_is_verified(authority: Any, tmp_path: Any) -> None:
    good = authority.context(tmp_path, "127.0.0.1", days=10)
    async with serving(saying(OK), tls=good) as port:
        url = f"https://127.0.0.1:{port}/"
        failed(await ask(url), "bad_certificate", "unable to get local issuer")
        answer = await ask(url, ca=authority.pem)
        assert answer["status"] == 200
        assert answer["tls"]["names"] == ["127.0.0.1"]
        assert answer["tls"]["version"] == "TLSv1.3"
        assert 9 * 86400 < answer["tls"]["expires_in_s"] <= 10 * 86400
        failed(
            await ask(url, ca=authority.pem, server_name="other.example"), "bad_certificate", "other.example"
        )
        failed(await ask(url, ca="none"), "bad_request", "no certificates", error_class=ErrorClass.PERMANENT)
        failed(await ask(f"http://127.0.0.1:{port}/"), "no_http")
    named = authority.context(tmp_path, "site.example")
    async with serving(saying(OK), tls=named) as port:
        url = f"https://127.0.0.1:{port}/"
        assert (await ask(url, ca=authority.pem, server_name="site.example"))["status"] == 200
    ended = authority.context(tmp_path, "127.0.0.1", days=-1)
    async with serving(saying(OK), tls=ended) as port:
        failed(await ask(f"https://127.0.0.1:{port}/", ca=authority.pem), "bad_certificate", "expired")

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ready\r\n")
        await writer.drain()

    async with serving(greet) as port:
        failed(await ask(f"https://127.0.0.1:{port}/"), "no_tls", "wrong version number")


async def test_cancelling_leaves_no_connection_open() -> None:
    closed = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.read()
        closed.set()

    async with serving(talk) as port:
        task = asyncio.create_task(ask(f"http://127.0.0.1:{port}/"))
        await asyncio.sleep(0.05)
        task.cancel()
        async with asyncio.timeout(5):
            await closed.wait()


async def test_what_the_target_does_not_reach_is_an_answer() -> None:
    async def reach(_host: str, _port: int) -> Any:
        raise RunnerError("forbidden", error_class=ErrorClass.PERMANENT, code="no_forwarding")

    outside = Outside(now=time.time)
    reply = await outside(Call("http.get.forwarded", {"url": "http://a/"}), reach)
    assert reply == Failure(ErrorClass.PERMANENT, "no_forwarding", "forbidden")


async def test_a_connection_that_is_given_up_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    hanging: list[Any] = []

    async def connect(sock: Any, _address: Any) -> None:
        hanging.append(sock)
        await asyncio.Event().wait()

    monkeypatch.setattr(loop, "sock_connect", connect)
    failed(await ask("http://127.0.0.1:9/", timeout_ms=50), "deadline")
    failed(await ask("http://127.0.0.1:9/", "http.get.forwarded", timeout_ms=50), "deadline")
    assert [one.fileno() for one in hanging] == [-1, -1]
    assert place("::1", 9) == "[::1]:9"


async def test_who_has_no_business_here_asks_nobody_here() -> None:
    guests = Outside(now=time.time, directly=dial_elsewhere)
    async with serving(saying(OK)) as port:
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            reply = await guests(Call("http.get", {"url": f"http://{host}:{port}/"}), reach_here)
            failed(reply, "forbidden_address", "not for this namespace", error_class=ErrorClass.PERMANENT)
        # From where the target is it is the target's loopback.
        reply = await guests(Call("http.get.forwarded", {"url": f"http://127.0.0.1:{port}/"}), reach_here)
        assert isinstance(reply, Ok)


async def test_who_has_no_business_here_asks_nobody_at_an_address_of_this_machine_either() -> None:
    guests = Outside(now=time.time, directly=dial_elsewhere)
    for family, beyond in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as asked:
            try:
                asked.connect((beyond, 9))
            except OSError:
                continue  # this machine has no address but its loopback's
            mine = asked.getsockname()[0]
        reply = await guests(Call("http.get", {"url": f"http://{place(mine, 9)}/"}), reach_here)
        failed(reply, "forbidden_address", "not for this namespace", error_class=ErrorClass.PERMANENT)
    assert not dialing._is_here(ipaddress.ip_address("192.0.2.199"))
    assert not dialing._is_here(ipaddress.ip_address("255.255.255.255"))
