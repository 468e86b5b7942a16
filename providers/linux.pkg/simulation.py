"""What would come of it if all that is wanted were done at once, and which part of that nobody wants.

A `Share` is what one instance has in a transaction. Where all of them together are something that can be done, and
nothing is removed that nobody declared, nothing else is asked for but what each brings along. Else they are tried in
parts, so that one which cannot be keeps no other.
"""

from __future__ import annotations

import fnmatch
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from manager import INSTALL, PURGE, REMOVE
from obstacles import UNSATISFIABLE, in_the_way, obstacle, unknown_packages

from froyo_provider import CallError, batch, gather

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from manager import Manager
    from wishes import Change, Json, Wish

FEW = 8
"""So many are tried by themselves only to say what each brings along."""


@dataclass
class Share:
    """What one instance has in a transaction.

    Attributes:
        address: of the instance.
        manager: the target's.
        changes: what is to be done, with what was wanted, by the names of packages.
        recommends: whether what is recommended is installed along; None as the target has it.
        removes: patterns of packages that may be removed for it.
    """

    address: str
    manager: Manager
    changes: dict[str, tuple[Wish, Change]]
    recommends: bool | None = None
    removes: Sequence[str] = ()

    def named(self, *verbs: str) -> list[str]:
        """The packages that something is done about."""
        return [name for name, (_, change) in self.changes.items() if change.verb in verbs]

    @property
    def known(self) -> bool:
        """Whether it can be said what would come of it; else the sources have to be asked, or a file be brought."""
        return all(
            change.target and wish.body is None
            for wish, change in self.changes.values()
            if change.verb == INSTALL
        )

    def stopped(self, found: Mapping[str, Json], *, fetched: bool = False) -> list[Json]:
        """What is in the way of its packages, by what is known of each alone; see in_the_way."""
        known = {
            name: in_the_way(self.manager, wish, change, found[name], fetched=fetched)
            for name, (wish, change) in self.changes.items()
        }
        strangers = [
            name
            for name, told in known.items()
            if told and told[0]["code"] == UNSATISFIABLE and not found[name].get("versions")
        ]
        if len(strangers) < 2:
            return [told for one in known.values() for told in one]
        # A person reads the first, and is to mend all of them at once.
        others = [told for name, one in known.items() if name not in strangers for told in one]
        return [
            unknown_packages(self.manager, [self.changes[one][0].name for one in strangers]),
            *others,
        ]

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


def steps(shares: Sequence[Share]) -> list[Json]:
    """The runs of the package manager that a transaction is.

    One, unless the manager does not do all at once, or some want what is recommended and others do not.
    """
    found: list[Json] = []
    for verbs in shares[0].manager.order if shares else ():
        groups: dict[bool | None, Json] = {}
        for share in shares:
            manager = share.manager
            own = [
                (name, wish, change, manager.done(change.verb))
                for name, (wish, change) in share.changes.items()
            ]
            own = [one for one in own if one[3] in verbs]
            if not own:
                continue
            weak = manager.weak and any(verb == INSTALL for *_, verb in own)
            group = groups.setdefault(share.recommends if weak else None, {verb: [] for verb in verbs})
            for name, wish, change, verb in own:
                group[verb].append(operand_of(wish, change) if verb == INSTALL else name)
        for recommends, group in sorted(groups.items(), key=lambda item: str(item[0])):
            step = {verb: sorted(names) for verb, names in group.items() if names}
            found.append(step if recommends is None else step | {"recommends": recommends})
    return found


def operand_of(wish: Wish, change: Change) -> str:
    """How the runner is told what to install."""
    if wish.body is not None:
        return wish.file
    return f"{wish.name}={change.target}" if change.target else wish.name


