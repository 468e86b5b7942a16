"""What `froyo doctor` finds, and what it says to do."""

import asyncio
import builtins
import contextlib
import io
import os
import resource
import socket
import sqlite3
from dataclasses import replace

import pytest

from reconciler.age.identities import generated
from reconciler.app.places import places
from reconciler.cli import checks
from reconciler.cli.asking import Asking
from reconciler.cli.checks import FAIL, OK, WARN
from reconciler.config.compiler.client import Compiler
from reconciler.errors import StoreError, UsageError


@pytest.fixture
def asking(tmp_path):
    environ = {"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / "s"), "FROYO_CACHE": str(tmp_path / "c")}
    return Asking(places({**environ, "FROYO_ARTIFACTS": str(tmp_path / "none")}))


def raising(error):
    def raises(*_):
        raise error

    return raises


def levels(found):
    return [check.level for check in found]


def test_missing_artefacts_fail_with_how_to_make_them(asking):
    found = list(checks._artifacts(asking))
    assert levels(found) == [FAIL, FAIL, FAIL]
    assert "hatch_build.py" in found[0].message
    assert "hatch_build.py" in found[2].todo


@pytest.mark.parametrize(
    ("program", "level"),
    [(None, WARN), ("#!/bin/sh\nexit 3\n", FAIL), ('#!/bin/sh\nread l; echo \'{"id":1,"answer":{}}\'\n', OK)],
    ids=["missing", "broken", "well"],
)
def test_a_compiler_that_is_missing_is_a_warning_and_one_that_does_not_answer_a_failure(
    asking, monkeypatch, tmp_path, program, level
):
    there = Compiler(tmp_path)
    if program:
        there.binary.write_text(program)
        there.binary.chmod(0o755)
    monkeypatch.setattr("reconciler.config.compiler.Compiler", lambda: there)
    assert levels(checks._compiler(asking)) == [level]


def test_artefacts_of_another_version_than_the_sources_fail_with_what_to_do(asking, monkeypatch):
    assert list(checks._built(asking)) == []
    monkeypatch.setattr("reconciler.built.stale", lambda _: ["providers", "runner-linux-amd64"])
    [found] = checks._built(asking)
    assert (found.level, found.todo) == (FAIL, "build them anew: make build")
    assert found.message == "built from other sources than lie here: providers, runner-linux-amd64"


def test_a_machine_without_a_runner_is_only_a_warning(asking, monkeypatch):
    monkeypatch.setattr(os, "uname", lambda: type("U", (), {"machine": "riscv64"}))
    assert WARN in levels(checks._artifacts(asking))


def test_a_state_directory_that_others_can_read_is_a_warning(asking):
    assert levels(checks._state(asking)) == [OK]
    assert levels(checks._socket(asking)) == []
    asking.where.state.mkdir(mode=0o755)
    [found] = checks._state(asking)
    assert (found.level, found.todo) == (WARN, f"chmod 0700 {asking.where.state}")
    asking.where.state.chmod(0o700)
    assert levels(checks._state(asking)) == [OK]


def test_a_state_directory_on_a_full_disk_fails(asking, monkeypatch):
    asking.where.state.mkdir(mode=0o700)
    monkeypatch.setattr(checks, "ROOM", 1 << 62)
    [found] = checks._state(asking)
    assert (found.level, found.message) == (FAIL, f"{asking.where.state}: its disk has no room left")


def test_a_state_directory_of_somebody_else_fails(asking, monkeypatch):
    asking.where.state.mkdir(mode=0o700)
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written" in next(iter(checks._state(asking))).message
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    assert "4242" in next(iter(checks._state(asking))).message


def test_a_socket_path_that_is_too_long_is_found_before_it_hurts(tmp_path):
    asking = Asking(places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / ("x" * 120))}))
    assert [(c.name, c.level) for c in checks._socket(asking)] == [("socket", FAIL)]


