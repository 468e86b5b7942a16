"""What another controller has decided is put in force, each source by itself."""

from reconciler.app.sharing.following import Following
from reconciler.core.sharing import SHARDS
from reconciler.model.names import SourceName
from tests.sim.manifests import load, snapshot
from tests.unit.engine.stage import staged
from tests.unit.engine.test_several_sources import intakes, said

A, B = SourceName("/srv/a"), SourceName("/srv/b")


def share(stage, *, leads):
    ours = stage.controller.share
    ours.alone, ours.leads = False, leads
    ours.gain(range(SHARDS))


@staged
async def test_a_defect_in_what_evaluates_one_source_holds_up_no_other(stage):
    """Nobody followed anything any more, and what was another one's to work on by then was worked on by nobody."""
    share(stage, leads=True)
    found = intakes(stage)
    await found[A].take(snapshot(said("a"), number=1, source=A))
    await found[B].take(snapshot(said("b"), number=1, source=B))
    assert {one.source for one in await stage.store.load_decisions()} == {A, B}
    await stage.again()
    share(stage, leads=False)
    broken, taken = {A}, []

    def loads(name):
        def evaluate(snapshot):
            if name in broken:
                raise RuntimeError("a defect")
            return load(snapshot)

        return evaluate

    following = Following(
        stage.store, stage.runtime, stage.controller, load_of=loads, taken=lambda: taken.append(None)
    )
    await following.look()
    in_force = stage.controller.in_force
    assert (in_force.of(A), in_force.of(B).revision, len(taken)) == (None, "r1", 1)
    assert following.unsettled
    broken.clear()
    await following.look()
    assert (in_force.of(A).revision, len(taken)) == ("r1", 2)
    assert not following.unsettled
