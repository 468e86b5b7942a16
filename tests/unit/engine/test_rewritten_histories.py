"""A source that knows its history is asked whether a revision comes of the one before: if not, nothing is removed."""

from dataclasses import replace

from reconciler.core.conditions import summarize
from reconciler.engine.intake.intake import Intake
from reconciler.engine.intake.recall import doubt_of, put_in_force
from reconciler.model.cluster import ClusterPlace
from reconciler.model.conditions import Reason
from reconciler.model.origin import Origin
from reconciler.model.source import DELETED
from tests.sim.manifests import SOURCE, load, snapshot
from tests.unit.engine.stage import staged


def declaring(*names):
    return {
        "targets": {"m0": 22},
        "resources": [
            {
                "kind": "File",
                "name": name,
                "spec": {"path": f"/srv/{name}", "content": name},
                "common": {"deletion": "delete"},
                "on": ["m0"],
            }
            for name in names
        ],
    }


class History:
    """Which revisions do not come of which, and what was asked."""

    def __init__(self, *rewritten):
        self.rewritten = rewritten
        self.asked = []

    async def doubt(self, earlier, later):
        self.asked.append((earlier, later))
        return f"{later} does not come of {earlier}" if (earlier, later) in self.rewritten else ""

    def intake(self, stage):
        return Intake(
            SOURCE,
            load=load,
            submissions=stage.controller.submissions,
            store=stage.store,
            runtime=stage.runtime,
            follows=self.doubt,
        )


def reasons(stage):
    return {
        address.rpartition("/")[2]: summarize(state.conditions).reason
        for address, state in stage.controller.states().items()
    }


@staged
async def test_what_a_revision_leaves_out_goes_only_where_history_went_on(stage):
    history = History(("r2", "r3"))
    source = history.intake(stage)
    await source.take(snapshot(declaring("a", "b", "c"), number=1))
    await stage.settled()
    await source.take(snapshot(declaring("a", "b"), number=2))
    await stage.until(lambda: stage.content("c") is None)
    await source.take(snapshot(declaring("a"), number=3))
    await stage.until(lambda: reasons(stage).get("b") is Reason.PRUNE_HELD)
    assert stage.content("b") == b"b"
    assert history.asked == [("r1", "r2"), ("r2", "r3")]


@staged
async def test_it_is_asked_again_after_a_restart_and_about_the_same(stage):
    history = History(("r1", "r2"))
    await history.intake(stage).take(snapshot(declaring("a", "b"), number=1))
    await stage.settled()
    # The controller ends right after it was put on record which revision is in force.
    await stage.store.save_snapshot(snapshot(declaring("a"), number=2))
    await stage.again()
    history.asked.clear()
    source = history.intake(stage)
    await source.resume()
    assert stage.controller.in_force.revision == "r2"
    assert history.asked == [("r1", "r2")]
    await stage.until(lambda: reasons(stage).get("b") is Reason.PRUNE_HELD)
    assert stage.content("b") == b"b"
    # What comes of that does not ask for what waits already.
    await source.take(snapshot(declaring("a", "d"), number=3))
    await stage.until(lambda: stage.content("d") == b"d")
    assert reasons(stage)["b"] is Reason.PRUNE_HELD


@staged
async def test_without_a_snapshot_there_is_nothing_to_resume(stage):
    await History().intake(stage).resume()
    assert not stage.controller.in_force


@staged
async def test_what_is_left_may_be_what_there_was_once_where_each_object_is_deleted_by_its_name(stage):
    """In a cluster what was created last could not be deleted without an approval; and what somebody had let go of,
    while nobody was there to see it, was removed."""
    first, second = (snapshot(declaring(*names), number=n) for n, names in enumerate(("a", "ab"), 1))
    for one in (first, second):
        await stage.store.save_snapshot(one)
    assert "came back" in (await doubt_of(stage.store, first)).about("any.json")
    left = {"web/File.linux.froyo.dev/b.json": DELETED}
    now = replace(first, source=ClusterPlace("web").name, left_out=left)
    doubt = await doubt_of(stage.store, now)
    assert [doubt.about(file) for file in (*now.files, *left)] == [""] * (len(now.files) + 1)
    assert "not seen being deleted" in doubt.about("web/File.linux.froyo.dev/c.json")
    # What was not read in full may be what selects, too.
    wrong = await doubt_of(stage.store, replace(now, left_out={**left, "web/x.json": "it is wrong"}))
    assert "web/x.json is no part of the source (it is wrong)" in wrong.about(next(iter(now.files)))


@staged
async def test_what_another_source_declares_by_now_is_known_as_that_one_declares_it(stage):
    """It was taken for the other one's still, and so as what had gone unseen when its object was deleted."""
    given = declaring("a")
    await History().intake(stage).take(snapshot(given, number=1))
    await stage.settled()
    theirs = replace(snapshot(given, number=2), source=ClusterPlace("web").name)
    desired = load(snapshot(given, number=2))
    ((here, one),) = desired.instances.items()
    moved = replace(one, origin=Origin("web/File.linux.froyo.dev/a.json", 1))
    await put_in_force(stage.store, theirs, replace(desired, source=theirs.source, instances={here: moved}))
    assert (await stage.store.load_inventory())[here].instance.origin == moved.origin