async def forecast(shares: Sequence[Share], whole: Sequence[Share] = ()) -> Forecast:
    """What would come of all of them together, and of each by itself where that matters.

    Args:
        shares: all that is to be done.
        whole: of what that is a part, if it is one.
    """
    moving = [share for share in shares if share.moves]
    if not moving:
        return Forecast()
    whole = whole or moving
    kinds = {kind_of(share): share for share in moving}
    alone = list(kinds.values()) if len(moving) > 1 and len(kinds) <= FEW else []
    together, *each = await simulated([moving, *([share] for share in alone)])
    by_itself = dict(zip(map(kind_of, alone), each, strict=True))
    wrong = unwanted(whole, moving, together)
    if not wrong:
        return Forecast(brought_along(moving, together, by_itself))
    if len(kinds) == 1:
        return Forecast(wrong={share.address: wrong for share in moving})
    found: dict[str, list[Json]] = {}
    if alone:
        for share in moving:
            if own := unwanted(whole, [share], by_itself[kind_of(share)]):
                found[share.address] = own
    else:
        middle = len(moving) // 2
        for half in await gather(*(forecast(half, whole) for half in (moving[:middle], moving[middle:]))):
            found |= half.wrong
    good = [share for share in moving if share.address not in found]
    if len(good) == len(moving):
        return Forecast(wrong={share.address: wrong for share in moving})
    rest = await forecast(good, whole)
    return Forecast(rest.brings, found | rest.wrong)


def kind_of(share: Share) -> str:
    """What of two shares is the same where the same would come of them."""
    return json.dumps(steps([share]))


def brought_along(
    moving: Sequence[Share], together: Sequence[Json], by_itself: Mapping[str, Sequence[Json]]
) -> dict[str, list[Json]]:
    """By address, what is changed although nobody declared it; what is nobody's by itself is told with the first."""
    left = beside(moving, together)
    brings: dict[str, list[Json]] = {}
    told = set()
    for share in moving:
        names = {one["name"] for one in beside(moving, by_itself.get(kind_of(share), ()))}
        if mine := [one for one in left if one["name"] in names]:
            brings[share.address] = mine
            told |= names
    if rest := [one for one in left if one["name"] not in told]:
        brings.setdefault(moving[0].address, []).extend(rest)
    return brings


async def simulated(several: Sequence[Sequence[Share]]) -> list[list[Json]]:
    """What would come of some transactions: of each, one answer for each of its runs."""
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


def unwanted(whole: Sequence[Share], some: Sequence[Share], outcome: Sequence[Json]) -> list[Json]:
    """What is wrong with what would come of it.

    Args:
        whole: all that is to be done.
        some: of these, what it would come of.
        outcome: what would.
    """
    gone = {plain(name) for share in whole for name in share.named(REMOVE, PURGE)}
    asked_for = {plain(name) for share in some for name in share.changes}
    allowed = [pattern for share in whole for pattern in share.removes]
    found = []
    manager = some[0].manager
    for answer in outcome:
        if said := answer.get("error"):
            told = f"{manager.name} would not do it:\n{said}"
            found.append(obstacle(UNSATISFIABLE, told, *manager.sources, *manager.status))
        removed = [
            f"{change['name']} {change.get('from', '')}".rstrip()
            for change in answer["changes"]
            if change["action"] in {"remove", "purge"}
            and not change.get("unneeded")
            and plain(change["name"]) not in gone
            and not any(fnmatch.fnmatchcase(plain(change["name"]), pattern) for pattern in allowed)
        ]
        if removed:
            names = ", ".join(plain(text.partition(" ")[0]) for text in removed)
            told = (
                f"it would remove {', '.join(removed)}, which nobody declared absent:"
                f" allow that with `removes: [{names}]`, or declare it so"
            )
            found.append(obstacle("held", told, *manager.status))
        if held := [name for name in answer["held"] if plain(name) not in asked_for | gone]:
            told = (
                f"it would change {', '.join(held)}, on hold on the target:"
                f" declare a Package with `hold` for that, or lift it with {manager.lift.format(held[0])}"
            )
            found.append(obstacle("held", told, *manager.status))
    return found


def in_words(change: Json) -> str:
    """A change as a person reads it."""
    versions = " → ".join(change[key] for key in ("from", "to") if key in change)
    return f"{change['action']} {change['name']} {versions}".rstrip()
