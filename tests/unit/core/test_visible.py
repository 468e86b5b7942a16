"""Text made safe for a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.visible import one_line, visible


def test_what_a_terminal_would_obey_is_shown_instead():
    assert visible("\x1b[2J\x07\r\x7f\x9b1m\u202eabc\u2028") == "␛[2J␇␍␡\\u009b1m\\u202eabc\\u2028"


def test_what_has_no_width_is_shown_instead():
    assert visible("a\u200bb\ufeffc\U000e0041") == "a\\u200bb\\ufeffc\\U000e0041"


def test_lines_tabs_and_letters_of_any_language_stay():
    assert visible("naïve\tπ\n漢字 🧊") == "naïve\tπ\n漢字 🧊"
    assert visible("plain") == "plain"


def test_what_stands_in_a_line_makes_up_no_other():
    assert one_line("done\n\tfine\r\n") == "done  fine␍ "


@given(st.text())
def test_nothing_that_a_terminal_would_obey_is_left(text):
    shown = visible(text)
    assert not any(ord(character) < 0x20 and character not in "\t\n" for character in shown)
    assert visible(shown) == shown
