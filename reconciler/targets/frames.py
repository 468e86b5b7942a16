r"""Frames as bytes: one JSON object a line.

Invariants: a frame is never longer than MAX_FRAME bytes, its newline included, and what cannot become a frame
any more is refused before more of it is read; nothing of a frame's content is repeated in an error, since it
may be a secret. Names that are not UTF-8 pass as Python's surrogates (`os.fsdecode`), which JSON writes as
`\udcXX`.

This module must not know what a frame means.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from reconciler.errors import FrameTooLarge, LocalProtocolError, RemoteProtocolError

MAX_FRAME = 16 * 1024 * 1024
"""Bytes of the longest frame, its newline included."""

Frame = dict[str, Any]


_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""What is no half of a character and no byte of a name either."""


_text = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


def canonical(value: object) -> bytes:
    """The one way to write a value: sorted keys, no spaces, ASCII only. Equal values give equal bytes."""
    return _text(value).encode("ascii")


def encode(frame: Mapping[str, Any], *, limit: int = MAX_FRAME) -> bytes:
    """The frame as it goes over the wire.

    Raises:
        FrameTooLarge: it is too long.
        LocalProtocolError: it has a value that JSON has no word for.
    """
    try:
        line = canonical(frame) + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        raise LocalProtocolError(f"a {frame.get('type')} frame cannot be written as JSON: {error}") from error
    if len(line) > limit:
        raise FrameTooLarge(
            f"a {frame.get('type')} frame of {len(line)} bytes is longer than the {limit} that one may have"
        )
    return line


def decode(line: bytes) -> Frame:
    """The frame in one line.

    Raises:
        RemoteProtocolError: it is not one JSON object in UTF-8 with a `type`.
    """
    try:
        frame = json.loads(line.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        if b"\\ud" in line or b"\\uD" in line:
            _check_surrogates(frame)
    except UnicodeDecodeError as error:
        raise _not_json(line, f"no UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise _not_json(line, f"{error.msg} at character {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise _not_json(line, type(error).__name__) from None
    if not isinstance(frame, dict):
        raise RemoteProtocolError("a frame is not a JSON object", kind="not_object")
    if not isinstance(frame.get("type"), str):
        raise RemoteProtocolError("a frame has no type", kind="bad_field")
    return frame


def _not_json(line: bytes, why: str) -> RemoteProtocolError:
    return RemoteProtocolError(f"a frame of {len(line)} bytes is not JSON: {why}", kind="not_json")


def _refuse(_: str) -> NoReturn:
    raise ValueError


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _check_surrogates(frame: object) -> None:
    if _LONE_SURROGATE.search(json.dumps(frame, ensure_ascii=False)):
        raise ValueError


class FrameReader:
    r"""Takes bytes as they come and gives frames as they are complete.

    Args:
        limit: bytes of the longest frame, its newline included.

    Attributes:
        size: bytes of the frame that was given last.

    Example:
        >>> reader = FrameReader()
        >>> reader.feed(b'{"type":"HEART')
        >>> reader.next_frame() is None
        True
        >>> reader.feed(b'BEAT"}\n')
        >>> reader.next_frame()
        {'type': 'HEARTBEAT'}
    """

    def __init__(self, *, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """The next complete frame, or None while there is none.

        Raises:
            RemoteProtocolError: the line is no frame, or has grown too long to become one.
        """
        end = self._buffer.find(b"\n", self._searched, self._limit)
        if end < 0:
            if len(self._buffer) >= self._limit:
                raise RemoteProtocolError(
                    f"a frame is longer than the {self._limit} bytes that it may have", kind="too_large"
                )
            # A long frame arrives in many pieces: none is searched twice.
            self._searched = len(self._buffer)
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        self.size = end + 1
        return decode(line)

    @property
    def incomplete(self) -> int:
        """Bytes of a frame whose end has not arrived (after `next_frame` has given None)."""
        return len(self._buffer)
