"""A Ctrl-C before there is anybody to take it: it is kept until there is, and no interpreter dies of it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

SHOWS_ITS_SIGNALS = f"""\
#!{sys.executable}
import signal, sys
print(*signal.pthread_sigmask(signal.SIG_BLOCK, ()))
print(*sys.argv[1:])
"""


def interrupted_already():
    """What a process is like to which a Ctrl-C came at its very first moment."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def installed(tmp_path):
    """The script, beside a Python that only shows what it was begun with."""
    script, python = tmp_path / "bin" / "froyo", tmp_path / "bin" / "python3"
    script.parent.mkdir()
    script.write_bytes((ROOT / "reconciler" / "cli" / "froyo.sh").read_bytes())
    python.write_text(SHOWS_ITS_SIGNALS)
    for file in (script, python):
        file.chmod(0o755)
    return script


def said(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def test_python_begins_with_ctrl_c_blocked(installed):
    blocked, called = said(installed, "get", "a b").splitlines()
    assert blocked == str(int(signal.SIGINT))
    assert called.endswith("main() # froyo get a b")


def test_a_link_to_the_script_finds_the_python_beside_it(installed, tmp_path):
    link = tmp_path / "froyo"
    link.symlink_to(installed)
    assert said(link, "status").endswith("# froyo status\n")


def test_where_no_python_is_beside_it_the_one_on_the_path_is_taken(installed, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (installed.parent / "python3").rename(other / "python3")
    done = subprocess.run(
        [installed, "status"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": f"{other}:{os.environ['PATH']}"},
    )
    assert done.stdout.endswith("# froyo status\n")


def test_a_ctrl_c_that_came_before_python_was_ready_ends_it_without_a_traceback():
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from reconciler.cli import main; main()", "version"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        preexec_fn=interrupted_already,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
