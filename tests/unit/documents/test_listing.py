"""What is in an archive is told in a few lines, whatever it is."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile

import pytest

from reconciler.documents import listing as module
from reconciler.documents.listing import SHOWN, listing


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


def lying(size: int) -> bytes:
    """An archive with less in it than its header says."""
    member = tarfile.TarInfo("a")
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT) + bytes(512)


def zipped(entries: int) -> bytes:
    """The index of a zip archive, and nothing else of it."""
    index = (struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, *[0] * 8, 1, *[0] * 6) + b"a") * entries
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries & 0xFFFF, entries & 0xFFFF, len(index), 4, 0)
    return b"PK\x03\x04" + index + end


def extended(header: bytes, type_: bytes = tarfile.XHDTYPE) -> bytes:
    """An archive with an extended header."""
    member = tarfile.TarInfo("x")
    member.type, member.size = type_, len(header)
    filler = bytes(-len(header) % 512)
    return gzip.compress(member.tobuf(tarfile.USTAR_FORMAT) + header + filler + tar("a", mode="w"))


def test_what_a_header_says_is_there_is_not_waited_for() -> None:
    """Be it more than anybody has, or less than nothing."""
    assert listing(lying(1 << 60))[0].startswith("at least 1 entries")
    negative = bytearray(lying(0))
    negative[124:136] = b"\xff" * 12
    negative[148:156] = b"%06o\0 " % sum(negative[:148] + b" " * 8 + negative[156:512])
    assert listing(bytes(negative)) == []


def test_an_index_of_a_million_entries_is_not_read() -> None:
    """Of one entry it is."""
    assert listing(zipped(1)) == ["1 entries, 0 bytes", "+a"]
    assert listing(zipped(module.MAX_MEMBERS + 1)) == []


def test_names_take_no_more_than_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one for each directory on the way; and one that is no path is none."""
    assert listing(tar("a/" * 100_000 + "b")) == []
    found = listing(tar("a/" * 2000 + "b", "a/" * 2000 + "c"))
    assert found[1:] == ["+b", "+c"]
    assert len(found[0]) < 200
    assert listing(tar("n" * 200)) == ["1 entries, 3 bytes", f"+{'n' * module.SHOWN_NAME}…"]
    monkeypatch.setattr(module, "MAX_EFFORT", 100)
    assert listing(extended(b"1" * 1000)) == []


def test_an_extended_header_on_which_the_library_would_work_for_days_is_not_read() -> None:
    """Whichever kind it is of."""
    for type_ in (tarfile.XHDTYPE, tarfile.XGLTYPE):
        assert listing(extended(b"1" * (1 << 20), type_)) == []
    assert listing(extended(b"11 path=bc\n"))[1:] == ["+bc"]


def test_a_name_makes_up_no_lines() -> None:
    """A newline in it is a blank."""
    assert listing(tar("a\n- b"))[1:] == ["+a - b"]


def test_what_is_there_twice_is_no_directory() -> None:
    """Nor is what a name begins with."""
    assert listing(tar("a", "a", "ab"))[1:] == ["+a", "+ab"]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("/", "")
    assert listing(made.getvalue()) == []
