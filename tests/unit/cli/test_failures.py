"""How a command says what went wrong."""

import errno
import os

import pytest

from reconciler.cli import run
from reconciler.cli.failures import SHOWN, problem_lines, show_failure
from reconciler.errors import ConfigError, Problem, UsageError
from tests.unit.cli.screens import Screen, pipe


def failure(error, **fields):
    screen = Screen(**fields)
    assert show_failure(screen.terminal, error) == 1
    assert screen.text == ""
    return screen.err.getvalue()


def test_every_problem_has_its_line_a_caret_and_what_to_do():
    problem = Problem("a.yaml", 12, 7, "there is no kind Fil", "did you mean 'File'?", "kind: Fil")
    assert problem_lines(pipe(), [problem, Problem("b.yaml", 0, 0, "cannot be read")]) == [
        "a.yaml:12:7: there is no kind Fil",
        "   12 │ kind: Fil",
        "      │       ^",
        "      did you mean 'File'?",
        "",
        "b.yaml: cannot be read",
        "",
        "2 problems in 2 files",
    ]


def test_the_caret_stands_below_its_column_behind_tabs_too():
    lines = problem_lines(pipe(), [Problem("a", 1, 3, "no", excerpt="\ta: b")])
    assert lines[1].endswith("│ \ta: b")
    assert lines[2].endswith("│ \t ^")


def test_a_directory_that_is_all_wrong_does_not_fill_the_screen():
    lines = problem_lines(pipe(), [Problem("a", n, 0, "no") for n in range(1, SHOWN + 11)])
    assert lines[-2:] == ["… and 10 more problems; -v shows all", f"{SHOWN + 10} problems in 1 file"]
    every = [Problem("a", n, 0, "no") for n in range(1, SHOWN + 11)]
    assert f"a:{SHOWN + 10}: no" in problem_lines(pipe(verbose=True), every)


def test_config_errors_are_shown_as_problems():
    assert "1 problem in 1 file" in failure(ConfigError([Problem("a", 1, 1, "no")]))


def test_other_errors_are_one_sentence_without_a_traceback():
    assert failure(UsageError("no target is named 'x'\x1b")) == "froyo: no target is named 'x'␛\n"
    assert failure(OSError(84, "Odd", "/x")) == "froyo: /x: odd\n"


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOENT, "make the directory first"),
        (errno.EEXIST, "something else is in the way"),
        (errno.EACCES, "see who may"),
        (errno.EROFS, "mount the file system read-write"),
        (errno.ENOSPC, "free some space"),
    ],
)
def test_what_the_system_refuses_comes_with_what_to_do(number, says):
    said = failure(OSError(number, os.strerror(number), "/srv/state"))
    assert said.startswith(f"froyo: /srv/state: {os.strerror(number)[0].lower()}{os.strerror(number)[1:]}; ")
    assert says in said


def test_a_defect_says_where_to_go_and_shows_the_traceback_when_asked():
    with pytest.raises(ZeroDivisionError) as caught:
        1 // 0  # noqa: B018 - it is what raises
    short, long = failure(caught.value), failure(caught.value, verbose=True)
    assert "defect of froyo" in short
    assert "report it" in short
    assert "Traceback" not in short
    assert "Traceback" in long


def test_what_is_not_installed_is_no_defect():
    for module, said in (("cel", "make build"), ("reconciler.gone", "defect of froyo")):
        assert said in failure(ModuleNotFoundError(f"there is no {module}", name=module))


def test_a_working_directory_that_is_gone_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (["apply"], ["validate"], ["init"], ["init", "site"]):
        assert run(words) == 1
        assert "froyo: the working directory has been removed; `cd` to one" in capsys.readouterr().err
