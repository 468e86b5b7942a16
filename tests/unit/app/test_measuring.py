"""What is read when somebody asks what there is: bounded, and without holding anybody up."""

from types import SimpleNamespace

import pytest

from reconciler.api.health import HealthCheck
from reconciler.app import measuring
from reconciler.core.sharing import shard_of
from reconciler.engine.loop.workers import Workload
from reconciler.engine.share import Share
from reconciler.model import metrics
from reconciler.model.alert import AlertName, AlertState, KnownAlert
from reconciler.model.conditions import Reason
from tests.unit.api.known import condition, instance, source_state, state, target_state

ADDRESSES = ("web-1/File/motd", "web-1/Exec/once", "web-2/File/motd", "web-3/File/motd")
ALERTS = [
    KnownAlert(state=AlertState(name=AlertName("ops"), sent=5, dropped=1, failures=2), firing=3, waiting=4),
    KnownAlert(state=AlertState(name=AlertName("pager"), sent=1), firing=0, waiting=0),
]
WRONG = condition(status=False, reason=Reason.PERMANENT_ERROR, message="no")


def daemon():
    states = {
        "web-1/File/motd": state("web-1/File/motd"),
        "web-1/Exec/once": state("web-1/Exec/once", WRONG),
        "web-2/File/motd": state("web-2/File/motd"),
        "gone/File/motd": state("gone/File/motd"),
    }
    source = SimpleNamespace(revision="r7")
    return SimpleNamespace(
        parts=SimpleNamespace(runtime=SimpleNamespace(now=lambda: 1600.0)),
        alerts=SimpleNamespace(known=lambda: ALERTS),
        supervisor=SimpleNamespace(tasks=("loop", "writer"), health=lambda: {"writer": "hangs"}),
        sources=SimpleNamespace(
            intakes={"/etc/froyo": SimpleNamespace(shown=source_state("/etc/froyo", "broken"))}
        ),
        sharing=None,
        controller=SimpleNamespace(
            share=Share(),
            load=Workload(depth=3, delayed=9, under_way=(1.0, 4.0), most=64),
            states=lambda: states,
            targets={"web-1": target_state("web-1"), "web-2": target_state("web-2", ready=False)},
            looked_at={"web-1": 1000.0, "web-2": 1500.0},
            suspensions=SimpleNamespace(all=lambda: [1, 2]),
            in_force=SimpleNamespace(
                instances={one: instance(one) for one in ADDRESSES},
                targets={"web-1": 1, "web-2": 1, "web-3": 1},
                sources={"/etc/froyo": source, "": source},
            ),
        ),
    )


async def read():
    backend = SimpleNamespace(
        checks=lambda: [HealthCheck("writer", "hangs"), HealthCheck("disk", "full", alive=True)]
    )
    found = await measuring.gauges(backend.checks(), daemon())
    assert {one.metric for one in found} == set(metrics.READ)
    return {one.metric: {sample.labels: sample.value for sample in one.samples} for one in found}


async def test_everything_is_counted_by_what_it_is_and_how():
    found = await read()
    assert found[metrics.RESOURCES] == {
        ("File", "True", "InSync"): 2,
        ("Exec", "False", "PermanentError"): 1,
        ("File", "Unknown", "Pending"): 1,  # not looked at yet
    }
    assert found[metrics.TARGET_RESOURCES]["web-1", "False"] == 1
    assert found[metrics.SESSION] == {("web-1",): 1.0, ("web-2",): 0.0, ("web-3",): 0.0}
    assert found[metrics.OBSERVATION_AGE] == {("web-1",): 600.0, ("web-2",): 100.0}
    assert found[metrics.UNFINISHED_WORK] == {("target",): 5.0}
    assert found[metrics.LONGEST_WORK] == {("target",): 4.0}
    assert found[metrics.SOURCE_INFO] == {("/etc/froyo", "r7"): 1.0}
    assert found[metrics.SOURCE_READY] == {("/etc/froyo",): 0.0}
    assert found[metrics.TASK_UP] == {("loop",): 1.0, ("writer",): 0.0}
    assert found[metrics.CHECK] == {("livez",): 0.0, ("readyz",): 0.0}
    assert found[metrics.SUSPENSIONS] == {(): 2}
    assert found[metrics.ALERTS_SENT] == {("ops",): 5, ("pager",): 1}
    assert found[metrics.ALERTS_FAILING] == {("ops",): 2, ("pager",): 0}
    assert found[metrics.ALERTS_FIRING]["ops",] == 3
    assert (found[metrics.ALERTS_WAITING]["ops",], found[metrics.ALERTS_DROPPED]["ops",]) == (4, 1)


async def test_too_many_targets_are_summed_up_by_the_worst_of_them(monkeypatch):
    monkeypatch.setattr(measuring, "TARGETS", 1)
    found = await read()
    assert found[metrics.SESSION] == {("web-1",): 1.0, ("others",): 0.0}
    assert found[metrics.OBSERVATION_AGE] == {("web-1",): 600.0, ("others",): 100.0}
    assert found[metrics.TARGET_RESOURCES]["others", "Unknown"] == 1


@pytest.mark.parametrize("at_once", [1, 2])
async def test_others_have_their_turn_in_between(monkeypatch, at_once):
    monkeypatch.setattr(measuring, "AT_ONCE", at_once)
    found = await read()
    assert sum(found[metrics.RESOURCES].values()) == len(ADDRESSES)


async def test_of_several_controllers_each_measures_what_it_works_on():
    one = daemon()
    one.controller.share = Share(alone=False)
    one.controller.share.gain([shard_of("web-1")])
    one.sharing = SimpleNamespace(members=3)
    found = {f.metric: {s.labels: s.value for s in f.samples} for f in await measuring.gauges([], one)}
    assert {target for target, _ in found[metrics.TARGET_RESOURCES]} == {"web-1"}
    assert found[metrics.SESSION].keys() == {("web-1",)}
    assert [found[one] for one in (metrics.SHARDS, metrics.MEMBERS, metrics.LEADS)] == [
        {(): 1.0},
        {(): 3.0},
        {(): 0.0},
    ]
