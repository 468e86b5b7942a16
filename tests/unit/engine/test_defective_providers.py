"""A provider that answers without sense concerns its own instances, and is called what it is."""

import asyncio

import pytest

from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import file, staged

EMPTY = {
    Phase.READ: {"resources": [], "actual": []},
    Phase.PLAN: {"operations": []},
    Phase.APPLY: {"results": []},
}


@pytest.mark.parametrize("broken", EMPTY)
def test_what_is_left_out_of_an_answer_fails_and_is_the_providers_defect(broken, tmp_path):
    @staged
    async def played(stage):
        stage.host.instead = lambda phase, _request: EMPTY[phase] if phase is broken else None
        await stage.declare(file("motd", "hello\n"))
        await asyncio.sleep(30)
        assert not stage.summary("motd").ready
        assert "owes a list" in stage.summary("motd").message

    played(tmp_path)


@staged
async def test_a_change_without_a_field_that_differs_is_refused(stage):
    def aimless(phase, request):
        if phase is Phase.PLAN:
            wanted = [one["address"] for one in request["resources"]]
            return {"operations": [{"address": one, "action": "update", "diffs": []} for one in wanted]}
        return None

    stage.host.instead = aimless
    await stage.declare(file("motd", "hello\n"))
    await asyncio.sleep(30)
    assert "without a difference" in stage.summary("motd").message
    assert stage.sent("file.write") == 0
