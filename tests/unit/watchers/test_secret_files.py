"""Secrets in files: what is read as one, and what is not."""

import asyncio
import os

import pytest

from reconciler.model.secrets import Secret, SecretError
from watchers import secret_files
from watchers.secret_files import SecretFiles

DEADLINE = 60


@pytest.fixture
def write(tmp_path):
    def write(content, mode=0o600, name="db"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def files(tmp_path):
    return SecretFiles(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" hunter2 \n", " hunter2 "),
        ("-----BEGIN\nabc\n-----END\n", "-----BEGIN\nabc\n-----END\n"),
        ("hunter2\n\n", "hunter2\n\n"),
    ],
)
def test_a_single_line_is_read_without_its_end_and_several_as_they_are(files, write, content, value):
    path = write(content)
    assert files.read(Secret("db")) == value
    assert files.read(Secret(str(path))) == value


def test_a_link_to_one_is_followed(files, write, tmp_path):
    write("hunter2", name="real")
    (tmp_path / "db").symlink_to("real")
    assert files.read(Secret("db")) == "hunter2"


@pytest.mark.parametrize(
    ("content", "mode", "message", "hint"),
    [
        ("hunter2", 0o640, r"others can get at it \(mode 0640\)", "chmod 600"),
        ("hunter2", 0o604, r"others can get at it \(mode 0604\)", "chmod 600"),
        (b"\xff\xfe", 0o600, "no text in UTF-8", "base64"),
        ("a\0b", 0o600, "holds a NUL", "base64"),
        ("x" * (64 * 1024 + 1), 0o600, "has 65537 bytes", ""),
    ],
)
def test_what_is_no_secret_is_not_read(files, write, content, mode, message, hint):
    write(content, mode)
    with pytest.raises(SecretError, match=message) as caught:
        files.read(Secret("db"))
    assert hint in caught.value.hint
    assert "hunter2" not in str(caught.value)


def test_neither_is_what_is_not_there_or_no_file(files, tmp_path):
    with pytest.raises(SecretError, match=f"there is no file {tmp_path}/gone") as caught:
        files.read(Secret("gone"))
    assert "absolute path" in caught.value.hint
    with pytest.raises(SecretError, match="there is no file /nowhere/db") as caught:
        files.read(Secret("/nowhere/db"))
    assert not caught.value.hint
    with pytest.raises(SecretError, match="no regular file"):
        files.read(Secret(str(tmp_path)))
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(SecretError, match="no regular file"):
        files.read(Secret("fifo"))
    with pytest.raises(SecretError, match="cannot be read: "):
        files.read(Secret("x" * 300))


def test_what_belongs_to_somebody_else_is_not_read(files, write, monkeypatch):
    path = write("hunter2")
    real = os.fstat

    def somebody(descriptor):
        found = list(real(descriptor))
        found[4] = 4711
        return os.stat_result(found)

    monkeypatch.setattr(secret_files.os, "fstat", somebody)
    with pytest.raises(SecretError, match=f"{path} belongs to somebody else \\(uid 4711\\)"):
        files.read(Secret("db"))


def test_one_that_fails_while_it_is_read_says_so(files, write, monkeypatch):
    write("hunter2")

    def fail(_descriptor, _size):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(secret_files.os, "read", fail)
    with pytest.raises(SecretError, match="cannot be read: "):
        files.read(Secret("db"))


async def test_one_that_is_another_one_is_told_once_nobody_writes_there_any_more(files, write, monkeypatch):
    monkeypatch.setattr(secret_files, "LOOK", 0.001)
    write("hunter2")
    write("other", name="other")
    files.read(Secret("db"))
    files.read(Secret("other"))
    with pytest.raises(SecretError):
        files.read(Secret("new"))
    changes = files.changes()
    async with asyncio.timeout(DEADLINE):
        write("hunter3")
        assert await anext(changes) == {"db"}
        write("now there", name="new")
        assert await anext(changes) == {"new"}
        (files_of := write("x", name="next")).rename(files_of.with_name("other"))
        assert await anext(changes) == {"other"}
    await changes.aclose()
