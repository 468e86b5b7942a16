"""Properties that a provider in Python can hardly break, since its instances remember nothing."""

import itertools
from pathlib import Path

import pytest

from reconciler.conformance.cases import Case
from reconciler.conformance.exam import Sitting, examine
from reconciler.conformance.failures import try_failures
from reconciler.conformance.stand import Injection, Stand
from reconciler.conformance.trials import Trial
from reconciler.conformance.verdicts import PROPERTIES, PropertyVerdict
from reconciler.conformance.worlds import MemoryWorld
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.calls import Call
from reconciler.plugins.calls import Phase
from reconciler.plugins.manifest import Limits
from reconciler.plugins.packages import Package
from tests.unit.config.world import FILE

PACKAGE = Package(
    name="test", version="1", directory=Path("/p"), entry=Path("/p/plugin.wasm"), digest="sha256:0",
    kinds=(), capabilities=(), limits=Limits(),
)  # fmt: skip


class Answers:
    """A host of a package that answers what a test says."""

    memo = None

    def __init__(self, answer):
        self.answer = answer

    async def run(self, _package, phase, request, perform):
        return await self.answer(phase, request, perform)


def case(name="one", **more):
    return Case(name=name, kind=FILE, spec={}, world={}, place="cases/a.yaml:1", **more)


def trial(name="one", **more):
    resource = {"address": f"host/File/{name}", "kind": "File", "name": name, "spec": {}, "owned": False}
    return Trial(case(name, **more), resource, (f"path:/srv/{name}",), (), (), ())


def stand(answer):
    return Stand(Answers(answer), PACKAGE, MemoryWorld(), [])


def in_sync(phase, request, **more):
    items = [{"address": one["address"]} for one in request.get("resources", ())]
    if phase is Phase.READ:
        return {"actual": [{**one, "exists": True, "state": {}, **more} for one in items]}
    return {"operations": [{**one, "action": "none", "diffs": [], **more} for one in items]}


async def found(answer, *trials):
    verdicts = await examine(PACKAGE, [Sitting(stand(answer), trials)])
    return {one.name: [f"{v.case}: {v.message}" for v in one.findings] for one in verdicts if one.findings}


async def test_what_remembers_is_found():
    counted = itertools.count()

    async def answer(phase, request, _perform):
        more = {"payload": {"n": next(counted)}} if phase is Phase.PLAN else {"state": {"n": next(counted)}}
        return in_sync(phase, request, **more)

    wrong = await found(answer, trial())
    assert wrong["pure"][0].startswith("one: in another instance something else is planned")
    assert wrong["equal"][0].startswith('one: the state is {"address": "host/File/one"')


async def test_who_cannot_bear_what_it_does_not_know_is_found():
    async def answer(phase, request, _perform):
        return in_sync(phase, request, **({"payload": {"x": 1}} if "x-unknown" in request else {}))

    wrong = await found(answer, trial())
    [message] = wrong["pure"]
    assert message.startswith(
        "one: with a field in the request that it does not know something else is planned"
    )


async def test_one_that_plans_otherwise_right_after_reading_is_found():
    async def answer(phase, request, _perform):
        if not request.get("plan"):
            return in_sync(phase, request)
        return in_sync(phase, request) | in_sync(Phase.PLAN, request, payload={"hasty": True})

    [message] = (await found(answer, trial()))["pure"]
    assert message.startswith("one: right after reading something else is planned")


async def test_one_that_fails_as_a_whole_fails_each_case():
    async def answer(_phase, _request, _perform):
        raise ProviderError("provider test, read: it broke")

    wrong = await found(answer, trial(), trial("two"))
    assert wrong["cases"] == ["one: provider test, read: it broke", "two: provider test, read: it broke"]
    assert wrong["convergence"][0] == "one: in a mixture of all worlds: provider test, read: it broke"


@pytest.mark.parametrize(
    ("fault", "finding"),
    [
        ({"class": "permanent", "message": "no"}, "its fault is permanent: no"),
        (
            {"class": "throttled", "message": "no"},
            "it does not say when it may be tried again (retry_after_ms)",
        ),
    ],
)
async def test_a_fault_of_another_class_is_found(fault, finding):
    async def answer(phase, request, perform):
        if phase is Phase.READ:
            [reply] = await perform([Call("file.stat", {"path": "/srv/one"})])
            if "error" in reply.wire():
                return {
                    "actual": [{"address": one["address"], "fault": fault} for one in request["resources"]]
                }
        return in_sync(phase, request)

    verdicts = {name: PropertyVerdict(name) for name in PROPERTIES}
    await try_failures(stand(answer), trial(), [], verdicts)
    assert any(finding in one.message for one in verdicts["faults"].findings)


def test_an_injection_takes_a_call_by_its_arguments():
    one = Injection("file.stat", {"path": "/a"}, ErrorClass.THROTTLED)
    assert one.takes(Call("file.stat", {"path": "/a"}))
    assert not one.takes(Call("file.stat", {"path": "/b"}))
    assert Injection("file.stat", None, ErrorClass.CONFLICT).takes(Call("file.stat", {"path": "/b"}))
    assert one.failure().retry_after_ms
