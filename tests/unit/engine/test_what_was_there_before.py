"""What is about to be replaced for the first time is kept, so that it can be brought back."""

import hashlib

import pytest

from reconciler.engine.settings import EngineSettings
from reconciler.errors import StoreError
from reconciler.model.names import Digest
from tests.unit.engine.stage import address, file, staged

MINE = b"written by hand\n"
DIGEST = Digest("sha256:" + hashlib.sha256(MINE).hexdigest())


@staged
async def test_what_was_there_before_us_is_kept_and_on_record(stage):
    stage.spoil("motd", MINE)
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    assert await stage.store.blobs.read(DIGEST) == MINE
    assert (await stage.store.load_inventory())[address("motd")].preimage == DIGEST


@staged(settings=EngineSettings(preimage_limit=4))
async def test_what_is_larger_than_the_limit_is_not_kept(stage):
    stage.spoil("motd", MINE)
    await stage.declare(file("motd", "hello\n"))
    await stage.settled()
    with pytest.raises(StoreError):
        await stage.store.blobs.read(DIGEST)


@staged
async def test_a_plan_of_the_running_controller_changes_nothing(stage):
    stage.spoil("motd", MINE)
    await stage.declare(file("motd", "hello\n", policy="observe"))
    await stage.until(lambda: stage.reason("motd") == "Differs")
    (planned,) = await stage.controller.plan()
    assert [unit.address for unit in planned.units] == [address("motd")]
    assert stage.content("motd") == MINE
    stage.machines["m0"].powered = False
    stage.machines["m0"].lose_sessions()
    await stage.until(lambda: not stage.machines["m0"].runners)
    (planned,) = await stage.controller.plan()
    assert planned.errors
