"""What decisions mean for each of the changes that they are about.

Invariant: nothing that was said is lost. What is said about something that nobody asked about is said about all that
was asked, and a decision that could not be made denies all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.model.decisions import PolicyFinding, Ruling

if TYPE_CHECKING:
    from reconciler.model.decisions import PolicyDecision
    from reconciler.model.names import Address

_NOTHING: tuple[str, ...] = ()


def rulings(decisions: Iterable[PolicyDecision], addresses: Sequence[Address]) -> dict[Address, Ruling]:
    """What some decisions mean for each change.

    Args:
        decisions: of the policies of each place.
        addresses: what they were asked about.
    """
    found = dict.fromkeys(addresses, Ruling())
    for one in decisions:
        failed = (PolicyFinding(f"{one.place}: {one.failed}"),) if one.failed else ()
        deny, ask, warn = (_sorted(some, found) for some in ((*one.deny, *failed), one.ask, one.warn))
        for address, before in found.items():
            found[address] = Ruling(
                before.deny + _of(deny, address),
                before.ask + _of(ask, address),
                before.warn + _of(warn, address),
                (*before.decisions, one.id),
            )
    return found


def _sorted(findings: Iterable[PolicyFinding], known: Mapping[Address, Ruling]) -> dict[str, tuple[str, ...]]:
    """What is said, by what it is about; "" for all of it."""
    found: dict[str, tuple[str, ...]] = {}
    for one in findings:
        about = one.about if one.about in known else ""
        found[about] = (*found.get(about, ()), one.message)
    return found


def _of(said: Mapping[str, tuple[str, ...]], address: Address) -> tuple[str, ...]:
    return said.get("", _NOTHING) + said.get(address, _NOTHING)
