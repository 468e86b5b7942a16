"""Bodies on their way: sent in pieces, compressed when it pays, each only once a session.

Invariant: of a body that is sent, at most one piece waits in memory beside the body itself, and whoever needs
the same body at the same time waits for the one sending of it.
"""

from __future__ import annotations

import asyncio
import binascii
import zlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from reconciler.errors import RemoteProtocolError
from reconciler.model.blob import Blob
from reconciler.model.names import Digest
from reconciler.runtime import Offload
from reconciler.targets.link import Link

PIECE = 1024 * 1024
"""Bytes of a piece before it is encoded, at most."""

_INLINE = 64 * 1024
"""Bodies up to this are read and encoded on the spot; a thread would cost more than it saves."""
_SAMPLE = 16 * 1024
_WORTH_IT = 0.9
_LANE = "bodies"
_GZIP = 31  # zlib's word for a gzip stream


class Bodies:
    """The bodies of one session.

    Args:
        link: where they go.
        offload: for reading and compressing large ones.
        compress: whether bytes on the wire are dear; they are not on a pipe to this same machine.
    """

    def __init__(self, link: Link, *, offload: Offload, compress: bool) -> None:
        self._link = link
        self._offload = offload
        self._compress = compress
        self._sent: dict[Digest, asyncio.Future[None]] = {}

    async def send(self, blob: Blob) -> None:
        """Have the body on the target, unless it was sent in this session.

        Raises:
            SnapshotGone: its content cannot be had any more.
            TransportError: the link has ended.
        """
        while (under_way := self._sent.get(blob.digest)) is not None:
            if not under_way.done():
                await asyncio.wait([under_way])
            if not under_way.cancelled():
                return
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sent[blob.digest] = sent
        try:
            await self._send(blob)
        except BaseException:
            # Whoever waits for it tries for itself.
            del self._sent[blob.digest]
            sent.cancel()
            raise
        sent.set_result(None)

    def forget(self, digest: Digest) -> None:
        """The target does not have it (any more): it will be sent again when it is needed."""
        sent = self._sent.get(digest)
        if sent is not None and sent.done():
            del self._sent[digest]

    async def _send(self, blob: Blob) -> None:
        small = blob.size <= _INLINE
        body = blob.read() if small else await self._offload(_LANE, blob.read)
        gzip = self._compress and pays(body)
        for offset in range(0, max(len(body), 1), PIECE):
            piece = body[offset : offset + PIECE]
            if small:
                data = encode_piece(piece, gzip=gzip)
            else:
                data = await self._offload(_LANE, partial(encode_piece, piece, gzip=gzip))
            await self._link.send_blob(
                digest=blob.digest,
                offset=offset,
                data=data,
                encoding="gzip" if gzip else "identity",
                last=offset + PIECE >= len(body),
            )


def pays(body: bytes) -> bool:
    """Whether compressing is likely to make it clearly smaller: judged by samples, not by all of it."""
    middle = max(0, len(body) // 2 - _SAMPLE // 2)
    sample = body[:_SAMPLE] + (body[middle : middle + _SAMPLE] if middle >= _SAMPLE else b"")
    return len(sample) >= 256 and len(zlib.compress(sample, 1)) < len(sample) * _WORTH_IT


def encode_piece(piece: bytes, *, gzip: bool) -> str:
    """A piece as it stands in a frame."""
    if gzip:
        # The lowest level: on a local network the processor is what is dear.
        piece = zlib.compress(piece, 1, wbits=_GZIP)
    return binascii.b2a_base64(piece, newline=False).decode("ascii")


def decode_piece(data: Mapping[str, Any]) -> bytes:
    """The bytes in a `chunk` event.

    Raises:
        RemoteProtocolError: it is malformed, or would become larger than a piece may be.
    """
    try:
        piece = binascii.a2b_base64(data["data"], strict_mode=True)
        whole = True
        if data.get("encoding", "identity") == "gzip":
            stream = zlib.decompressobj(wbits=_GZIP)
            piece = stream.decompress(piece, PIECE + 1)
            whole = stream.eof
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise RemoteProtocolError("a chunk event is malformed", kind="bad_field") from error
    if not whole or len(piece) > PIECE:
        raise RemoteProtocolError("a chunk event is cut off, or longer than a piece may be", kind="bad_field")
    return piece
