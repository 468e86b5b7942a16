"""The whole state as one file: one moment of it, had back as a whole or not at all."""

import io
import json
import os
import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.errors import StoreError
from reconciler.store.backup import restore, take
from reconciler.store.batch import Batch
from reconciler.store.records import AuditRecord
from tests.unit.store.conftest import holder
from tests.unit.store.values import entry, state

SCHEMAS = Path(__file__).parent / "schemas"
LARGE = os.urandom(100_000)


@pytest.fixture
async def store(open_store, path):
    """One with something of everything, which a controller works with."""
    store = await open_store()
    await store.acquire_lease(holder(11), ttl=1e9)
    small, large = await store.blobs.put_all([b"was here before\n", LARGE])
    await store.write(
        Batch()
        .put_states([state()])
        .put_inventory([entry("motd", preimage=small), entry("large", preimage=large)])
        .add_audit([AuditRecord(at=1.0, actor="alice", action="suspend", object="web-1")])
    )
    (path.parent / "grants.json").write_text("{}")
    (path.parent / "packages" / "mine").mkdir(parents=True)
    (path.parent / "packages" / "mine" / "plugin.py").write_text("pass\n")
    return store


async def test_what_was_backed_up_is_had_back_while_a_controller_works(store, open_store, path, tmp_path):
    found = take(path.parent, tmp_path / "backup.tar", now=5.0)
    assert (found.taken_at, found.audit) == (5.0, 1)
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600
    await store.write(Batch().forget_states([state().address]))
    restored = tmp_path / "elsewhere"
    assert restore(found.path, restored).files == found.files == 4
    assert stat.S_IMODE(restored.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in restored.rglob("*") if file.is_file()} == {0o600}
    other = await open_store(restored)
    assert await other.acquire_lease(holder(12, host="elsewhere", boot_id="b"), ttl=30) == 1_800_000_001
    assert (await other.load_states()).keys() == {state().address}
    inventory = await other.load_inventory()
    assert {await other.blobs.read(kept.preimage) for kept in inventory.values()} == {
        b"was here before\n",
        LARGE,
    }
    assert (restored / "packages" / "mine" / "plugin.py").read_text() == "pass\n"
    assert sorted(os.listdir(tmp_path)) == ["backup.tar", "elsewhere", "state"]


@pytest.mark.parametrize("old", sorted(SCHEMAS.glob("*.sql")), ids=lambda path: path.stem)
async def test_an_older_store_is_backed_up_as_it_is_and_brought_up_to_date_where_it_is_had_back(
    old, open_store, tmp_path
):
    """One backs up before one upgrades, and restores with whatever froyo there is by then."""
    (tmp_path / "state").mkdir()
    database = sqlite3.connect(tmp_path / "state" / "froyo.db")
    database.executescript(old.read_text())
    database.close()
    backup = take(tmp_path / "state", tmp_path / "backup.tar", now=5.0)
    assert backup.schema == old.stem
    restore(backup.path, tmp_path / "elsewhere")
    assert (await (await open_store(tmp_path / "elsewhere")).load_states()).keys() == {state().address}


async def test_nothing_is_overwritten(store, path, tmp_path):
    backup = take(path.parent, tmp_path / "backup.tar", now=5.0).path
    with pytest.raises(StoreError, match="it is there already"):
        take(path.parent, backup, now=6.0)
    with pytest.raises(StoreError, match="a state is there already"):
        restore(backup, path.parent)
    with pytest.raises(StoreError, match="inside of what it backs up"):
        take(path.parent, path.parent / "backup.tar", now=6.0)


def changed(backup, change, to):
    """The same with one member changed."""
    with tarfile.open(backup) as old, tarfile.open(to, "w") as new:
        for member in old:
            content = change(member, old.extractfile(member).read())
            if content is not None:
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return to


def flip(name):
    def change(member, content):
        return content[:-1] + bytes([content[-1] ^ 1]) if member.name.startswith(name) else content

    return change


def leave_out(name):
    return lambda member, content: None if member.name == name else content


def rename(name, to):
    def change(member, content):
        member.name = to if member.name == name else member.name
        return content

    return change