def test_a_socket_that_a_dead_daemon_left_is_a_warning(asking):
    asking.where.state.mkdir(mode=0o700)
    assert levels(checks._daemon(asking)) == [OK]
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(os.fspath(asking.where.socket))
    dead.close()
    assert levels(checks._daemon(asking)) == [WARN]


def test_a_daemon_that_is_not_well_is_named_part_by_part(asking):
    asking.where.state.mkdir(mode=0o700)
    asking.where.socket.touch(mode=0o666)
    asking.where.socket.chmod(0o666)

    class Sick:
        def get(self, _path):
            return {"healthy": False, "problems": {"source": "has not been heard of for 200 s"}, "pid": 1}

    asking.daemon = Sick()
    found = list(checks._daemon(asking))
    assert [(c.name, c.level) for c in found] == [("socket", FAIL), ("daemon: source", FAIL)]


def test_a_cache_that_others_can_write_fails(asking):
    assert levels(checks._cache(asking)) == [OK]
    directory = asking.where.cache / "components"
    directory.mkdir(parents=True)
    directory.chmod(0o777)
    [found] = checks._cache(asking)
    assert (found.level, found.todo) == (FAIL, f"remove it: rm -r {directory}")
    directory.chmod(0o700)
    assert levels(checks._cache(asking)) == [OK]


def test_a_source_in_git_needs_git_and_what_git_needs(asking, monkeypatch):
    assert list(checks._git(asking)) == []
    asking.where.state.mkdir()
    asking.where.database.touch()
    names = ["/srv/site"]
    monkeypatch.setattr(Asking, "get", lambda _, path: {"items": [{"name": name} for name in names]})
    assert list(checks._git(asking)) == []
    with monkeypatch.context() as broken:  # that is said of the store, and of nothing else
        broken.setattr(Asking, "get", raising(StoreError("its schema 0014 is older than 0015")))
        assert list(checks._git(asking)) == []
    names.append("git+https://git.example.com/fleet.git")
    monkeypatch.setattr("shutil.which", lambda program: None if program == "gpg" else f"/bin/{program}")
    found = list(checks._git(asking))
    assert levels(found) == [OK, OK, OK, WARN]
    assert found[-1].message == "is not installed, and one with OpenPGP needs it"


@pytest.mark.parametrize(("text", "level"), [("64", WARN), ("1000000", OK), (None, WARN)])
def test_inotify_limits_that_are_low_say_the_sysctl(asking, monkeypatch, text, level):
    def opened(*_args, **_fields):
        if text is None:
            raise PermissionError(13, "Denied")
        return io.StringIO(text)

    monkeypatch.setattr(builtins, "open", opened)
    found = next(iter(checks._inotify(asking)))
    assert found.level == level
    assert text != "64" or found.todo.startswith("sysctl fs.inotify.")


@pytest.mark.parametrize(
    ("limits", "level"),
    [((1024, 4096), WARN), ((65536, 65536), OK), ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), OK)],
)
def test_few_open_files_are_a_warning(asking, monkeypatch, limits, level):
    monkeypatch.setattr(resource, "getrlimit", lambda _which: limits)
    assert levels(checks._files(asking)) == [level]


def test_a_check_that_fails_has_found_something(asking, monkeypatch):
    def broken(_asking):
        raise ZeroDivisionError

    def refused(_asking):
        raise UsageError("no such thing")

    monkeypatch.setattr(checks, "_python", broken)
    monkeypatch.setattr(checks, "_wasmtime", refused)
    found = checks.every_check(asking)
    assert [check.level for check in found[:2]] == [FAIL, FAIL]
    assert "could not be looked at" in found[0].message


def test_a_log_that_nobody_cuts_back_is_a_warning(asking, monkeypatch):
    from reconciler.store.records import StoreStats

    asking.where.state.mkdir()
    asking.where.database.touch()

    async def stats(_asking):
        return StoreStats(
            path="p",
            schema="0001",
            database_bytes=1,
            wal_bytes=1 << 30,
            blob_bytes=0,
            rows={},
            lease=None,
        )

    monkeypatch.setattr(checks, "_stats", stats)
    assert levels(checks._store(asking)) == [OK, WARN]


