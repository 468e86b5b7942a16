"""Repositories of somebody who means harm: nothing leaves the tree, nothing runs, and what is refused is named."""

import os
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.model.repository import GitPlace
from reconciler.model.source import Snapshot
from tests.integration.watchers.origins import Fetched, Origin
from watchers.git import contents, tree


async def taken(fetched: Fetched, origin: Origin, **more: str) -> Snapshot:
    return await fetched.source(GitPlace(str(origin.path), **more)).take()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"..", "that is no name of a file"),
        (b".", "that is no name of a file"),
        (b".git", "that is no name of a file"),
        (b".GIT", "that is no name of a file"),
    ],
)
async def test_a_name_that_is_none_is_refused(
    origin: Origin, fetched: Fetched, name: bytes, why: str
) -> None:
    origin.commit_tree(("100644", origin.blob(b"x"), name))
    with pytest.raises(UsageError, match=f"{why}|contains"):
        await taken(fetched, origin)


async def test_a_directory_of_a_name_that_is_none_is_refused(origin: Origin, fetched: Fetched) -> None:
    inner = origin.git("mktree", "-z", stdin=b"100644 blob " + origin.blob(b"x").encode() + b"\tpasswd\0")
    origin.commit_tree(("40000", inner, b".."))
    with pytest.raises(UsageError, match=r"that is no name of a file|contains"):
        await taken(fetched, origin)


async def test_odd_names_and_names_that_differ_in_case_are_files_like_any_other(
    origin: Origin, fetched: Fetched
) -> None:
    names = [
        b"-rf",
        b"A",
        b"a",
        b"a b",
        b"x\nmain@sha1:0",
        b"caf\xe9",
        b"\xe2\x80\xaetxt.exe",
        b"$(id)",
    ]
    origin.commit_tree(*[("100644", origin.blob(name), name) for name in sorted(names)])
    found = await taken(fetched, origin)
    assert {os.fsencode(path): file.read() for path, file in found.files.items()} == {
        name: name for name in names
    }


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (b"/etc/shadow", "a symbolic link that leads out of the source"),
        (b"../../../../etc/shadow", "a symbolic link that leads out of the source"),
        (b"sub/../../x", "a symbolic link that leads out of the source"),
        (b"link", "a symbolic link that leads nowhere"),
        (b"", "a symbolic link that leads nowhere"),
        (b"x" * 5000, "a symbolic link that leads nowhere"),
        (b"file/../file", "a symbolic link that leads nowhere"),
        (b"sub\0/../../x", "a symbolic link that leads nowhere"),
    ],
)
async def test_a_link_is_followed_in_the_tree_alone(
    origin: Origin, fetched: Fetched, to: bytes, why: str
) -> None:
    sub = origin.git("mktree", "-z", stdin=b"100644 blob " + origin.blob(b"x").encode() + b"\tx\0")
    here = (
        ("100644", origin.blob(b"f"), b"file"),
        ("120000", origin.blob(to), b"link"),
        ("40000", sub, b"sub"),
    )
    origin.commit_tree(*here)
    found = await taken(fetched, origin)
    assert set(found.files) == {"file", "sub/x"}
    assert found.left_out == {"link": why}
    origin.commit_tree(("120000", origin.blob(to), b"link.yaml"))
    with pytest.raises(UsageError, match=r"link\.yaml: a symbolic link that leads"):
        await taken(fetched, origin)


async def test_a_link_in_the_place_of_rules_is_followed_in_the_tree_alone(
    origin: Origin, fetched: Fetched
) -> None:
    rules = origin.blob(b"ignored\n")
    files = (("100644", origin.blob(b"1"), b"ignored"), ("100644", rules, b"rules"))
    origin.commit_tree(("120000", origin.blob(b"rules"), b".froyoignore"), *files)
    assert set((await taken(fetched, origin)).files) == {".froyoignore", "rules"}
    for to in (b"/etc/passwd", b"nowhere"):
        origin.commit_tree(("120000", origin.blob(to), b".froyoignore"), *files)
        with pytest.raises(UsageError, match=r"\.froyoignore: a symbolic link that leads"):
            await taken(fetched, origin)
    directory = origin.git("mktree", "-z", stdin=b"100644 blob " + rules.encode() + b"\tx\0")
    origin.commit_tree(("40000", directory, b".froyoignore"), *files)
    with pytest.raises(UsageError, match=r"\.froyoignore: no regular file"):
        await taken(fetched, origin)


async def test_a_submodule_is_left_out_and_nothing_of_it_is_fetched(origin: Origin, fetched: Fetched) -> None:
    modules = b'[submodule "x"]\n\tpath = sub\n\turl = file:///etc\n'
    origin.commit_tree(("100644", origin.blob(modules), b".gitmodules"), ("160000", "1" * 40, b"sub"))
    found = await taken(fetched, origin)
    assert (set(found.files), found.left_out) == (
        {".gitmodules"},
        {"sub": "a submodule, which is not fetched"},
    )
    evil = modules.replace(b"file:///etc", b"--upload-pack=touch /tmp/x")
    origin.commit_tree(("100644", origin.blob(evil), b".gitmodules"), ("160000", "1" * 40, b"sub"))
    with pytest.raises(UsageError, match="gitmodulesUrl"):
        await taken(fetched, origin)


