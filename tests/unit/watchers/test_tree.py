"""Reading a tree: stably, when it is quiet, and only what has changed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.model.names import SourceName
from reconciler.model.source import Snapshot, SnapshotGone
from watchers import tree as reading
from watchers.tree import Scan, Tree


class Clock:
    """The wall clock, far ahead of every file's times unless it is set back."""

    def __init__(self) -> None:
        self.ahead = 3600.0

    def __call__(self) -> float:
        return reading.time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tree(tmp_path: Path, clock: Clock) -> Tree:
    return Tree(SourceName("site"), str(tmp_path), clock)


def taken(look: Scan) -> Snapshot:
    assert look.snapshot is not None, look.unreadable
    return look.snapshot


def contents(look: Scan) -> dict[str, bytes]:
    return {path: file.read() for path, file in taken(look).files.items()}


def meanwhile(monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> None:
    """Do one of `steps` whenever the tree waits for quiet."""
    left = list(steps)
    monkeypatch.setattr(reading.time, "sleep", lambda _: left.pop(0)() if left else None)


def count_opens(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    real = os.open

    def noting(path: str, *arguments: int) -> int:
        opened.append(os.path.basename(path))
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", noting)
    return opened


def test_a_snapshot_is_every_file_with_its_content(tmp_path: Path, tree: Tree) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/a.yaml").write_bytes(b"a: 1")
    (tmp_path / "b").write_bytes(b"\xff")
    snapshot = taken(tree.look())
    assert snapshot.source == "site"
    assert snapshot.root == str(tmp_path)
    assert snapshot.digest == f"sha256:{snapshot.digest.removeprefix('sha256:')}"
    assert snapshot.revision == snapshot.digest.removeprefix("sha256:")[:12]
    assert {path: file.read() for path, file in snapshot.files.items()} == {"b": b"\xff", "d/a.yaml": b"a: 1"}
    file = snapshot.files["b"]
    assert (file.path, file.size) == ("b", 1)
    assert file.digest == "sha256:" + hashlib.sha256(b"\xff").hexdigest()


def test_equal_content_has_equal_digests_whatever_the_times(tmp_path: Path, tree: Tree) -> None:
    (tmp_path / "a").write_text("x")
    before = taken(tree.look())
    os.utime(tmp_path / "a", (1, 1))
    after = taken(tree.look())
    assert after.digest == before.digest
    assert after == before


@pytest.mark.parametrize("change", ["content", "name", "new"])
def test_any_difference_has_another_digest(tmp_path: Path, tree: Tree, change: str) -> None:
    (tmp_path / "a").write_text("x")
    before = taken(tree.look())
    match change:
        case "content":
            (tmp_path / "a").write_text("y")
        case "name":
            (tmp_path / "a").rename(tmp_path / "b")
        case "new":
            (tmp_path / "b").write_text("")
    assert taken(tree.look()).digest != before.digest


def test_a_tree_that_has_not_changed_costs_only_its_stats(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("x")
    first = tree.look()
    opened = count_opens(monkeypatch)
    assert tree.look() is first
    assert opened == []


def test_only_what_has_changed_is_read(tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abc":
        (tmp_path / name).write_text("x")
    tree.look()
    (tmp_path / "b").write_text("y")
    opened = count_opens(monkeypatch)
    tree.look()
    assert opened == ["b"]


def test_a_file_that_was_changed_only_just_before_is_read_once_more(
    tmp_path: Path, tree: Tree, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("x")
    clock.ahead = -3600.0
    first = tree.look()
    clock.ahead = 3600.0
    opened = count_opens(monkeypatch)
    assert tree.look() is not first
    assert opened == ["a"]
    tree.look()
    assert opened == ["a"]


def test_a_file_that_is_being_written_is_waited_for(
    tmp_path: Path, tree: Tree, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("first ")
    clock.ahead = -3600.0

    def write() -> None:
        with path.open("a") as file:
            file.write("more ")

    meanwhile(monkeypatch, write, write, write)
    assert contents(tree.look()) == {"a": b"first more more more "}


class TestAFileThatSomebodyHasOpenForWriting:
    """What is in it may be half of it, however long nothing has moved."""

    HELD = "somebody has it open for writing, and it may be only half there"

    def test_is_waited_for_if_it_is_a_manifest(
        self, tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "a.yaml").write_text("whole")
        tree.look()
        file = (tmp_path / "a.yaml").open("w")
        file.write("ha")
        file.flush()
        meanwhile(monkeypatch, lambda: None, lambda: file.write("lf"), file.close)
        assert contents(tree.look()) == {"a.yaml": b"half"}

    def test_makes_the_source_unreadable_if_it_is_a_manifest_and_stays_open(
        self, tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "PATIENCE", 0.0)
        (tmp_path / "a.yaml").write_text("whole")
        tree.look()
        with (tmp_path / "a.yaml").open("w"):
            look = tree.look()
            assert (look.snapshot, look.unreadable) == (None, f"a.yaml: {self.HELD}")
        assert contents(tree.look()) == {"a.yaml": b""}

    def test_stays_what_it_was_if_it_is_a_body(self, tmp_path: Path, tree: Tree) -> None:
        (tmp_path / "motd").write_text("whole")
        before = tree.look()
        with (tmp_path / "motd").open("w") as file:
            file.write("half")
            file.flush()
            look = tree.look()
            assert contents(look) == {"motd": b"whole"}
            assert taken(look).left_out == {
                "motd": "somebody has it open for writing: what was in it before counts"
            }
            assert taken(look).digest == taken(before).digest
            # Not even if it is looked at again without a change.
            assert contents(tree.look()) == {"motd": b"whole"}
        assert contents(tree.look()) == {"motd": b"half"}

    def test_is_left_out_if_it_is_a_body_that_nobody_knows_yet(
        self, tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "PATIENCE", 0.0)
        with (tmp_path / "motd").open("w"):
            look = tree.look()
            assert (contents(look), taken(look).left_out) == ({}, {"motd": self.HELD})
            # It is waited for once.
            monkeypatch.setattr(reading, "PATIENCE", 3600.0)
            assert taken(tree.look()).left_out == {"motd": self.HELD}
        look = tree.look()
        assert (contents(look), taken(look).left_out) == ({"motd": b""}, {})

    def test_is_read_where_that_cannot_be_known(
        self, tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sys.platform", "other")
        with (tmp_path / "a.yaml").open("w") as file:
            file.write("half")
            file.flush()
            assert contents(tree.look()) == {"a.yaml": b"half"}


def test_a_clock_that_is_behind_does_not_keep_a_quiet_tree_waiting(
    tmp_path: Path, tree: Tree, clock: Clock
) -> None:
    (tmp_path / "a").write_text("x")
    clock.ahead = -3600.0
    assert contents(tree.look()) == {"a": b"x"}


def test_a_file_that_changes_all_the_time_is_no_part_of_a_snapshot(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    real = os.read

    def busy(descriptor: int, size: int) -> bytes:
        data = real(descriptor, size)
        if data:
            path.write_text(path.read_text() + "x")
        return data

    monkeypatch.setattr(os, "read", busy)
    monkeypatch.setattr(reading, "PATIENCE", 0.05)
    look = tree.look()
    assert look.snapshot is None
    assert look.unreadable == "a changes all the time"


def test_a_tree_that_never_becomes_quiet_is_read_all_the_same(
    tmp_path: Path, tree: Tree, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "log").write_text("")
    (tmp_path / "a").write_text("x")
    clock.ahead = 0.0
    numbers = iter(range(10**9))
    monkeypatch.setattr(reading, "PATIENCE", 0.05)
    monkeypatch.setattr(reading.time, "sleep", lambda _: (tmp_path / "log").write_text(str(next(numbers))))
    assert contents(tree.look())["a"] == b"x"


def test_files_that_change_while_others_are_read_are_read_together(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("1")
    real, left = os.open, [2]
    monkeypatch.setattr(reading, "QUIET", 0.0)  # as if reading took long

    def both(path: str, *arguments: int) -> int:
        descriptor = real(path, *arguments)
        if path.endswith("/b") and left:
            left.clear()
            (tmp_path / "a").write_text("2")
            (tmp_path / "b").write_text("2")
        return descriptor

    monkeypatch.setattr(os, "open", both)
    assert contents(tree.look()) == {"a": b"2", "b": b"2"}


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    (tmp_path / "a").write_text("old")
    real_open, real_read, left = os.open, os.read, [True]

    def replace() -> None:
        if left:
            left.clear()
            (tmp_path / "b").write_text("new!")
            (tmp_path / "b").rename(tmp_path / "a")

    def opening(path: str, *arguments: int) -> int:
        if moment == "before":
            replace()
        return real_open(path, *arguments)

    def reads(descriptor: int, size: int) -> bytes:
        if moment == "during" and left:
            left.clear()
            (tmp_path / "a").write_text("new!")
        return real_read(descriptor, size)

    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(os, "read", reads)
    assert contents(tree.look()) == {"a": b"new!"}


def test_a_file_that_vanishes_before_it_is_read_was_never_there(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    real = os.open

    def opening(path: str, *arguments: int) -> int:
        (tmp_path / "a").unlink(missing_ok=True)
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", opening)
    assert contents(tree.look()) == {"b": b"x"}


def test_a_file_that_cannot_be_read_makes_the_whole_unreadable(
    tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    real = os.open

    def refuse(path: str, *arguments: int) -> int:
        if path.endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    look = tree.look()
    assert look.snapshot is None
    assert look.unreadable == "b: permission denied"
    monkeypatch.undo()
    assert contents(tree.look()) == {"a": b"x", "b": b"x"}


class TestContents:
    def test_manifests_and_small_bodies_are_as_they_were(self, tmp_path: Path, tree: Tree) -> None:
        (tmp_path / "m.yaml").write_bytes(b"#" * (reading.KEEP_EACH + 1))
        (tmp_path / "small").write_text("x")
        snapshot = taken(tree.look())
        for name in ("m.yaml", "small"):
            (tmp_path / name).unlink()
        assert len(snapshot.files["m.yaml"].read()) == reading.KEEP_EACH + 1
        assert snapshot.files["small"].read() == b"x"

    def test_large_bodies_are_read_again_if_they_still_are_the_same(self, tmp_path: Path, tree: Tree) -> None:
        path = tmp_path / "large"
        path.write_bytes(b"x" * (reading.KEEP_EACH + 1))
        file = taken(tree.look()).files["large"]
        assert file.read() == path.read_bytes()
        os.utime(path, (1, 1))
        assert file.read() == path.read_bytes()
        path.write_bytes(b"y" * (reading.KEEP_EACH + 1))
        with pytest.raises(SnapshotGone, match="has changed"):
            file.read()
        path.unlink()
        with pytest.raises(SnapshotGone, match="no such file"):
            file.read()

    def test_the_small_ones_that_are_kept_have_a_limit(
        self, tmp_path: Path, tree: Tree, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "KEEP_ALL", 3)
        for name in "ab":
            (tmp_path / name).write_text("xx")
        files = taken(tree.look()).files
        for name in "ab":
            (tmp_path / name).unlink()
        assert files["a"].read() == b"xx"
        with pytest.raises(SnapshotGone):
            files["b"].read()
