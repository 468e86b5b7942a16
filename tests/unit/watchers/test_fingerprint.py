"""A fingerprint is the same only while nothing can have changed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from watchers.fingerprint import SETTLED, fingerprint


def settled(root: Path) -> Callable[[], int]:
    """A clock by which everything has been quiet for a while."""
    newest = max(path.lstat().st_ctime_ns for path in [root, *root.rglob("*")])
    return lambda: newest + SETTLED + 1


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    (tmp_path / "a.yaml").write_text("a")
    (tmp_path / "d/b").write_text("b")
    return tmp_path


def test_is_the_same_while_nothing_changes(tree: Path) -> None:
    assert fingerprint(tree, now=settled(tree)) == fingerprint(str(tree), now=settled(tree))
    assert fingerprint(tree, now=settled(tree)).startswith("sha256:")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: (root / "a.yaml").write_text("z"), id="same size"),
        pytest.param(lambda root: (root / "new").write_text(""), id="new file"),
        pytest.param(lambda root: (root / "d/b").unlink(), id="removed"),
        pytest.param(lambda root: (root / "d/b").rename(root / "d/c"), id="renamed"),
        pytest.param(lambda root: os.mkfifo(root / "pipe"), id="left out"),
        pytest.param(lambda root: (root / ".froyoignore").write_text("d\n"), id="ignored"),
    ],
)
def test_changes_with_any_change(tree: Path, change: Callable[[Path], object]) -> None:
    before = fingerprint(tree, now=settled(tree))
    change(tree)
    assert fingerprint(tree, now=settled(tree)) != before


def test_notices_a_change_of_which_the_time_was_put_back(tree: Path) -> None:
    path = tree / "a.yaml"
    times = path.stat()
    before = fingerprint(tree, now=settled(tree))
    path.write_text("z")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert fingerprint(tree, now=settled(tree)) != before


def test_is_never_the_same_when_something_changed_only_just_now(tree: Path) -> None:
    newest = settled(tree)() - 1
    assert fingerprint(tree, now=lambda: newest - 1) != fingerprint(tree, now=lambda: newest - 2)


def test_is_never_the_same_when_it_cannot_be_read(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "gone") != fingerprint(tmp_path / "gone")


def test_its_import_is_cheap() -> None:
    code = (
        "import sys, watchers.fingerprint\n"
        "heavy = {'asyncio', 'yaml', 'pydantic', 'watchfiles', 'pathspec', 'jsonschema_rs', 'ctypes'}\n"
        "sys.exit(', '.join(heavy & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