async def test_nothing_of_a_repository_or_of_this_machine_runs(
    origin: Origin, fetched: Fetched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    hostile = f"touch {marks}"
    settings = (
        f'[core]\n fsmonitor = "{hostile}/a"\n hooksPath = {tmp_path}/hooks\n sshCommand = "{hostile}/b"\n'
        f' gitProxy = "{hostile}/c"\n[filter "evil"]\n smudge = "{hostile}/d"\n clean = "{hostile}/d"\n \n'
        f'[credential]\n helper = "!{hostile}/e"\n'
        f'[uploadpack]\n packObjectsHook = "{hostile}/f"\n'
        f'[alias]\n ls-remote = "!{hostile}/g"\n[protocol]\n allow = always\n'
        f'[url "/nowhere"]\n insteadOf = {origin.path}\n'
    )
    (tmp_path / "hooks").mkdir()
    for hook in ("post-checkout", "reference-transaction", "post-merge", "pre-auto-gc", "post-index-change"):
        path = tmp_path / "hooks" / hook
        path.write_text(f"#!/bin/sh\n{hostile}/h-{hook}\n")
        path.chmod(0o755)
    origin.commit({"a": "$Id$\n", ".gitattributes": "* filter=evil ident text eol=crlf export-subst\n"})
    with (origin.path / ".git/config").open("a") as file:
        file.write(settings.split("[url", maxsplit=1)[0])
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text(settings)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "home/.gitconfig"))
    monkeypatch.setenv("GIT_SSH_COMMAND", f"{hostile}/i")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_EXEC_PATH", str(tmp_path / "home"))
    found = await taken(fetched, origin)
    assert found.files["a"].read() == b"$Id$\n"
    assert list(marks.iterdir()) == []


async def test_replaced_objects_are_read_as_they_are(origin: Origin, fetched: Fetched) -> None:
    origin.commit({"a": "real"})
    real, other = origin.git("rev-parse", "HEAD:a"), origin.blob(b"other")
    origin.git("replace", real, other)
    assert (await taken(fetched, origin)).files["a"].read() == b"real"


async def test_too_much_of_anything_is_refused_and_said(
    origin: Origin, fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.commit({"a": "x" * 100, "b": "y" * 100, "sub/c": "z"})
    monkeypatch.setattr(contents, "LARGEST", 150)
    with pytest.raises(UsageError, match="MiB of files, and a source has"):
        await taken(fetched, origin)
    monkeypatch.undo()
    monkeypatch.setattr(tree, "MAX_BYTES", 50)
    found = await taken(fetched, origin)
    assert (set(found.files), set(found.left_out)) == ({"sub/c"}, {"a", "b"})
    monkeypatch.undo()
    monkeypatch.setattr(tree, "MAX_FILES", 2)
    with pytest.raises(UsageError, match="more than 2 files: is this the right repository"):
        await taken(fetched, origin)
    monkeypatch.undo()
    monkeypatch.setattr(contents, "AT_ONCE", 10)
    assert set((await taken(fetched, origin)).files) == {"a", "b", "sub/c"}


async def test_a_tree_that_has_itself_in_it_many_times_over_ends(origin: Origin, fetched: Fetched) -> None:
    """Ten files in each of ten directories, ten deep, from eleven objects."""
    blob = origin.blob(b"x")
    inner = origin.git(
        "mktree", "-z", stdin=b"".join(b"100644 blob %s\t%d\0" % (blob.encode(), n) for n in range(10))
    )
    for _ in range(9):
        inner = origin.git(
            "mktree", "-z", stdin=b"".join(b"40000 tree %s\t%d\0" % (inner.encode(), n) for n in range(10))
        )
    origin.commit_tree(("40000", inner, b"bomb"))
    with pytest.raises(UsageError, match="git says more than the 32 MiB that are read of it"):
        await taken(fetched, origin)


async def test_directories_without_end_are_refused(origin: Origin, fetched: Fetched) -> None:
    inner = origin.git("mktree", "-z", stdin=b"100644 blob " + origin.blob(b"x").encode() + b"\tx\0")
    for _ in range(130):
        inner = origin.git("mktree", "-z", stdin=b"40000 tree " + inner.encode() + b"\td\0")
    origin.commit_tree(("40000", inner, b"d"))
    with pytest.raises(UsageError, match="directories without end"):
        await taken(fetched, origin)
    # Links that double what they lead to with each step.
    links = [("120000", origin.blob(b"."), b"l%d" % n) for n in range(4)]
    deep = [("120000", origin.blob(b"b"), b"a"), ("40000", inner, b"b")]
    origin.commit_tree(*deep, *links)
    with pytest.raises(UsageError, match="directories without end"):
        await taken(fetched, origin)
