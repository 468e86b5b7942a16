"""What the commands put together, and what they say when it cannot be had."""

import os

import pytest

from reconciler.cli.assembly import assemble
from reconciler.cli.places import places
from reconciler.errors import ErrorClass, LeaseHeld


async def test_who_finds_the_store_taken_is_told_how_to_ask_the_one_that_has_it(tmp_path):
    environ = {"HOME": str(tmp_path), "FROYO_ARTIFACTS": str(tmp_path / "none")}
    where = places(environ)
    async with assemble(where, environ, lease=True, notice=print):
        with pytest.raises(LeaseHeld) as refused:
            async with assemble(where, environ, lease=True, notice=print):
                pass
    assert f"(pid {os.getpid()}, since " in str(refused.value)
    assert str(refused.value).endswith("; or ask the one that runs: `froyo reconcile`, `froyo status`")
    assert refused.value.error_class is ErrorClass.TRANSIENT
    async with assemble(where, environ, lease=True, notice=print):
        pass
