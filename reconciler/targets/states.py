"""What may be said when: every state of a connection and of a command, and every way from one to the next.

Two rules: all transitions are in the tables of this file, and nothing in it knows bytes, fields or time. What
is not in a table is forbidden; whose fault that is depends only on who said it.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from reconciler.errors import LocalProtocolError, RemoteProtocolError


class ConnectionState(Enum):
    """How far the conversation has come."""

    STARTING = auto()
    """The runner has been started and has not said READY."""
    RUNNING = auto()
    """Both may talk."""
    ENDING = auto()
    """We have said EXIT and only listen; commands under way may still be answered."""
    EXITED = auto()
    """The runner has said EXIT; only the end of the stream can follow."""
    CLOSED = auto()
    """The stream has ended."""
    BROKEN = auto()
    """Somebody broke the protocol; nothing can be relied on any more."""


class CommandState(Enum):
    """How far one command has come."""

    OPEN = auto()
    """Sent, not answered."""
    CANCELLING = auto()
    """We have asked to end it; it still owes its answer."""
    ANSWERED = auto()
    """DONE or ERROR has arrived: the id is spent."""


_S = ConnectionState
_C = CommandState

EOF: Final = "EOF"
"""Not a frame: the peer has closed its end."""

RECEIVING: Final[dict[ConnectionState, dict[str, ConnectionState]]] = {
    _S.STARTING: {"READY": _S.RUNNING, "EXIT": _S.EXITED, EOF: _S.CLOSED},
    _S.RUNNING: {
        "EVENT": _S.RUNNING,
        "DONE": _S.RUNNING,
        "ERROR": _S.RUNNING,
        "HEARTBEAT": _S.RUNNING,
        "EXIT": _S.EXITED,
        EOF: _S.CLOSED,
    },
    _S.ENDING: {
        "EVENT": _S.ENDING,
        "DONE": _S.ENDING,
        "ERROR": _S.ENDING,
        "HEARTBEAT": _S.ENDING,
        "EXIT": _S.EXITED,
        EOF: _S.CLOSED,
    },
    _S.EXITED: {EOF: _S.CLOSED},
    _S.CLOSED: {},
    _S.BROKEN: {},
}

SENDING: Final[dict[ConnectionState, dict[str, ConnectionState]]] = {
    _S.STARTING: {},
    _S.RUNNING: {
        "CMD": _S.RUNNING,
        "CANCEL": _S.RUNNING,
        "BLOB": _S.RUNNING,
        "RENEW": _S.RUNNING,
        "FENCE": _S.RUNNING,
        "HEARTBEAT": _S.RUNNING,
        "EXIT": _S.ENDING,
    },
    _S.ENDING: {},
    _S.EXITED: {},
    _S.CLOSED: {},
    _S.BROKEN: {},
}

ANSWERING: Final[dict[CommandState, dict[str, CommandState]]] = {
    _C.OPEN: {"EVENT": _C.OPEN, "DONE": _C.ANSWERED, "ERROR": _C.ANSWERED},
    _C.CANCELLING: {"EVENT": _C.CANCELLING, "DONE": _C.ANSWERED, "ERROR": _C.ANSWERED},
    _C.ANSWERED: {},
}

CANCELLING: Final[dict[CommandState, dict[str, CommandState]]] = {
    _C.OPEN: {"CANCEL": _C.CANCELLING},
    _C.CANCELLING: {},
    _C.ANSWERED: {},
}


def after_receiving(state: ConnectionState, what: str) -> ConnectionState:
    """The state once the peer has said `what`.

    Raises:
        RemoteProtocolError: it may not say that now.
    """
    try:
        return RECEIVING[state][what]
    except KeyError:
        raise RemoteProtocolError(
            f"the runner said {what} while the connection was {state.name}", kind="out_of_turn"
        ) from None


def after_sending(state: ConnectionState, what: str) -> ConnectionState:
    """The state once we have said `what`.

    Raises:
        LocalProtocolError: we may not say that now.
    """
    try:
        return SENDING[state][what]
    except KeyError:
        raise LocalProtocolError(f"{what} cannot be said while the connection is {state.name}") from None
