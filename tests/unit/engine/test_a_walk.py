"""What depends on something that changes in a round is right in the same round."""

from reconciler.plugins.calls import Phase
from tests.sim.files import Node
from tests.sim.manifests import instance
from tests.unit.engine.stage import VIM, Declared, address, file, staged

BELOW = file("d/below", "below\n")


def directory(name, **spec):
    return Declared(instance("m0", "Directory", name, {"path": f"/srv/{name}"} | spec), None)


def in_the_way(stage, *names):
    for name in names:
        stage.machines["m0"].files.put(f"/srv/{name}", Node(content=b"a file\n"), VIM)


@staged
async def test_a_file_below_what_becomes_a_directory_is_right_in_the_same_round(stage):
    in_the_way(stage, "d")
    await stage.declare(BELOW, directory("d", force=True))
    await stage.settled()
    assert stage.content("d/below") == b"below\n"
    (run,) = await stage.store.runs()
    assert run.outcome == "Applied"
    assert {unit.outcome for unit in await stage.store.run_units(run.id)} == {"Applied"}


@staged
async def test_what_a_change_brings_along_is_read_and_planned_anew_and_nothing_else_is(stage):
    asked = []

    def instead(phase, request):
        named = [one["address"] for one in request.get("resources", request.get("operations", ()))]
        asked.append((phase, [one.rpartition("/")[2] for one in named]))
        if phase is Phase.APPLY and named == [address("first")]:
            stage.spoil("second", b"brought along\n", by=None)

    await stage.declare(
        file("second", "2\n", require=("File/first",)),
        file("third", "3\n", require=("File/first",)),
        file("first", "1\n"),
    )
    await stage.settled()
    stage.host.instead = instead
    for name in ("first", "second", "third"):
        stage.spoil(name, by=None)
    await stage.controller.request()
    await stage.until(lambda: stage.content("second") == b"2\n")
    begun = asked.index((Phase.APPLY, ["first"]))
    assert asked[begun:][:6] == [
        (Phase.APPLY, ["first"]),
        (Phase.READ, ["first"]),
        (Phase.PLAN, ["first"]),
        (Phase.READ, ["second"]),
        (Phase.PLAN, ["second"]),
        (Phase.APPLY, ["second", "third"]),
    ]
    assert stage.content("second") == b"2\n"
    assert await stage.events("Conflict") == []


@staged
async def test_what_comes_after_something_that_was_never_right_is_looked_at_once_when_it_is_its_turn(stage):
    asked = []

    def instead(phase, request):
        named = [one["address"] for one in request.get("resources", request.get("operations", ()))]
        asked.append((phase, [one.rpartition("/")[2] for one in named]))

    stage.host.instead = instead
    await stage.declare(
        file("third", "3\n", require=("File/second",)),
        file("second", "2\n", require=("File/first",)),
        file("first", "1\n"),
    )
    await stage.settled()
    once = (Phase.READ, Phase.PLAN, Phase.APPLY, Phase.READ, Phase.PLAN)
    assert asked[:15] == [(phase, [name]) for name in ("first", "second", "third") for phase in once]
    (run,) = await stage.store.runs()
    assert (run.cause, run.outcome) == ("spec", "Applied")


@staged
async def test_what_differs_below_what_cannot_become_a_directory_waits_and_what_is_right_is_called_so(stage):
    in_the_way(stage, "d")
    await stage.declare(directory("d"), file("e", "e\n"), file("f", "f\n", require=("Directory/d",)))
    await stage.until(lambda: stage.reason("f") == "DependencyNotReady")
    stage.spoil("f", b"f\n")
    await stage.until(lambda: stage.reason("f") == "InSync")
    assert stage.reason("e") == "Applied"


@staged
async def test_what_cannot_be_read_after_a_change_before_it_is_said_to_be_so(stage):
    def instead(phase, request):
        named = [one["address"] for one in request.get("resources", ())]
        if phase is Phase.READ and named == [address("second")] and stage.content("first"):
            return {"actual": []}
        return None

    stage.host.instead = instead
    await stage.declare(file("second", "2\n", require=("File/first",)), file("first", "1\n"))
    await stage.until(lambda: stage.reason("second") == "PermanentError")
    assert stage.content("first") == b"1\n"
