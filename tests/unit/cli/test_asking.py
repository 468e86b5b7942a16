"""What is to be changed is asked of the daemon, also of one that just begins."""

import pytest

from reconciler.api.client import Client
from reconciler.app.places import places
from reconciler.cli import asking
from reconciler.cli.asking import Asking
from reconciler.store.sqlite.lock import FileLock, is_held


@pytest.fixture
def where(tmp_path):
    found = places({"FROYO_STATE": str(tmp_path / "state"), "HOME": str(tmp_path)})
    found.state.mkdir(mode=0o700)
    return found


def test_who_has_the_lock_is_seen_without_touching_it(tmp_path):
    path = tmp_path / "froyo.lock"
    assert not is_held(path)
    lock = FileLock(path)
    assert lock.try_lock()
    assert is_held(path)
    lock.unlock()
    assert not is_held(path)


def test_a_daemon_that_begins_is_waited_for(where, monkeypatch):
    lock = FileLock(where.database.with_suffix(".lock"))
    assert lock.try_lock()
    answers = iter([False, False, True])
    monkeypatch.setattr(Client, "alive", lambda _: next(answers))
    found = Asking(where)
    assert found.daemon is None
    found.must_not_be_silent()
    assert found.daemon is not None
    lock.unlock()


def test_nobody_is_waited_for_where_nobody_has_the_store_nor_for_ever(where, monkeypatch):
    found = Asking(where)
    found.must_not_be_silent()
    assert found.daemon is None
    lock = FileLock(where.database.with_suffix(".lock"))
    assert lock.try_lock()
    monkeypatch.setattr(asking, "BEGINNING", 0.0)
    found.must_not_be_silent()
    assert found.daemon is None
    lock.unlock()
