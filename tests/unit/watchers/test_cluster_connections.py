"""A loop that ends while the other side of its connections says nothing."""

import asyncio
import socket
import ssl
import threading
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from watchers.kubernetes import connections
from watchers.kubernetes.certificates import make


@pytest.fixture
def silent(tmp_path):
    """The port of a server that says nothing but what TLS begins with: not even that it goes, when it is told so."""
    certificate = make(["localhost"], datetime.now(UTC))
    (tmp_path / "certificate").write_bytes(certificate.chain + certificate.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate")
    asked = threading.Event()

    def serve():
        connection, _ = listening.accept()
        with context.wrap_socket(connection, server_side=True):
            asked.wait()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        asked.set()
        thread.join()


@pytest.mark.parametrize("error", [None, ValueError("no way in")])
def test_what_was_closed_and_waits_for_the_other_side_is_no_socket_that_is_left(silent, error):
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    paths = []

    async def main():
        _, writer = await asyncio.open_connection("127.0.0.1", silent, ssl=anybody)
        paths.append(Path(f"/proc/self/fd/{writer.get_extra_info('socket').fileno()}"))
        writer.close()
        if error is not None:
            raise error

    with pytest.raises(ValueError, match="no way in") if error else nullcontext():
        connections.run(main())
    assert [path.exists() for path in paths] == [False]


def test_what_breaks_off_when_the_loop_ends_is_nobodys_trouble(caplog):
    """kopf leaves the generator of a stream where it is: closing it put a traceback into the log."""
    left = []

    async def events():
        try:
            yield 1
        finally:
            raise ConnectionResetError("the stream is cut")

    async def main():
        stream = events()
        left.append(stream)
        assert await anext(stream) == 1

    connections.run(main())
    assert [record for record in caplog.records if record.name == "asyncio"] == []
