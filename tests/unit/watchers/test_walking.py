"""What belongs to a source, by stats alone."""

import errno
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from watchers import walk as walking
from watchers.ignore import is_transient
from watchers.walk import above, walk

PIECES = [
    "*",
    "**",
    "/",
    "/**",
    "**/",
    "a",
    "b",
    "c",
    "d",
    ".log",
    "x",
    "!",
    "?",
    "[ab]",
    "[!a]",
    "\\",
    "#",
    " ",
]


def put(root: Path, *names: str, text: str = "x") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def names(root: Path) -> list[str]:
    listing = walk(str(root))
    assert not listing.unreadable
    return sorted(listing.files)


def test_finds_files_at_every_depth_and_watches_every_directory(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", "b/c/d.txt", "b/.bashrc")
    listing = walk(str(tmp_path))
    assert sorted(listing.files) == ["a.yaml", "b/.bashrc", "b/c/d.txt"]
    assert {path for path, _, _ in listing.directories} == {
        str(tmp_path),
        str(tmp_path / "b"),
        str(tmp_path / "b/c"),
    }
    assert listing.newest == max(path.stat().st_ctime_ns for path in [tmp_path, *tmp_path.rglob("*")])


def test_hidden_directories_and_what_editors_leave_behind_are_no_part(tmp_path: Path) -> None:
    put(tmp_path, "a.yaml", ".git/config", "..data/a", ".a.yaml.swp", "a.yaml~", "#a.yaml#", "4913")
    put(tmp_path, "a.yaml___jb_tmp___", ".goutputstream-AB12", "4913.txt")
    os.symlink("nobody@nowhere.123", tmp_path / ".#a.yaml")
    assert names(tmp_path) == ["4913.txt", "a.yaml"]


def test_a_hidden_directory_that_may_lie_in_a_tree_is_left_out_and_says_so(tmp_path: Path) -> None:
    """A site was published without its `.well-known`, and `purge` removed the one that was there."""
    put(tmp_path, "site/.well-known/security.txt", "site/.git/config", "site/index.html", ".github/a")
    listing = walk(str(tmp_path))
    assert names(tmp_path) == ["site/index.html"]
    assert listing.left_out == {"site/.well-known": "a directory whose name begins with a dot"}
    put(tmp_path, ".froyoignore", text=".well-known/\n")
    assert walk(str(tmp_path)).left_out == {}


@pytest.mark.parametrize("name", ["a.yaml", ".bashrc", "a#b", "4914", "motd.swp", "sed", ".env"])
def test_ordinary_names_are_not_transient(name: str) -> None:
    assert not is_transient(name)


def test_names_that_are_not_utf_8_are_surrogate_escapes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9")).write_text("x")
    assert names(tmp_path) == ["caf\udce9"]


class TestIgnoring:
    def test_the_nearest_file_decides(self, tmp_path: Path) -> None:
        put(tmp_path, "a.log", "b/a.log", "b/keep.log", "b/c/a.log", "build/x", "b/build/x", "notes")
        put(tmp_path, ".froyoignore", text="*.log\n/build/\n# a comment\nnotes\n")
        put(tmp_path, "b/.froyoignore", text="!keep.log\n")
        assert names(tmp_path) == [".froyoignore", "b/.froyoignore", "b/build/x", "b/keep.log"]

    def test_an_ignored_link_is_not_followed(self, tmp_path: Path) -> None:
        put(tmp_path, ".froyoignore", text="out.yaml\n")
        os.symlink("/etc/passwd", tmp_path / "out.yaml")
        assert names(tmp_path) == [".froyoignore"]

    def test_an_ignore_file_that_cannot_be_read_makes_the_source_unreadable(self, tmp_path: Path) -> None:
        (tmp_path / ".froyoignore").mkdir()
        assert walk(str(tmp_path)).unreadable == ".froyoignore: is a directory"

    def test_rules_that_have_no_end_are_neither_waited_for_nor_read(self, tmp_path):
        """A pipe kept whoever looked at the source for ever, and a link to /dev/zero took all of the memory."""
        rules = tmp_path / ".froyoignore"
        os.mkfifo(rules)
        assert walk(str(tmp_path)).unreadable == ".froyoignore: no regular file"
        rules.unlink()
        rules.symlink_to("/dev/zero")
        assert walk(str(tmp_path)).unreadable == ".froyoignore: no regular file"
        rules.unlink()
        rules.touch()
        os.truncate(rules, 3 << 30)
        assert walk(str(tmp_path)).unreadable == ".froyoignore: larger than the 1 MiB that it may have"

    @settings(max_examples=60)
    @given(st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join), max_size=4))
    @example(["a/**", "!a/b"])
    @example(["/a/", "!a/b"])
    @example(["*", "!*/", "!b"])
    @example(["**/b", "a/**/c.log", "**"])
    @example(["c**/*"])
    @example(["b**/b", "a/c**", "a/d**/c.log", "x**/", "/b/**"])
    @example(["**\\/**.log", "a**\\/b", "a/**\\/c.log"])
    @example(["*.log  ", "c\\ ", "\\!b", "#c"])
    @example(["[]a]", "[!ab]", "[[:alpha:]]", "[a-c].log", "[^a", "[z-a]", "\\"])
    def test_git_would_ignore_the_same(
        self, tmp_path_factory: pytest.TempPathFactory, lines: list[str]
    ) -> None:
        root = tmp_path_factory.mktemp("tree")
        put(root, "a/b", "a/c.log", "a/d/c.log", "b/b", "b/x.log", "c", "!b", "x.log", "]", "c ")
        text = "".join(f"{line}\n" for line in lines)
        put(root, ".froyoignore", ".gitignore", text=text)
        subprocess.run(["git", "init", "-q", root], check=True)
        command = ["git", "-C", root, "ls-files", "-coz", "--exclude-standard"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        ours = {".gitignore", ".froyoignore", ""}
        assert sorted({*names(root)} - ours) == sorted({*listed} - ours)


class TestLinks:
    def test_are_followed_inside_the_tree(self, tmp_path: Path) -> None:
        put(tmp_path, "..2024/a.yaml", "real/b.txt")
        os.symlink("..2024", tmp_path / "..data")
        os.symlink("..data/a.yaml", tmp_path / "a.yaml")
        os.symlink("real", tmp_path / "also")
        listing = walk(str(tmp_path))
        assert sorted(listing.files) == ["a.yaml", "also/b.txt", "real/b.txt"]
        assert listing.files["a.yaml"].real == str(tmp_path / "..2024/a.yaml")
        assert str(tmp_path / "..2024") in {path for path, _, _ in listing.directories}

    def test_that_lead_out_are_left_out(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        put(tmp_path, "rootless/secret", "root/x")
        os.symlink("../rootless/secret", root / "motd")
        os.symlink("../rootless", root / "d")
        listing = walk(str(root))
        assert sorted(listing.files) == ["x"]
        assert set(listing.left_out) == {"d", "motd"}
        assert set(listing.left_out.values()) == {"a symbolic link that leads out of the source"}

    def test_that_lead_nowhere_are_left_out(self, tmp_path: Path) -> None:
        os.symlink("gone", tmp_path / "a")
        os.symlink("b", tmp_path / "b")
        put(tmp_path, "f")
        os.symlink("f/x", tmp_path / "c")
        assert set(walk(str(tmp_path)).left_out) == {"a", "b", "c"}

    def test_to_a_directory_that_holds_them_end_there(self, tmp_path: Path) -> None:
        put(tmp_path, "a/x")
        os.symlink("..", tmp_path / "a/up")
        listing = walk(str(tmp_path))
        assert sorted(listing.files) == ["a/x"]
        assert listing.left_out == {"a/up": "a symbolic link to a directory that holds it"}

    @pytest.mark.parametrize("to", ["gone.yaml", "/etc/passwd"])
    def test_a_manifest_that_cannot_be_had_is_not_one_that_is_not_there(
        self, tmp_path: Path, to: str
    ) -> None:
        os.symlink(to, tmp_path / "a.yaml")
        assert walk(str(tmp_path)).unreadable.startswith("a.yaml: a symbolic link that leads")

    def test_many_that_refer_to_each_other_come_to_an_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(walking, "MAX_FILES", 50)
        for one in "abcdef":
            (tmp_path / one).mkdir()
            for other in "abcdef":
                os.symlink(f"../{other}", tmp_path / one / other)
        assert "directories without end" in walk(str(tmp_path)).unreadable


class TestLimits:
    def test_what_is_no_regular_file_is_left_out(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert walk(str(tmp_path)).left_out == {"pipe": "no regular file"}

    def test_a_file_that_is_too_large_is_left_out_and_says_so(self, tmp_path: Path) -> None:
        with (tmp_path / "big.iso").open("wb") as file:
            file.truncate(walking.MAX_BYTES + 1)
        assert walk(str(tmp_path)).left_out == {"big.iso": "larger than the 64 MiB that a file may have"}

    def test_a_root_that_was_given_by_mistake_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(walking, "MAX_FILES", 2)
        put(tmp_path, "a", "b", "c")
        assert walk(str(tmp_path)).unreadable == "more than 2 files: is this the right directory?"

    def test_directories_without_end_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(walking, "MAX_DEPTH", 3)
        put(tmp_path, "a/b/c/d/e")
        assert "directories without end" in walk(str(tmp_path)).unreadable


class TestWhatCannotBeRead:
    def test_a_root_that_is_not_there(self, tmp_path: Path) -> None:
        listing = walk(str(tmp_path / "gone"))
        assert listing.unreadable == f"{tmp_path}/gone: there is no such directory"
        assert not listing.root

    def test_a_root_that_is_a_file(self, tmp_path: Path) -> None:
        put(tmp_path, "f")
        assert (
            walk(str(tmp_path / "f")).unreadable
            == f"{tmp_path}/f: this is no directory; name the one that it is in"
        )

    @pytest.mark.parametrize(
        ("number", "why"), [(errno.EACCES, "no permission to read it"), (errno.EIO, "input/output error")]
    )
    def test_a_directory_that_cannot_be_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, why: str
    ) -> None:
        put(tmp_path, "a/b", "x.yaml")
        scandir = os.scandir

        def refuse(path: str) -> object:
            if path.endswith("/a"):
                raise OSError(number, os.strerror(number))
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
        assert walk(str(tmp_path)).unreadable == f"a: {why}"

    def test_a_link_that_cannot_be_followed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.symlink("x", tmp_path / "a")
        realpath = os.path.realpath

        def refuse(path: str, *, strict: bool = False) -> str:
            if path.endswith("/a"):
                raise PermissionError(errno.EACCES, "no")
            return realpath(path, strict=strict)

        monkeypatch.setattr(os.path, "realpath", refuse)
        assert walk(str(tmp_path)).unreadable == "a: no permission to read it"

    def test_what_vanishes_during_the_walk_was_never_there(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path, "a/b", "c")
        scandir = os.scandir

        def late(path: str) -> object:
            if path.endswith("/a"):
                raise FileNotFoundError(errno.ENOENT, "gone")
            return scandir(path)

        monkeypatch.setattr(os, "scandir", late)
        assert names(tmp_path) == ["c"]


class TestAbove:
    def test_names_the_directory_that_holds_the_root(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        root.mkdir()
        assert [(path, name) for (path, _, _), name in above(str(root))] == [(str(tmp_path), "root")]

    def test_names_the_nearest_that_exists(self, tmp_path: Path) -> None:
        root = tmp_path / "a/b/c"
        assert [(path, name) for (path, _, _), name in above(str(root))] == [(str(tmp_path), "a")]

    def test_names_both_ends_of_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "releases/1").mkdir(parents=True)
        os.symlink("releases/1", tmp_path / "current")
        assert [(path, name) for (path, _, _), name in above(str(tmp_path / "current"))] == [
            (str(tmp_path), "current"),
            (str(tmp_path / "releases"), "1"),
        ]

    def test_has_nothing_to_say_of_the_top(self) -> None:
        assert list(above("/")) == []