def newer(member, content):
    if member.name != "contents.json":
        return content
    return json.dumps({**json.loads(content), "format": 99, "version": "9.9"}).encode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (flip("blobs/"), "is not what was backed up"),
        (flip("froyo.db"), "froyo.db in it is not what was backed up"),
        (leave_out("grants.json"), "grants.json in it is not what was backed up"),
        (leave_out("contents.json"), "it has no contents.json"),
        (rename("grants.json", "../grants.json"), "leads out of it"),
        (rename("grants.json", "/etc/grants.json"), "leads out of it"),
        (lambda member, content: b"{" if member.name == "contents.json" else content, "cannot be understood"),
        (
            lambda member, content: b"[]" if member.name == "contents.json" else content,
            "cannot be understood",
        ),
        (newer, "taken by froyo 9.9, in a form that this one does not know"),
    ],
    ids=["content", "database", "missing", "no list", "up", "absolute", "no JSON", "no mapping", "newer"],
)
async def test_what_is_not_as_it_was_backed_up_is_not_put_anywhere(store, path, tmp_path, change, why):
    backup = take(path.parent, tmp_path / "backup.tar", now=5.0).path
    bad = changed(backup, change, tmp_path / "bad.tar")
    with pytest.raises(StoreError, match=why):
        restore(bad, tmp_path / "elsewhere")
    assert sorted(os.listdir(tmp_path)) == ["backup.tar", "bad.tar", "state"]


async def test_a_link_in_a_backup_is_refused(store, path, tmp_path):
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        link = tarfile.TarInfo("blobs")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(StoreError, match="is no file"):
        restore(tmp_path / "evil.tar", tmp_path / "elsewhere")


@pytest.mark.parametrize("size", [0, 100, 20_000])
async def test_a_backup_that_was_cut_off_is_refused(store, path, tmp_path, size):
    backup = take(path.parent, tmp_path / "backup.tar", now=5.0).path
    (tmp_path / "cut.tar").write_bytes(backup.read_bytes()[:size])
    with pytest.raises(StoreError, match="it is no backup, or a damaged one"):
        restore(tmp_path / "cut.tar", tmp_path / "elsewhere")


async def test_a_store_that_is_damaged_is_not_backed_up_as_if_it_were_sound(store, path, tmp_path):
    [file] = [found for found in (path.parent / "blobs").rglob("*") if found.is_file()]
    file.write_bytes(b"something else")
    with pytest.raises(StoreError, match="is another one"):
        take(path.parent, tmp_path / "backup.tar", now=5.0)
    assert os.listdir(tmp_path) == ["state"]


async def test_a_content_that_is_missing_is_named(store, path, tmp_path):
    [file] = [found for found in (path.parent / "blobs").rglob("*") if found.is_file()]
    file.unlink()
    with pytest.raises(StoreError, match=f"{file.name}"):
        take(path.parent, tmp_path / "backup.tar", now=5.0)


async def test_an_audit_log_that_was_tampered_with_is_found_when_it_is_backed_up(store, path, tmp_path):
    connection = sqlite3.connect(path)
    with connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE audit SET actor = 'bob'")
    connection.close()
    with pytest.raises(StoreError, match="record 1 is not what was written"):
        take(path.parent, tmp_path / "backup.tar", now=5.0)


def test_what_is_not_there_says_so(tmp_path):
    with pytest.raises(StoreError, match=r"nothing\.tar"):
        restore(tmp_path / "nothing.tar", tmp_path / "elsewhere")


@pytest.mark.parametrize("schema", ["", "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"])
def test_a_store_that_nothing_was_ever_put_into_is_no_defect(schema, tmp_path):
    path = tmp_path / "state" / "froyo.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(schema)
    with pytest.raises(StoreError, match=r"froyo\.db: nothing was ever put into it; apply something first"):
        take(path.parent, tmp_path / "backup.tar", now=5.0)
    assert os.listdir(tmp_path) == ["state"]


async def test_what_is_sealed_is_put_together_where_the_state_is_and_nowhere_else(store, path, tmp_path):
    seen = []

    def seal(made, destination):
        seen.append(made)
        assert made.parent.parent == path.parent
        destination.write_bytes(b"sealed" + made.read_bytes())

    (tmp_path / "out").mkdir()
    found = take(path.parent, tmp_path / "out" / "b", now=5.0, seal=seal)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["b"]
    assert not seen[0].exists()
    (tmp_path / "b.tar").write_bytes(found.path.read_bytes().removeprefix(b"sealed"))
    assert restore(tmp_path / "b.tar", tmp_path / "again").files == found.files
    assert not list((tmp_path / "again").glob(".froyo*"))