async def _fill(asking):
    from reconciler.runtime import Runtime
    from reconciler.store.batch import Batch
    from reconciler.store.records import AuditRecord
    from reconciler.store.store import Store

    async def at_once(_lane, function):
        return function()

    store = await Store.open(asking.where.database, runtime=Runtime(connect=None, offload=at_once))
    records = [AuditRecord(at=1.0, actor="alice", action="suspend", object=str(n)) for n in range(3)]
    await store.write(Batch().add_audit(records))
    head = await store.verify_audit()
    await store.close()
    return head


def test_an_unbroken_audit_log_says_its_head_and_a_broken_one_where(asking):
    assert levels(checks._soundness(asking)) == []
    head = asyncio.run(_fill(asking))
    [found] = checks._soundness(asking)
    assert (found.name, found.level) == ("audit log", OK)
    assert found.message == f"3 records, unbroken, head {head.hash[:12]}"

    with contextlib.closing(sqlite3.connect(asking.where.database)) as tampering:
        tampering.execute("DROP TRIGGER audit_is_not_changed")
        tampering.execute("UPDATE audit SET actor = 'bob' WHERE id = 2")
        tampering.commit()
    [found] = checks._soundness(asking)
    assert (found.name, found.level) == ("audit log", FAIL)
    assert "record 2 is not what was written" in found.message


def test_a_damaged_store_says_what_is_wrong_with_it(asking):
    asyncio.run(_fill(asking))
    with contextlib.closing(sqlite3.connect(asking.where.database)) as damaging:
        damaging.execute("INSERT INTO snapshot_files VALUES (1, 'a', 'sha256:gone', 0)")
        damaging.commit()
    found = list(checks._soundness(asking))
    assert [(check.name, check.level) for check in found] == [
        ("store", FAIL),
        ("store", FAIL),
        ("audit log", OK),
    ]
    assert "refers to one of blobs that is gone" in found[0].message + found[1].message


def test_a_store_that_cannot_be_opened_is_said_once(asking):
    asking.where.state.mkdir(mode=0o700)
    asking.where.database.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError):
        list(checks._store(asking))
    assert levels(checks._soundness(asking)) == []


@pytest.mark.parametrize(
    ("name", "bad"), [("retention.json", '{"event": 1}'), ("grants.json", '{"linux.file": [{"cal": "x"}]}')]
)
def test_a_file_of_the_operator_that_stops_an_apply_fails_here_too(asking, name, bad):
    asking.where.state.mkdir(mode=0o700)
    assert levels(checks._settings(asking)) == []
    path = asking.where.state / name
    path.write_text("{}")
    assert levels(checks._settings(asking)) == [OK]
    path.write_text(bad)
    [found] = checks._settings(asking)
    assert (found.name, found.level) == (name, FAIL)
    assert found.message.startswith(f"{path}:1:")
    path.write_text("{}")
    path.chmod(0o666)
    [found] = checks._settings(asking)
    assert (found.level, "chmod go-w" in found.message) == (FAIL, True)


def test_what_opens_what_is_encrypted_is_named_by_its_public_half(asking, tmp_path):
    key = tmp_path / "age.key"
    asking.where = replace(asking.where, identities=(key,))
    [check] = checks._identities(asking)
    assert (check.level, check.message[:36]) == (OK, "none: nothing that is encrypted with")
    made = generated()
    key.write_text(made.secret)
    key.chmod(0o600)
    [check] = checks._identities(asking)
    assert (check.level, check.message) == (OK, f"{made.public} ({key})")
    key.chmod(0o644)
    [check] = checks._identities(asking)
    assert (check.level, check.todo) == (FAIL, f"run: chmod 600 {key}")
    key.write_text("AGE-SECRET-KEY-1QQ")
    key.chmod(0o600)
    [check] = checks._identities(asking)
    assert (check.level, "QQ" in check.message) == (FAIL, False)
