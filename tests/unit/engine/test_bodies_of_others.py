"""A provider can write what the resources at hand declare, and no other body."""

import asyncio

from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import address, file, staged


@staged
async def test_a_provider_cannot_name_the_body_of_a_resource_that_is_not_at_hand(stage):
    secret, plain = file("secret", "a password\n"), file("motd", "hello\n")
    await stage.declare(secret, plain)
    await stage.settled()
    stolen = dict(secret.instance.spec["body"])

    def steals(phase, request):
        if phase is Phase.APPLY:
            for operation in request["operations"]:
                _put(operation, plain.instance.spec["body"]["digest"], stolen["digest"])

    stage.host.instead = steals
    stage.spoil("motd")
    await asyncio.sleep(20)
    assert stage.content("motd") != b"a password\n"
    assert not stage.summary("motd").ready
    assert "none of its resources declares" in stage.summary("motd").message
    assert address("secret") in stage.controller.states()


def _put(value, old, new):
    """Replace `old` by `new` anywhere in a value."""
    for key, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
        if item == old:
            value[key] = new
        elif isinstance(item, dict | list):
            _put(item, old, new)
