"""What is about to be replaced for the first time is kept, so that it can be brought back."""

import hashlib

import pytest

from reconciler.engine.settings import EngineSettings
from reconciler.errors import StoreError
from reconciler.model.names import Digest
from reconciler.plugins.calls import Phase
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
    (updated,) = await stage.events("Updated")
    assert updated.type == "Warning"
    assert updated.message.endswith("; what was there before is not kept: it had 16 bytes, and up to 4 are")
    # What is ours was declared, and can be declared again.
    await stage.declare(file("motd", "hello again\n"))
    await stage.settled()
    _, again = await stage.events("Updated")
    assert (again.type, "not kept" in again.message) == ("Normal", False)


@pytest.mark.parametrize("said", [{}, {"text": "precious\n"}], ids=["a digest", "a text, too"])
def test_a_content_that_has_not_the_digest_that_it_was_named_with_is_not_kept_and_nothing_is_replaced(
    said, tmp_path
):
    # A rollback would have put something else in the place of what was there.
    other = Digest("sha256:" + hashlib.sha256(b"precious\n").hexdigest())
    named = DIGEST if said else other

    def lying(phase, _request):
        if phase is not Phase.PLAN:
            return None
        before = {"digest": named, "size": len(MINE), **said}
        return {
            "operations": [
                {
                    "address": address("motd"),
                    "action": "update",
                    "diffs": [{"field": "content", "before": before, "after": {"digest": other, "size": 9}}],
                    "payload": {},
                    "calls": [{"call": "file.remove", "args": {"path": "/srv/motd"}}],
                    "blobs": [],
                    "preimage": {"path": "/srv/motd", "digest": named, "size": len(MINE)},
                }
            ]
        }

    @staged
    async def played(stage):
        stage.spoil("motd", MINE)
        stage.host.instead = lying
        await stage.declare(file("motd", "hello\n"))
        await stage.until(lambda: stage.sent("file.read") > 0)
        if said:  # the text is not what it is said to be, the file is
            await stage.until(lambda: stage.sent("file.remove") > 0)
            assert await stage.store.blobs.read(DIGEST) == MINE
        else:
            await stage.until(lambda: "is not what the plan saw" in stage.summary("motd").message)
            assert stage.content("motd") == MINE
            assert stage.sent("file.remove") == 0
            assert await stage.store.blobs.missing([DIGEST, other]) == {DIGEST, other}

    played(tmp_path)


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
