"""What namespaces of a cluster share with each other, and how all of them are heard together."""

import asyncio

from reconciler.model.names import SourceName
from watchers.kubernetes import everywhere
from watchers.kubernetes.cache import ObjectCache
from watchers.kubernetes.everywhere import Everywhere
from watchers.kubernetes.neighbours import Neighbours
from watchers.kubernetes.objects import Definition

TARGETS = Definition("froyo.dev", "v1alpha1", "targets", "Target")


def target(name, namespace, *shared):
    metadata = {"name": name, "namespace": namespace, "uid": name, "resourceVersion": "1"}
    return TARGETS, {
        "metadata": metadata,
        "spec": {"local": {}, **({"sharedWith": [*shared]} if shared else {})},
    }


def cache(*objects):
    made = ObjectCache()
    made.begin()
    made.take(objects)
    return made


def test_a_target_is_known_to_those_that_it_is_shared_with_and_to_nobody_else():
    woken, neighbours = [], Neighbours()
    infra = cache(target("gate", "infra", "web"), target("own", "infra"))
    for name, one in (("infra", infra), ("web", cache()), ("db", cache())):
        neighbours.join(name, one, lambda name=name: woken.append(name))
    assert list(neighbours.shared_with("web")) == ["infra/Target.froyo.dev/gate.json"]
    assert not neighbours.shared_with("db")
    assert not neighbours.shared_with("infra")
    mine = cache(target("w", "web")).snapshot(SourceName("x"), neighbours.shared_with("web"))
    assert list(mine.files) == ["infra/Target.froyo.dev/gate.json", "web/Target.froyo.dev/w.json"]
    neighbours.changed("infra")
    assert woken == ["web", "db"]
    neighbours.leave("infra")
    assert not neighbours.shared_with("web")


class Events:
    def __init__(self, namespace, definitions, heard, ended):
        assert namespace is None
        self.heard, self.ended, self.begun, self.why_not = heard, ended, 0, ""
        made.append(self)

    def begin(self):
        self.begun += 1

    def end(self):
        self.begun = -1

    async def closed(self):
        pass


made = []


async def test_a_namespace_appears_with_its_first_object_and_is_told_of_what_is_in_it(monkeypatch):
    monkeypatch.setattr(everywhere, "ClusterEvents", Events)
    every = Everywhere([TARGETS])
    events = made.pop()
    appearing = every.appearing()
    coming = asyncio.ensure_future(anext(appearing))
    for _ in range(2):
        events.heard(*_event("web"))
    assert await coming == "web"
    heard, ended = [], []
    ear = every.listen("web")(lambda *what: heard.append(what), lambda: ended.append(1))
    ear.begin()
    events.heard(*_event("web"))
    events.heard(*_event("db"))
    assert await anext(appearing) == "db"
    assert [type_ for _, type_, _ in heard] == ["ADDED"]
    events.why_not = "so"
    assert ear.why_not == "so"
    begun = events.begun
    events.ended()
    assert ended == [1]
    assert events.begun == begun + 1
    ear.end()
    events.heard(*_event("web"))
    assert len(heard) == 1
    await appearing.aclose()
    ear.begin()
    events.ended()
    assert events.begun == -1


def _event(namespace):
    definition, found = target("t", namespace)
    return definition, "ADDED", found
