"""Diffs for a person."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.diff import MAX_BYTES, Body, body, unified

LONG = 10_000_000


def text(content: str) -> Body:
    return body(content.encode(), f"sha256:{hash(content):x}")


def diff(before: str, after: str, **limits) -> list[str]:
    return unified(text(before), text(after), **limits).split("\n")


def patched(before: str, lines: list[str]) -> str:
    """What patch(1) would make of it."""
    old = before.split("\n")
    old = [f"{line}\n" for line in old[:-1]] + ([old[-1]] if old[-1] else [])
    new: list[str] = []
    taken = 0
    for index, line in enumerate(lines):
        if header := re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line):
            start, length = int(header[1]), int(header[2] or 1)
            start -= 1 if length else 0
            new += old[taken:start]
            taken = start
            continue
        if line.startswith("\\"):
            continue
        bare = index + 1 < len(lines) and lines[index + 1].startswith("\\")
        content = line[1:] + ("" if bare else "\n")
        if line[0] in " -":
            assert old[taken] == content
            taken += 1
        if line[0] in " +":
            new.append(content)
    return "".join(new + old[taken:])


def test_equal_texts_have_no_diff():
    assert unified(text("a\n"), text("a\n")) == ""
    assert unified(None, None) == ""


def test_a_change_is_shown_with_three_lines_around_it():
    before = "".join(f"{number}\n" for number in range(1, 21))
    assert diff(before, before.replace("10\n", "ten\n")) == [
        "@@ -7,7 +7,7 @@",
        " 7",
        " 8",
        " 9",
        "-10",
        "+ten",
        " 11",
        " 12",
        " 13",
    ]


def test_changes_further_apart_are_hunks_of_their_own_and_nearer_ones_are_not():
    before = "".join(f"{number}\n" for number in range(1, 31))
    far = diff(before, before.replace("5\n", "five\n", 1).replace("20\n", "twenty\n"))
    near = diff(before, before.replace("5\n", "five\n", 1).replace("12\n", "twelve\n"))
    assert sum(line.startswith("@@") for line in far) == 2
    assert sum(line.startswith("@@") for line in near) == 1


def test_creation_and_removal_are_diffs_from_and_to_nothing():
    assert unified(None, text("a\nb\n")).split("\n") == ["@@ -0,0 +1,2 @@", "+a", "+b"]
    assert unified(text("a\n"), None).split("\n") == ["@@ -1 +0,0 @@", "-a"]


def test_an_empty_file_that_comes_or_goes_is_not_nothing():
    empty = body(b"", "sha256:e3b0")
    assert unified(None, empty) == "nothing → sha256:e3b0 (0 bytes)"
    assert unified(empty, None) == "sha256:e3b0 (0 bytes) → nothing"


def test_a_missing_newline_at_the_end_is_told_on_the_side_where_it_is_missing():
    assert diff("a\nb", "a\nb\n") == ["@@ -1,2 +1,2 @@", " a", "-b", "\\ No newline at end of file", "+b"]
    assert diff("a", "b")[-1] == "\\ No newline at end of file"


def test_carriage_returns_can_be_seen():
    assert diff("a\r\nb\r\n", "a\nb\n") == ["@@ -1,2 +1,2 @@", "-a␍", "-b␍", "+a", "+b"]


def test_nothing_that_a_terminal_would_obey_gets_through():
    shown = unified(None, text("\x1b[2J\x07\x7f\x9b1m\u202etxt.exe\u2028x\ty\x0c\n"))
    assert shown == "@@ -0,0 +1 @@\n+␛[2J␇␡\\u009b1m\\u202etxt.exe\\u2028x\ty␌"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"text\0"], ids=["not UTF-8", "a NUL"])
def test_what_is_not_text_is_told_by_digest_and_size(content):
    side = body(content, "sha256:bb")
    assert side.text is None
    expected = f"sha256:aa (2 bytes) → sha256:bb ({len(content)} bytes), binary"
    assert unified(body(b"a\n", "sha256:aa"), side) == expected
    assert unified(side, None).endswith("→ nothing, binary")


def test_a_text_that_is_not_at_hand_is_told_by_digest_and_size():
    assert (
        unified(Body("sha256:aa", 9), Body("sha256:bb", 8))
        == "sha256:aa (9 bytes) → sha256:bb (8 bytes), not shown"
    )
    assert unified(Body("sha256:aa", 9), Body("sha256:aa", 9)) == ""


def test_a_diff_of_too_many_lines_is_cut_and_says_what_is_missing():
    lines = unified(None, text("x\n" * 50), max_lines=11).split("\n")
    assert lines[:2] == ["@@ -0,0 +1,50 @@", "+x"]
    assert len(lines) == 12
    assert re.fullmatch(r"… 40 more lines: nothing → sha256:\S+ \(100 bytes\)", lines[-1])


def test_a_diff_of_too_many_bytes_is_cut_and_says_what_is_missing():
    shown = unified(None, text("ü" * 60_000 + "\n" + "ü" * 60_000))
    assert len(shown.encode()) <= MAX_BYTES + 200
    assert shown.split("\n")[-1].startswith("… 3 more lines: ")
    assert unified(None, text("a\nb\n"), max_bytes=20).split("\n")[-1].startswith("… 1 more line: ")


def test_texts_with_nothing_in_common_and_very_long_ones_are_one_block():
    assert diff("a\nb\n", "c\n") == ["@@ -1,2 +1 @@", "-a", "-b", "+c"]
    before, after = "".join(f"{n}\n" for n in range(3000)), "".join(f"{n}\n" for n in range(2999, -1, -1))
    lines = diff(before, after, max_bytes=LONG, max_lines=LONG)
    assert len(lines) == 6001
    assert patched(before, lines) == after


def test_lines_that_repeat_very_often_cost_no_more_than_they_are_worth():
    before = "a\n" + "same\n" * 500 + "b\n"
    after = "b\n" + "same\n" * 501 + "a\n"
    lines = diff(before, after, max_bytes=LONG, max_lines=LONG)
    assert len(lines) == 1 + 502 + 503
    assert patched(before, lines) == after


LINES = st.lists(st.sampled_from(["a", "b", "c", "", " x"]), max_size=30).map("\n".join)


@given(before=LINES, after=LINES)
def test_a_diff_leads_from_the_one_text_to_the_other(before, after):
    shown = unified(text(before), text(after))
    assert bool(shown) is (before != after)
    assert patched(before, shown.split("\n") if shown else []) == after


SOME = st.lists(st.sampled_from(["a", "b", "c", "", " x"]), max_size=12)


@given(head=SOME, old=SOME, new=SOME, tail=SOME)
def test_a_change_in_one_place_shows_no_more_than_that_place(head, old, new, tail):
    before, after = ("".join(f"{line}\n" for line in (*head, *middle, *tail)) for middle in (old, new))
    shown = unified(text(before), text(after))
    changed = sum(line[0] in "+-" for line in shown.split("\n") if line)
    assert changed <= len(old) + len(new)
