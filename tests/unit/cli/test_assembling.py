"""What the commands put together, and what they say when it cannot be had."""

import contextlib
import os
import time
from dataclasses import replace

import pytest

from reconciler.api.server import listen
from reconciler.cli.assembly import assemble
from reconciler.cli.holding import held_by
from reconciler.cli.places import places
from reconciler.errors import ErrorClass, LeaseHeld
from reconciler.store.records import LeaseHolder


async def test_who_finds_the_store_taken_is_told_how_to_ask_the_one_that_has_it(tmp_path):
    environ = {"HOME": str(tmp_path), "FROYO_ARTIFACTS": str(tmp_path / "none")}
    where = places(environ)
    async with assemble(where, environ, lease=True, notice=print):
        with pytest.raises(LeaseHeld) as refused:
            async with assemble(where, environ, lease=True, notice=print):
                pass
    assert f"(pid {os.getpid()}, since " in str(refused.value)
    assert str(refused.value).endswith("; wait until it is done, or name another --state")
    assert refused.value.error_class is ErrorClass.TRANSIENT
    async with assemble(where, environ, lease=True, notice=print):
        pass


def test_the_one_that_has_the_store_is_named_in_local_time_with_how_to_reach_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    where = places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path)})
    us = LeaseHolder("here", 12, "boot", 1769860805.0)
    holder = replace(us, pid=4711, since=1769860800.0)
    assert held_by(holder, us, where).startswith("froyo is at work here already (pid 4711, since 21:00:00)")
    elsewhere = held_by(replace(holder, host="there"), us, where)
    assert elsewhere.startswith(f"froyo on there works with {tmp_path} (pid 4711, since 21:00:00)")
    with contextlib.closing(listen(where.socket)):
        said = held_by(holder, us, where)
    assert "`froyo reconcile`" in said
    assert "`kill 4711`" in said
    assert "UTC" not in said
