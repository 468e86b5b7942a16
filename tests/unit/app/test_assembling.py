"""What the commands put together, and what they say when it cannot be had."""

import contextlib
import errno
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.api import client
from reconciler.api.client import Client
from reconciler.api.listening import listen
from reconciler.app.assembly import assemble
from reconciler.app.catalogues import granted
from reconciler.app.declaring import evaluation
from reconciler.app.holding import held_by
from reconciler.app.opening import reading
from reconciler.app.places import places, source_root
from reconciler.cli.writing import suspend
from reconciler.errors import ConfigError, ErrorClass, LeaseHeld, StoreError, UsageError
from reconciler.plugins.capabilities import Capability
from reconciler.store.failures import explain
from reconciler.store.records import LeaseHolder
from tests.unit.plugins.test_packages import MANIFEST, write


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


def test_a_schema_of_the_operators_that_says_too_much_is_refused_with_its_place(tmp_path):
    environ = {"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path), "FROYO_ARTIFACTS": str(tmp_path / "none")}
    package = write(tmp_path / "packages" / "thing")
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("path", "content", "source")},
    }
    (package / "thing.json").write_text(json.dumps(schema))
    [found], _, _ = evaluation(places(environ), environ)
    assert found.name == "test.thing"

    (package / "thing.json").write_text(json.dumps({**schema, "patternProperties": {}}))
    with pytest.raises(ConfigError) as refused:
        evaluation(places(environ), environ)
    [problem] = refused.value.problems
    assert str(problem).startswith(
        f"{package}/manifest.yaml:9:13: thing.json: (root): patternProperties is not"
    )
    assert "additionalProperties says" in problem.message
    assert "structural schema" in problem.hint


def test_what_comes_with_froyo_gets_what_it_asks_for_and_what_the_operator_adds_gets_nothing(tmp_path):
    where = replace(
        places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path)}), artifacts=tmp_path / "ours"
    )
    own = write(where.packages[0] / "thing")
    write(where.packages[1] / "other", MANIFEST.replace("test.thing", "test.other").replace("Thing", "Other"))
    packages, _, _ = evaluation(where, {})
    asked = next(package.capabilities for package in packages if package.directory == own)
    assert asked
    assert granted(where, packages).packages == {"test.thing": asked}

    where.grants.write_text('{"test.thing": [], "test.other": [{"call": "facts"}]}')
    assert granted(where, packages).packages == {"test.thing": (), "test.other": (Capability("facts"),)}


def test_the_one_that_has_the_store_is_named_in_local_time_with_how_to_reach_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    where = places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path)})
    us = LeaseHolder("here", 12, "boot", 1769860805.0)
    holder = replace(us, pid=4711, since=1769860800.0)
    assert held_by(holder, us, where).startswith("froyo is at work here already (pid 4711, since 21:00:00)")
    elsewhere = held_by(replace(holder, host="there"), us, where)
    assert elsewhere.startswith(f"froyo on there works with {tmp_path} (pid 4711, since 21:00:00)")
    # With another state it would be the same store.
    server = {"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path), "FROYO_STORE": "postgresql://db/froyo"}
    assert held_by(holder, us, places(server)).endswith("or name another --store")
    monkeypatch.setattr(client, "ANSWER", 0.1)
    with contextlib.closing(listen(where.socket)):
        assert "does not answer" in held_by(holder, us, where)  # nobody accepts
        monkeypatch.setattr(Client, "get", lambda *_: {})
        said = held_by(holder, us, where)
    assert "`froyo reconcile`" in said
    assert "`kill 4711`" in said
    assert "UTC" not in said


@pytest.mark.parametrize("state", ["also", "site/state", "site/web/deep"])
def test_the_state_is_not_kept_among_the_manifests(tmp_path, state):
    """What is in it would be manifests, and each of its changes a revision."""
    (tmp_path / "site").mkdir()
    (tmp_path / "also").symlink_to("site")
    environ = {"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / state)}
    with pytest.raises(
        UsageError, match=r"that is where the manifests are, .*; name another --state directory"
    ):
        places(environ, sources=[tmp_path / "site"])
    for fine in ("site/.froyo", "site/.local/state/froyo", "site2", ""):
        assert (
            places(environ, state=str(tmp_path / fine), sources=[tmp_path / "site"]).state == tmp_path / fine
        )


def test_a_source_is_called_by_the_name_that_the_shell_came_by(tmp_path, monkeypatch):
    (tmp_path / "r1" / "sub").mkdir(parents=True)
    (tmp_path / "cur").symlink_to("r1")
    (tmp_path / "way").symlink_to(".")
    monkeypatch.chdir(tmp_path / "cur")
    came = {"PWD": str(tmp_path / "way" / "cur")}
    assert source_root(".", came) == source_root("./", came) == tmp_path / "cur"
    assert source_root(str(tmp_path / "cur") + "/", came) == tmp_path / "cur"
    assert source_root("sub", came) == source_root("./sub", came) == tmp_path / "r1" / "sub"
    for lies in ({}, {"PWD": "cur"}, {"PWD": str(tmp_path)}, {"PWD": "/nowhere"}):
        assert source_root(".", lies) == tmp_path / "r1"
    assert source_root("..", came) == tmp_path
    assert source_root("/", came) == Path("/")


async def test_who_changes_nothing_reads_a_store_that_cannot_be_written(tmp_path, monkeypatch):
    """`plan` failed on a full disk, on which `status` worked."""
    environ = {"HOME": str(tmp_path), "FROYO_ARTIFACTS": str(tmp_path / "none")}
    where, told = places(environ), []

    def full(*_):
        raise explain(OSError(errno.ENOSPC, "No space left on device"), where.database)

    with monkeypatch.context() as patch:
        patch.setattr("reconciler.store.store.open_writer", full)
        with pytest.raises(StoreError, match="the disk is full"):  # and there is none that could be read
            async with assemble(where, environ, lease=False, notice=told.append):
                pass
    async with assemble(where, environ, lease=True, notice=told.append):
        pass
    monkeypatch.setattr("reconciler.store.store.open_writer", full)
    with pytest.raises(StoreError, match="the disk is full"):
        async with assemble(where, environ, lease=True, notice=told.append):
            pass
    assert told == []
    async with assemble(where, environ, lease=False, notice=told.append) as parts:
        assert await parts.store.load_states() == {}
    [line] = told
    assert "the disk is full" in line
    assert line.endswith(". It is only read")


@pytest.mark.parametrize("wrong", ["state", "database"])
async def test_nothing_is_put_on_record_where_others_can_write(wrong, tmp_path):
    """`apply` refused such a place, and `suspend` took it."""
    environ = {"HOME": str(tmp_path), "FROYO_ARTIFACTS": str(tmp_path / "none")}
    where = places(environ)
    async with assemble(where, environ, lease=True, notice=print):
        pass
    getattr(where, wrong).chmod(0o777)
    with pytest.raises(UsageError, match="chmod go-w"):
        await suspend(where, ["*"], by="ada", reason="why", until=None)
    async with reading(where) as (store, _):
        assert await store.load_suspensions() == []
