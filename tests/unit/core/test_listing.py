"""What is in an archive is told in a few lines, whatever it is."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile

import pytest

from reconciler.core import listing as module
from reconciler.core.listing import SHOWN, listing


def tar(*names: str, mode: str = "w:gz", content: bytes = b"abc") -> bytes:
    """An archive; a name with a slash at its end is a directory."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:  # type: ignore[call-overload]
        for name in names:
            member = tarfile.TarInfo(name.rstrip("/"))
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            member.size = 0 if name.endswith("/") else len(content)
            archive.addfile(member, None if name.endswith("/") else io.BytesIO(content))
    return made.getvalue()


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_how_much_it_is_and_what_is_at_its_top_is_told(mode: str) -> None:
    """Below the directory that all of it is in."""
    content = tar("./", "app-1/", "app-1/bin/", "app-1/bin/x", "app-1/README", "app-1/lib/a/b", mode=mode)
    assert listing(content) == [
        "5 entries, 9 bytes, all below app-1/",
        "+README",
        "+bin/ (1)",
        "+lib/ (1)",
    ]


def test_a_zip_is_told_too() -> None:
    """By its index alone."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("x/y", "12")
        archive.writestr("x/z/", "")
        archive.writestr("w", "")
    assert listing(made.getvalue()) == ["3 entries, 2 bytes", "+w", "+x/ (2)"]
    assert listing(made.getvalue()[:30]) == []


def test_what_is_on_the_way_to_the_top_is_not_told_again() -> None:
    """Nor is a single directory taken for the way to anything."""
    assert listing(tar("a/", "a/b/", "a/b/c", "a/b/d"))[0] == "4 entries, 6 bytes, all below a/b/"
    assert listing(tar("d/")) == ["1 entries, 0 bytes", "+d/ (0)"]


def test_names_of_others_cannot_pass_for_anything_else_and_are_few() -> None:
    """A name with an escape sequence is shown as one."""
    found = listing(tar("a\x1b[2J", *(f"b{number:02}" for number in range(SHOWN + 3))))
    assert "\x1b" not in "".join(found)
    assert found[-1] == "… and 4 more"
    assert len(found) == SHOWN + 2


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\x1f\x8bno", b"BZhno", b"\xfd7zXZ\x00no", tar()], ids=range(6)
)
def test_of_what_is_no_archive_nothing_is_told(content: bytes) -> None:
    """Whatever it begins with."""
    assert listing(content) == []


def test_of_a_very_large_one_only_so_much_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be it in bytes or in members."""
    monkeypatch.setattr(module, "MAX_BYTES", 1 << 16)
    noise = random.Random(1).randbytes(30_000)
    assert listing(tar("a", "b", "c", content=noise))[0].startswith("at least 2 entries")
    monkeypatch.setattr(module, "MAX_MEMBERS", 2)
    assert listing(tar("a", "b", "c"))[0] == "at least 2 entries, 6 bytes"
