"""What is noticed of the files that a controller works with."""

import os

import pytest

from reconciler.app.places import places
from reconciler.app.standing import Standing
from reconciler.errors import LeaseLost


@pytest.fixture
def where(tmp_path):
    found = places({"HOME": str(tmp_path)}, state=str(tmp_path / "s"))
    found.state.mkdir()
    for name in ("froyo.db", "froyo.lock"):
        (found.state / name).touch()
    return found


def test_files_that_are_where_they_were_are_left_at_that(where):
    standing = Standing(where)
    where.database.write_bytes(b"more")
    standing.check()


@pytest.mark.parametrize("name", ["froyo.db", "froyo.lock"])
def test_a_file_that_is_gone_or_another_one_ends_the_controller(where, name):
    standing = Standing(where)
    path = where.state / name
    path.rename(where.state / "old")
    with pytest.raises(LeaseLost, match="removed, moved away or replaced"):
        standing.check()
    path.touch()
    with pytest.raises(LeaseLost, match="removed, moved away or replaced"):
        standing.check()


def test_what_cannot_be_looked_at_right_now_says_nothing(where, monkeypatch):
    standing = Standing(where)

    def denied(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", denied)
    standing.check()
