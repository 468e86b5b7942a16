"""A round has one id: in the log, in its events, and in the history."""

from tests.unit.engine.stage import file, staged


@staged
async def test_what_a_round_says_and_does_is_found_by_one_id(stage):
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    stage.spoil("motd")
    await stage.settled()
    [repaired] = await stage.events("Repaired")
    runs = {run.id: run.cause for run in await stage.store.runs()}
    assert runs[repaired.data["reconcile"]] == "drift"
    [first] = await stage.events("Created")
    assert first.data["reconcile"] in runs
    assert first.data["reconcile"] != repaired.data["reconcile"]
    [connected] = await stage.events("Connected")
    assert "reconcile" not in connected.data
