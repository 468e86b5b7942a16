"""What would come of it if all that is wanted were done at once, and which part of that nobody wants.

A `Share` is what one instance has in a transaction. Where all of them together are something that apt would do, and
nothing is removed that nobody declared, nothing else is asked for but what each brings along. Else each is tried by
itself, so that one which cannot be keeps no other.
"""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wishes import INSTALL, PURGE, REMOVE

from froyo_provider import CallError, batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wishes import Change, Json, Wish

FEW = 8
"""So many are tried by themselves only to say what each brings along."""
STATUS = "path:/var/lib/dpkg/status"


@dataclass
class Share:
    """What one instance has in a transaction.

    Attributes:
        address: of the instance.
        changes: what is to be done, with what was wanted, by the names of packages.
        recommends: whether what is recommended is installed along; None as the target has it.
        removes: patterns of packages that may be removed for it.
    """

    address: str
    changes: dict[str, tuple[Wish, Change]]
    recommends: bool | None = None
    removes: Sequence[str] = ()

    def named(self, *verbs: str) -> list[str]:
        """The packages that something is done about."""
        return [name for name, (_, change) in self.changes.items() if change.verb in verbs]

    @property
    def known(self) -> bool:
        """Whether apt can say what would come of it; else the sources have to be asked, or a file be brought, first."""
        return all(
            change.target and wish.body is None
            for wish, change in self.changes.values()
            if change.verb == INSTALL
        )

    @property
    def moves(self) -> bool:
        """Whether anything is to be installed or removed."""
        return bool(self.named(INSTALL, REMOVE, PURGE))


@dataclass
class Forecast:
    """What would come of a transaction.

    Attributes:
        brings: by address, what is changed beside what is declared.
        wrong: by address, what nobody wants: obstacles.
    """

    brings: dict[str, list[Json]] = field(default_factory=dict)
    wrong: dict[str, list[Json]] = field(default_factory=dict)


def steps(shares: Iterable[Share]) -> list[Json]:
    """The runs of apt that a transaction is.

    One, unless something is to be purged, or some want what is recommended and others do not.
    """
    groups: dict[bool | None, Json] = {}
    purge: list[str] = []
    for share in shares:
        purge += share.named(PURGE)
        if not share.named(INSTALL, REMOVE):
            continue
        group = groups.setdefault(
            share.recommends if share.named(INSTALL) else None, {"install": [], "remove": []}
        )
        for wish, change in share.changes.values():
            if change.verb == INSTALL:
                group["install"].append(operand_of(wish, change))
        group["remove"] += share.named(REMOVE)
    found = []
    for recommends, group in sorted(groups.items(), key=lambda item: str(item[0])):
        step = {key: sorted(names) for key, names in group.items() if names}
        found.append(step if recommends is None else step | {"recommends": recommends})
    return [*found, {"purge": sorted(purge)}] if purge else found


def operand_of(wish: Wish, change: Change) -> str:
    """How apt is told what to install."""
    if wish.body is not None:
        return wish.file
    return f"{wish.name}={change.target}" if change.target else wish.name


async def forecast(shares: Sequence[Share]) -> Forecast:
    """What would come of all of them together, and of each by itself where that matters."""
    moving = [share for share in shares if share.moves]
    found = Forecast()
    if not moving:
        return found
    kinds = {json.dumps(steps([share])): share for share in moving}
    alone = list(kinds.values()) if len(moving) > 1 and len(kinds) <= FEW else []
    together, *each = await simulated([moving, *([share] for share in alone)])
    wrong = unwanted(moving, together)
    if wrong and len(moving) == 1:
        found.wrong[moving[0].address] = wrong
        return found
    if wrong and not alone:
        alone = list(kinds.values())
        each = await simulated([[share] for share in alone])
    by_itself = dict(zip((json.dumps(steps([share])) for share in alone), each, strict=True))
    if wrong:
        for share in moving:
            if own := unwanted(moving, by_itself[json.dumps(steps([share]))], share):
                found.wrong[share.address] = own
        good = [share for share in moving if share.address not in found.wrong]
        if len(good) == len(moving):
            found.wrong = {share.address: wrong for share in moving}
            return found
        rest = await forecast(good)
        return Forecast(rest.brings, found.wrong | rest.wrong)
    left = beside(moving, together)
    told = set()
    for share in moving if alone else ():
        own_names = {one["name"] for one in beside(moving, by_itself[json.dumps(steps([share]))])}
        if mine := [one for one in left if one["name"] in own_names]:
            found.brings[share.address] = mine
            told |= own_names
    if rest_of_it := [one for one in left if one["name"] not in told]:
        found.brings.setdefault(moving[0].address, []).extend(rest_of_it)
    return found


async def simulated(several: Sequence[Sequence[Share]]) -> list[list[Json]]:
    """What apt says of some transactions: of each, one answer for each of its runs."""
    asked = [steps(shares) for shares in several]
    answers = iter(await batch("pkg.simulate", [step for one in asked for step in one]))
    outcomes: list[list[Json]] = []
    for one in asked:
        outcomes.append([])
        for _ in one:
            answer = next(answers)
            if isinstance(answer, CallError):
                raise answer
            outcomes[-1].append(answer)
    return outcomes


def plain(name: str) -> str:
    """A package's name without its architecture, as whoever declares it leaves that out."""
    return name.partition(":")[0]


def beside(shares: Iterable[Share], outcome: Iterable[Json]) -> list[Json]:
    """What is changed although nobody declared it."""
    declared = {plain(name) for share in shares for name in share.changes}
    return [one for answer in outcome for one in answer["changes"] if plain(one["name"]) not in declared]


def unwanted(shares: Sequence[Share], outcome: Sequence[Json], one: Share | None = None) -> list[Json]:
    """What is wrong with what would come of it.

    Args:
        shares: all that is to be done.
        outcome: what would come of them, or of one by itself.
        one: that one.
    """
    gone = {plain(name) for share in shares for name in share.named(REMOVE, PURGE)}
    asked_for = {plain(name) for share in (shares if one is None else [one]) for name in share.changes}
    allowed = [pattern for share in shares for pattern in share.removes]
    found = []
    for answer in outcome:
        if said := answer.get("error"):
            told = f"apt would not do it:\n{said}"
            found.append(obstacle("unsatisfiable", told, "path:/var/lib/apt/lists/", STATUS))
        removed = [
            f"{change['name']} {change.get('from', '')}".rstrip()
            for change in answer["changes"]
            if change["action"] in {"remove", "purge"}
            and plain(change["name"]) not in gone
            and not any(fnmatch.fnmatchcase(plain(change["name"]), pattern) for pattern in allowed)
        ]
        if removed:
            names = ", ".join(plain(text.partition(" ")[0]) for text in removed)
            told = (
                f"it would remove {', '.join(removed)}, which nobody declared absent:"
                f" allow that with `removes: [{names}]`, or declare it so"
            )
            found.append(obstacle("held", told, STATUS))
        if held := [name for name in answer["held"] if plain(name) not in asked_for | gone]:
            told = (
                f"it would change {', '.join(held)}, on hold on the target:"
                " declare a Package with `hold` for that, or lift it with apt-mark unhold"
            )
            found.append(obstacle("held", told, STATUS))
    return found


def obstacle(code: str, message: str, *subjects: str) -> Json:
    """Something in the way, and with what it may go away."""
    return {"class": "permanent", "code": code, "message": message, "subjects": list(subjects)}


def in_words(change: Json) -> str:
    """A change as a person reads it."""
    versions = " → ".join(change[key] for key in ("from", "to") if key in change)
    return f"{change['action']} {change['name']} {versions}".rstrip()
