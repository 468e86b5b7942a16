"""How a command says what went wrong: where, why, and what to do. A traceback is for defects, and only when asked."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterator, Sequence

from reconciler import __version__
from reconciler.app.systems import explained
from reconciler.cli.here import from_here
from reconciler.cli.phrases import count
from reconciler.cli.streams import STANDARD_OUTPUT, silence
from reconciler.cli.terminal import Terminal
from reconciler.core.visible import one_line, visible
from reconciler.errors import ConfigError, FroyoError, Problem, in_words

SHOWN = 10
"""Problems that are shown in full, unless all are asked for: of a directory that is all wrong one reads no more."""


INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""
LATER = {"apply": "; what was done and what was cut off: froyo history; the next apply goes on from there"}
"""What more is said then of what has changed something."""


def guarded(screen: Terminal, name: str, work: Callable[[], int]) -> int:
    """The exit status of `work`, which is what the command `name` does; what went wrong has been said by then."""
    try:
        return work()
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        screen.note("froyo: interrupted" + LATER.get(name, ""))
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person is told, and not by a traceback
        return show_failure(screen, error)


def show_failure(screen: Terminal, error: Exception) -> int:
    """Say what went wrong, on standard error; the exit status."""
    failed = screen.paint("bad", "froyo:")
    if isinstance(error, ConfigError):
        for line in problem_lines(screen, error.problems):
            screen.note(line)
    elif isinstance(error, FroyoError):
        screen.note(f"{failed} {one_line(str(error))}")
    elif isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("reconciler"):
        # Most often the code is newer than what was installed with it.
        screen.note(
            f"{failed} {one_line(str(error))}: what froyo needs is not all there, or older than it is"
        )
        screen.note("install it anew; in a clone, `make build` does")
    elif isinstance(error, OSError) and error.strerror:
        # What we were pointed at cannot be read or written.
        screen.note(f"{failed} {one_line(_where(error) or explained(error))}")
        if error.filename == STANDARD_OUTPUT:
            silence()
    else:
        screen.note(f"{failed} this is a defect of froyo {__version__}: {visible(in_words(error))}")
        if screen.verbose:
            screen.note("".join(traceback.format_exception(error)).rstrip())
        else:
            screen.note("Please report it with what `-v` prints in addition, and with `froyo doctor`.")
    return 1


def _where(error: OSError) -> str:
    """What cannot be read or written, and why; "" where only the latter is known."""
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if not name.startswith(("/", STANDARD_OUTPUT)):
        try:
            os.getcwd()
        except FileNotFoundError:
            return "the working directory has been removed; `cd` to one that is there, or name what is meant from / on"
        except OSError:
            pass
    return f"{name}: {explained(error)}" if name else ""


def _excerpt(screen: Terminal, problem: Problem) -> Iterator[str]:
    """The line as it stands there, and a caret below the column."""
    if not problem.excerpt:
        return
    gutter = f"{problem.line:>5} "
    yield screen.paint("dim", f"{gutter}│ ") + visible(problem.excerpt)
    if problem.column:
        # The line's own tabs, so that the caret stands where a terminal puts the column.
        before = "".join(c if c == "\t" else " " for c in problem.excerpt[: problem.caret])
        yield screen.paint("dim", f"{' ' * len(gutter)}│ ") + before + screen.paint("bad", "^")


def problem_lines(screen: Terminal, problems: Sequence[Problem]) -> list[str]:
    """Every problem with its place, the line as it stands there, a caret below the column, and what to do."""
    lines: list[str] = []
    shown = len(problems) if screen.verbose else SHOWN
    for problem in problems[:shown]:
        place = screen.paint("bold", one_line(from_here(problem.location)))
        lines.append(f"{place}: {screen.paint('bad', visible(problem.message))}")
        lines += _excerpt(screen, problem)
        for other in problem.others:
            lines.append(f"      see also {screen.paint('bold', one_line(from_here(other.location)))}")
            lines += _excerpt(screen, other)
        if problem.hint:
            lines.append(f"      {screen.paint('note', one_line(problem.hint))}")
        lines.append("")
    if len(problems) > shown:
        lines.append(f"… and {count(len(problems) - shown, 'more problem')}; -v shows all")
    files = len({problem.file for problem in problems})
    lines.append(screen.paint("bad", f"{count(len(problems), 'problem')} in {count(files, 'file')}"))
    return lines
