"""Colours, signs and widths: what a terminal is taken for."""

import io

import pytest

from reconciler.cli.terminal import make_terminal
from tests.unit.cli.screens import Screen, pipe


class Tty(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class Pipe(io.StringIO):
    encoding = "utf-8"


class Latin(Pipe):
    encoding = "iso-8859-1"


def test_a_terminal_has_colours_and_a_pipe_has_none():
    assert make_terminal(Tty(), Tty(), {"TERM": "xterm"}).colour
    assert not make_terminal(Pipe(), Tty(), {"TERM": "xterm"}).colour


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_some_want_none(environ):
    assert not make_terminal(Tty(), Tty(), environ).colour


def test_options_and_the_environment_decide():
    assert not make_terminal(Tty(), Tty(), {"FORCE_COLOR": "1"}, no_color=True).colour
    assert make_terminal(Pipe(), Pipe(), {"FORCE_COLOR": "1"}).colour
    assert not make_terminal(Tty(), Tty(), {"TERM": "dumb"}).interactive


def test_a_pipe_has_no_width_so_that_nothing_is_cut(monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    assert make_terminal(Pipe(), Pipe(), {}).width is None
    assert make_terminal(Tty(), Tty(), {}).width == 50
    monkeypatch.setenv("COLUMNS", "5")
    assert make_terminal(Tty(), Tty(), {}).width == 20


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (Pipe(), {}, True),
        (Pipe(), {"LANG": "de_DE.UTF-8"}, True),
        (Pipe(), {"LANG": "C"}, False),
        (Pipe(), {"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, False),
        (Latin(), {}, False),
    ],
)
def test_signs_are_shown_where_they_arrive(stream, environ, expected):
    assert make_terminal(stream, stream, environ).unicode is expected


def test_signs_become_words_of_ascii():
    screen = Screen(unicode=False)
    screen.terminal.line("✔ a → b … └─ ✘")
    assert screen.text == "+ a -> b ... `- x\n"
    assert screen.text.isascii()


def test_quiet_says_only_what_went_wrong():
    screen = Screen(quiet=True)
    screen.terminal.say("all is well")
    screen.terminal.line("nothing is")
    screen.terminal.note("beside")
    assert screen.text == "nothing is\n"
    assert screen.err.getvalue() == "beside\n"


def test_text_is_made_to_fit():
    assert pipe().fit("a\nb\tc\x1b") == "a b c␛"
    assert pipe(width=20).fit("x" * 30) == "x" * 19 + "…"
    assert pipe(width=20).fit("x" * 30, taken=19) == "x" * 7 + "…"
    assert pipe(colour=True).paint("good", "") == ""
