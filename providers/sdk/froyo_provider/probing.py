"""What a kind that is only looked at has in common with others: one class, and how a difference is said.

    class Lamp(Probe):
        async def look(self, one):
            answer = await call("http.get", url=one.spec["url"])
            status = str(answer["status"])
            return Seen() if status == "200" else Seen([Differs("status", status, "200")])

Its manifest says `probe`: it is read beside the rounds, as often as it takes, and nothing is ever done about it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from froyo_provider.calls import gather
from froyo_provider.faults import CallError, ErrorClass, Fault
from froyo_provider.model import Actual, FieldDiff, Operation, Resource
from froyo_provider.provider import Provider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAID_MAX = 200
"""Characters of what somebody else says that are said again."""


@dataclass(slots=True)
class Differs:
    """Something that is not as declared.

    Attributes:
        field: of the spec.
        found: what there is, in words.
        wanted: what there should be, in words.
        message: all of it in a sentence; made of the others where it is "".
    """

    field: str
    found: str
    wanted: str
    message: str = ""


@dataclass(slots=True)
class Seen:
    """What one look showed.

    Attributes:
        differs: what is not as declared; nothing where all is well.
        remark: what a person should know although all is well.
    """

    differs: Sequence[Differs] = ()
    remark: str = ""


class Probe(Provider):
    """A kind that is looked at, and that nothing is done about; see the module."""

    async def look(self, one: Resource) -> Seen:
        """How it is.

        A call that fails in a way that may pass is a difference of the field `answer`; whatever else is raised is a
        fault, and what is declared has to change.

        Args:
            one: as it is declared.
        """
        raise NotImplementedError

    def absence(self, resource: Resource) -> Resource:
        """What was only looked at leaves nothing behind."""
        return resource

    async def read(self, wanted: list[Resource]) -> list[Actual | Fault]:
        """What each look shows, all at once."""
        seen = await gather(*(self._read(one) for one in wanted), return_exceptions=True)
        found: list[Actual | Fault] = []
        for answer in seen:
            if isinstance(answer, Exception) and not isinstance(answer, Fault):
                raise answer
            found.append(answer)
        return found

    async def _read(self, one: Resource) -> Actual:
        if one.removed:
            return Actual(exists=False)
        try:
            seen = await self.look(one)
        except CallError as error:
            if error.error_class is not ErrorClass.TRANSIENT:
                raise
            seen = Seen([Differs("answer", error.code, "an answer", error.message)])
        counted = [differs for differs in seen.differs if differs.field not in one.ignore]
        if not counted:
            return Actual(exists=False, state={"well": True}, remark=seen.remark)
        message = "; ".join(one.message or f"{one.field} is {one.found}, not {one.wanted}" for one in counted)
        state = {
            "well": False,
            "differs": [{"field": one.field, "found": one.found, "wanted": one.wanted} for one in counted],
            "obstacles": [{"class": "transient", "code": "unhealthy", "message": message, "subjects": []}],
        }
        return Actual(exists=False, state=state, remark=seen.remark)

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """What is not as declared, which nothing can be done about from here."""
        return [
            Operation("none")
            if one.removed or now.state["well"]
            else Operation(
                "update",
                [FieldDiff(it["field"], it["found"], it["wanted"]) for it in now.state["differs"]],
                obstacles=now.state["obstacles"],
            )
            for one, now in zip(wanted, actual, strict=True)
        ]


def ending(tls: Mapping[str, Any] | None, days: int) -> str:
    """That a certificate is about to end, or "".

    Args:
        tls: what a call answers of the peer's, where TLS was spoken.
        days: from how many on before its end that is said.
    """
    if tls is None or tls["expires_in_s"] >= days * 86400:
        return ""
    until = dt.datetime.fromtimestamp(tls["not_after"], dt.UTC)
    return f"its certificate ({', '.join(tls['names'][:3])}) ends on {until:%Y-%m-%d %H:%M} UTC"


def said(text: str) -> str:
    """What somebody else says, short and on one line."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * SAID_MAX]).split())
    return line if len(line) <= SAID_MAX else line[: SAID_MAX - 1] + "…"
