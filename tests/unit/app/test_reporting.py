"""What an object's status says, and when it is written."""

import asyncio

from reconciler.app.reporting import report, status
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.names import SourceName
from reconciler.model.state import ResourceState
from reconciler.store.feed import Feed
from reconciler.store.records import Receipt
from tests.unit.config.world import TARGET, loaded


def view(target, ready="True", **more):
    return {
        "target": target,
        "ready": ready,
        "reason": "InSync" if ready == "True" else "Refused",
        "message": "as declared" if ready == "True" else "no",
        "since": "2026-01-01T00:00:00Z",
        "conditions": [],
        **more,
    }


def test_of_one_target_all_conditions_are_said_at_the_generation_of_the_object():
    stalled = {"type": "Stalled", "status": "True", "reason": "Refused", "observedGeneration": 1}
    said = status([view("web-1", "False", conditions=[{"type": "Ready"}, stalled])], 7, "abc")
    ready, other = said["conditions"]
    assert (ready["type"], ready["status"], ready["reason"], ready["message"]) == (
        "Ready",
        "False",
        "Refused",
        "no",
    )
    assert other == {**stalled, "observedGeneration": 7}
    assert ready["observedGeneration"] == said["observedGeneration"] == 7
    assert (said["target"], said["revision"]) == ("web-1", "abc")


def test_of_several_the_worst_is_said_and_they_are_counted():
    said = status([view("a"), view("b", "Unknown"), view("c", "False")], 1, "")
    assert said["conditions"][0]["status"] == "False"
    assert said["conditions"][0]["message"] == "c: no"
    assert said["target"] == "3 targets"
    counts = said["targets"]
    assert (counts["total"], counts["ready"], counts["failed"]) == (3, 1, 1)
    assert [one["target"] for one in counts["worst"]] == ["b", "c"]
    assert status([view("a"), view("b", since=None)], 1, "")["conditions"][0]["message"] == "as declared"


FILE = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd}
spec: {target: web-1, path: /etc/motd, content: x}
"""


class Backend:
    """A store's feed, and one instance."""

    def __init__(self):
        self.feed = Feed()
        self.declared = loaded({"t.yaml": TARGET, "motd.yaml": FILE}).instances
        self.ready = False

    def subscribe(self):
        return self.feed.subscribe()

    async def instances(self):
        return self.declared

    async def states(self):
        return {a: self.state(one) for a, one in self.declared.items()}

    def state(self, instance):
        ready = Condition(ConditionType.READY, self.ready, Reason.IN_SYNC, "so", 0.0, 1)
        unseen = ResourceState.unseen(instance, SourceName("x"))
        return ResourceState(address=unseen.address, digest=unseen.digest, conditions=(ready,))

    async def targets(self):
        return {}

    async def suspensions(self):
        return ()


async def test_a_status_is_written_when_it_says_something_else_and_again_if_it_could_not_be():
    backend, written, failures = Backend(), asyncio.Queue(), ["no", "no"]

    async def generations():
        return {"motd.yaml": 3}

    async def write(statuses):
        await written.put(statuses)
        return {path: failures.pop() for path in statuses} if failures else {}

    def news():
        backend.feed.committed(Receipt(events=(), objects=frozenset({"web-1/File/motd"})))

    running = asyncio.create_task(report(backend, generations=generations, revision=lambda: "r", write=write))

    async def next_written():
        (said,) = (await written.get()).values()
        return said["conditions"][0]["status"]

    for _ in range(3):  # twice it cannot be written
        assert await next_written() == "False"
        news()
    backend.ready = True
    news()
    assert await next_written() == "True"
    assert written.empty()
    running.cancel()
