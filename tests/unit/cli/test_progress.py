"""What is shown while something goes on."""

import io

import pytest

from reconciler.cli import progress as progress_module
from reconciler.cli.progress import APPLYING, PLANNING, LiveProgress
from reconciler.cli.terminal import Terminal
from tests.unit.cli.screens import Screen, pipe


class Tty(io.StringIO):
    def isatty(self):
        return True


def addresses(target, *names):
    return [f"{target}/File/{name}" for name in names]


def test_a_tree_says_which_targets_are_at_what_and_which_of_their_units_are_under_way():
    progress = LiveProgress(pipe(height=24), APPLYING)
    for name, number in (("web-1", 4), ("web-2", 2), ("web-3", 2), ("web-4", 1), ("web-5", 9)):
        progress.step(name, "connecting", addresses(name, *map(str, range(number))))
    progress.step("web-1", "applying", addresses("web-1", "a", "b", "c"))
    progress.ended("web-1/File/b")
    progress.step("web-2", "done", [])
    progress.step("web-3", "done", addresses("web-3", "0", "1"))
    progress.step("web-4", "failed", [])
    assert progress.tree(1.0).plain.split("\n") == [
        "⠋ applying: 3 of 5 targets, 5 of 18 instances, 1.0 s",
        "├─ web-1  applying 3 of 4 instances",
        "│  ├─ File/a",
        "│  └─ File/c",
        "├─ web-5  connecting",
        "├─ web-2  done, as declared",
        "├─ web-3  done, 2 changed",
        "└─ web-4  failed",
    ]


def test_the_units_of_the_last_target_hang_below_it_and_many_are_counted():
    progress = LiveProgress(pipe(height=24), PLANNING)
    progress.step("web-1", "connecting", addresses("web-1", *"abcdefgh"))
    progress.step("web-1", "reading", addresses("web-1", *"abcdefgh"))
    assert progress.tree(0.0).plain.split("\n") == [
        "⠋ planning: 0 of 1 target, 0 of 8 instances, 0.0 s",
        "└─ web-1  reading 8 instances",
        "   ├─ File/a",
        "   ├─ File/b",
        "   ├─ File/c",
        "   ├─ File/d",
        "   └─ … and 4 more",
    ]
    progress.step("web-1", "done", addresses("web-1", *"ab"))
    assert progress.tree(0.0).plain.split("\n")[1:] == ["└─ web-1  done, 2 to change"]


@pytest.mark.parametrize("height", range(5, 30))
@pytest.mark.parametrize("targets", [1, 3, 50])
def test_it_is_never_higher_than_the_terminal(height, targets):
    progress = LiveProgress(pipe(height=height), APPLYING)
    for number in range(targets):
        name = f"t{number}"
        progress.step(name, "connecting", addresses(name, *map(str, range(100))))
        progress.step(name, "applying", addresses(name, *map(str, range(100))))
    lines = progress.tree(0.0).plain.split("\n")
    assert len(lines) <= max(3, height - 3)
    assert lines[1].startswith(("├─ t0", "└─ t0"))


def test_a_low_terminal_shows_what_is_still_going_on():
    progress = LiveProgress(pipe(height=6), APPLYING)
    for number in range(50):
        progress.step(f"t{number}", "done" if number < 40 else "reading", addresses("t", "a"))
    lines = progress.tree(0.0).plain.split("\n")
    assert len(lines) == 3
    assert "t40" in lines[1]
    assert lines[-1] == "└─ … and 49 more targets"


def test_names_from_elsewhere_are_made_safe():
    progress = LiveProgress(pipe(), APPLYING)
    progress.step("a\x1b[2J", "connecting", ["a\x1b[2J/File/\r"])
    progress.step("a\x1b[2J", "reading", ["a\x1b[2J/File/\r"])
    assert not {"\x1b", "\r"} & set(progress.tree(0.0).plain)
    progress.ended("nobody/File/x")


def test_without_colours_nothing_has_a_style():
    progress = LiveProgress(pipe(), APPLYING)
    progress.step("a", "reading", addresses("a", "x"))
    assert not any(span.style for span in progress.tree(0.0).spans)
    painted = LiveProgress(pipe(colour=True), APPLYING)
    painted.step("a", "reading", addresses("a", "x"))
    assert any(span.style for span in painted.tree(0.0).spans)


def test_without_unicode_the_tree_is_ascii():
    progress = LiveProgress(pipe(unicode=False), APPLYING)
    progress.step("a", "reading", addresses("a", *map(str, range(1))))
    progress.step("b", "reading", addresses("b", *map(str, range(1))))
    assert progress.tree(0.3).plain.isascii()


def test_a_pipe_is_told_only_of_what_takes_long(monkeypatch):
    screen = Screen()
    progress = LiveProgress(screen.terminal, APPLYING)
    progress.step("a", "reading", addresses("a", *map(str, range(1))))
    assert screen.err.getvalue() == ""
    monkeypatch.setattr(progress_module, "PLAIN_PATIENCE", -1.0)
    progress.step("a", "applying", addresses("a", *map(str, range(2))))
    assert screen.err.getvalue() == "a: applying 2 instances\n"


def test_more_is_said_when_asked_and_nothing_when_quiet(monkeypatch):
    monkeypatch.setattr(progress_module, "PLAIN_PATIENCE", -1.0)
    loud, quiet = Screen(verbose=True), Screen(quiet=True)
    for screen in (loud, quiet):
        progress = LiveProgress(screen.terminal, APPLYING)
        progress.step("a", "connecting", addresses("a", *map(str, range(1))))
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
        async with LiveProgress(screen, APPLYING) as progress:
            progress.step("web-1", "reading", addresses("web-1", "x"))
            while "web-1" not in err.getvalue():  # noqa: ASYNC110 - it draws when its own clock says so
                await asyncio.sleep(0)
            assert not failing
    except AssertionError:
        assert failing
    text = err.getvalue()
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert text.endswith("\x1b[2K")


def test_a_walk_that_comes_to_a_step_again_is_no_news_to_a_pipe(monkeypatch):
    """Twenty resources of two hosts were fifty lines in the log of a pipeline."""
    monkeypatch.setattr(progress_module, "PLAIN_PATIENCE", -1.0)
    screen = Screen()
    progress = LiveProgress(screen.terminal, APPLYING)
    progress.step("web-1", "connecting", addresses("web-1", *"abc"))
    for number in (3, 2, 1):
        progress.step("web-1", "reading", addresses("web-1", *"abc"[:number]))
        progress.step("web-1", "applying", addresses("web-1", *"abc"[:number]))
    progress.step("web-1", "failed", [])
    assert screen.err.getvalue().splitlines() == [
        "web-1: connecting",
        "web-1: reading 3 instances",
        "web-1: applying 3 instances",
        "web-1: failed",
    ]


def test_what_goes_on_as_before_is_said_once():
    """Sixty files that each take a second were sixty lines in the log of a pipeline."""
    loud = Screen(verbose=True)
    progress = LiveProgress(loud.terminal, APPLYING)
    progress.step("web-1", "connecting", addresses("web-1", *"abc"))
    for name in "abc":
        progress.step("web-1", "applying", addresses("web-1", name))
    progress.step("web-1", "done", addresses("web-1", *"abc"))
    assert loud.err.getvalue().splitlines() == [
        "web-1: connecting",
        "web-1: applying 1 of 3 instances",
        "web-1: done, 3 changed",
    ]
