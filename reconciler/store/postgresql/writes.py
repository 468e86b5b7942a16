"""What became of what was written: also where its end was not heard of, and where the server is another one since.

A standby that takes over may lack the last transactions of the server before it, and gives their numbers to others. So
each transaction leaves its number where it can be found again, in the row of the lease, which it writes anew: the
number is its `xmin`. What is there is either what was written last, or something is missing.

Invariant: who goes on writing knows what is there. Who does not ends, as one that has lost the store, and begins again
with what it finds: its memory is of another history.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.errors import LeaseLost

if TYPE_CHECKING:
    from reconciler.store.postgresql.connection import ServerSession

MARK = "UPDATE lease SET token = token"
_MARK = "SELECT xmin::text::bigint FROM lease LIMIT 1"
_STATUS = "SELECT pg_xact_status(%s::xid8)"


@dataclass(frozen=True, slots=True)
class Write:
    """A transaction.

    Attributes:
        server: on which, as `ServerSession.server` says it.
        number: its own, of 64 bits.
    """

    server: str
    number: int

    @property
    def mark(self) -> int:
        """What it leaves in the row."""
        return self.number & 0xFFFFFFFF


class Writes:
    """See the module.

    Args:
        place: the address, for errors.

    Attributes:
        acknowledged: the last one that is known to be committed.
        in_doubt: one that was told to have failed without anybody knowing.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self.acknowledged: Write | None = None
        self.in_doubt: Write | None = None

    def check(self, session: ServerSession) -> None:
        """See that a server that answers again has what was written, and nothing that was told to have failed.

        Raises:
            LeaseLost: it has not, or it has.
        """
        if (doubt := self.in_doubt) is not None:
            found = self.became(session, doubt)
            if found is None:
                raise LeaseLost(f"{self._place}: {_STILL}; {_ENDS}")
            if found:
                raise LeaseLost(f"{self._place}: {_AFTER_ALL}; {_ENDS}")
            self.in_doubt = None
        self._goes_on(session)

    def became(self, session: ServerSession, write: Write) -> bool | None:
        """Whether a transaction was committed; None while it goes on.

        Raises:
            LeaseLost: the server is another one, and lacks what was written before.
        """
        if session.server == write.server:
            (status,) = session.execute(_STATUS, (str(write.number),)).fetchone() or (None,)
            return None if status == "in progress" else status == "committed"
        if _mark(session) == write.mark:
            return True
        self._goes_on(session)
        if self.acknowledged is None:
            raise self._is_missing()
        return False

    def _goes_on(self, session: ServerSession) -> None:
        """See that the last that was acknowledged is the last that is there, where the server is another one."""
        last = self.acknowledged
        if last is None or last.server == session.server:
            return
        if _mark(session) != last.mark:
            raise self._is_missing()
        self.acknowledged = replace(last, server=session.server)

    def _is_missing(self) -> LeaseLost:
        return LeaseLost(f"{self._place}: {_MISSING}; {_ENDS}")


_MISSING = (
    "another server has taken over, and the last that was written there is not what this controller wrote last (a "
    "standby that was not synchronous lacks what it had not been given)"
)
_AFTER_ALL = "a write that was taken for failed while its server was away was made after all"
_STILL = "a write whose end was not heard of is still under way on its server"
_ENDS = "this one ends; started again, it goes on from what is there, and looks at every target"


def _mark(session: ServerSession) -> int | None:
    row = session.execute(_MARK).fetchone()
    return None if row is None else int(row[0])
