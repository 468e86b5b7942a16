"""What is said of a target that has had its turn in a rollout."""

from types import SimpleNamespace

from reconciler.engine.rollouts.seeing import Seeing
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.names import Digest, TargetName
from reconciler.model.rollout import RolloutTurn, TargetSeen
from reconciler.model.state import ResourceState
from tests.sim.manifests import desired, instance, target

HOST = TargetName("m0")


def ready(reason, generation, message="as declared"):
    return Condition(
        type=ConditionType.READY,
        status=True,
        reason=reason,
        message=message,
        since=0.0,
        observed_generation=generation,
    )


def test_of_what_was_ready_before_its_turn_and_not_looked_at_since_nobody_is_told_that_it_is():
    # "h2 failed: not ready within 20 s: File/page: Applied: as declared" was said of a host that had been cut off.
    page = instance("m0", "File", "page", {"path": "/srv/page"})
    declared = desired([target("m0")], [page], [], "r2")
    state = ResourceState(
        address=page.address, digest=page.digest, generation=2, conditions=(ready(Reason.APPLIED, 1),)
    )
    controller = SimpleNamespace(
        targets={HOST: SimpleNamespace(conditions=(ready(Reason.IN_SYNC, 1),))},
        states=lambda: {page.address: state},
        in_force=SimpleNamespace(removals=SimpleNamespace(going={}, restored={})),
    )
    record = SimpleNamespace(turns={HOST: RolloutTurn(target=HOST, wanted=Digest("w"), begun=1.0)})
    sight = Seeing(controller, declared).sights(record)[HOST]
    assert (sight.seen, sight.why) == (TargetSeen.COMING, "File/page has not been looked at yet")
