"""What is shown while something goes on."""

import io

import pytest

from reconciler.cli import progress as progress_module
from reconciler.cli.progress import Progress
from reconciler.cli.terminal import Terminal
from tests.unit.cli.screens import Screen, pipe


class Tty(io.StringIO):
    def isatty(self):
        return True


def test_a_tree_says_which_targets_are_at_what():
    progress = Progress(pipe(height=24), "applying")
    progress.step("web-1", "applying", 3)
    progress.step("web-2", "done", 0)
    progress.step("web-3", "done", 2)
    progress.step("web-4", "failed", 1)
    progress.step("web-5", "connecting", 9)
    assert progress.tree(1.0).plain.split("\n") == [
        "⠋ applying: 3 of 5 targets, 1.0 s",
        "├─ web-1  applying 3 instances",
        "├─ web-5  connecting",
        "├─ web-2  done, as declared",
        "├─ web-3  done, 2 changed",
        "└─ web-4  failed",
    ]


def test_a_low_terminal_shows_what_is_still_going_on():
    progress = Progress(pipe(height=6), "applying")
    for number in range(50):
        progress.step(f"t{number}", "done" if number < 40 else "reading", 1)
    lines = progress.tree(0.0).plain.split("\n")
    assert len(lines) == 4
    assert "t40" in lines[1]
    assert lines[-1] == "└─ … and 48 more targets"


def test_without_unicode_the_tree_is_ascii():
    progress = Progress(pipe(unicode=False), "applying")
    progress.step("a", "reading", 1)
    progress.step("b", "reading", 1)
    assert progress.tree(0.3).plain.isascii()


def test_a_pipe_is_told_only_of_what_takes_long(monkeypatch):
    screen = Screen()
    progress = Progress(screen.terminal, "applying")
    progress.step("a", "reading", 1)
    assert screen.err.getvalue() == ""
    monkeypatch.setattr(progress_module, "PLAIN_PATIENCE", -1.0)
    progress.step("a", "applying", 2)
    assert screen.err.getvalue() == "a: applying 2 instances\n"


def test_more_is_said_when_asked_and_nothing_when_quiet(monkeypatch):
    monkeypatch.setattr(progress_module, "PLAIN_PATIENCE", -1.0)
    loud, quiet = Screen(verbose=True), Screen(quiet=True)
    for screen in (loud, quiet):
        progress = Progress(screen.terminal, "applying")
        progress.step("a", "connecting", 1)
        progress.notice("compiling")
    assert loud.err.getvalue() == "a: connecting\ncompiling\n"
    assert quiet.err.getvalue() == ""


@pytest.mark.parametrize("failing", [False, True])
async def test_a_terminal_is_left_as_it_was_however_it_ends(monkeypatch, failing):
    import asyncio

    monkeypatch.setattr(progress_module, "PATIENCE", 0.0)
    err = Tty()
    screen = Terminal(out=Tty(), err=err, interactive=True, width=80)
    try:
        async with Progress(screen, "applying") as progress:
            progress.step("web-1", "reading", 1)
            while "web-1" not in err.getvalue():  # noqa: ASYNC110 - it draws when its own clock says so
                await asyncio.sleep(0)
            assert not failing
    except AssertionError:
        assert failing
    text = err.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert text.endswith("\x1b[2K")
