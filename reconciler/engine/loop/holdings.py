"""All that the loop has of targets, each in the part that keeps it.

Invariant: whatever has something of a target while the controller runs is here, so that who ends that
(`engine/loop/letting_go.py`) ends all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.engine.disruptions import Disruptions
from reconciler.engine.intake.in_force import InForce
from reconciler.engine.loop.gathering import Gathering
from reconciler.engine.loop.lanes import Lanes
from reconciler.engine.loop.reachability import Reachability
from reconciler.engine.loop.requests import Requests
from reconciler.engine.loop.rounds import Rounds
from reconciler.engine.loop.sessions import Sessions
from reconciler.engine.loop.workers import Workers
from reconciler.engine.round.probes import Probes
from reconciler.engine.round.under_way import UnderWay
from reconciler.engine.share import Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """See the module.

    Attributes:
        share: which targets are ours.
        in_force: what is declared on them.
        lanes: what is known of each.
        sessions: to them.
        workers: have rounds on them.
        rounds: when they were looked at.
        requests: what people have asked for.
        reachability: which can be reached.
        gathering: what they are.
        disruptions: which are disrupted.
        probes: what is looked at beside the rounds.
        under_way: what outlasts its round.
    """

    share: Share
    in_force: InForce
    lanes: Lanes
    sessions: Sessions
    workers: Workers
    rounds: Rounds
    requests: Requests
    reachability: Reachability
    gathering: Gathering
    disruptions: Disruptions
    probes: Probes
    under_way: UnderWay
