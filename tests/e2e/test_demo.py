"""`make demo` is the first thing that a stranger runs."""

import os
import subprocess
import sys

import pytest

from tests.e2e.site import CACHE, ROOT

pytestmark = pytest.mark.slow


def listing(directory):
    """What is there, apart from what those who look over our shoulder leave, such as .coverage files."""
    return sorted(name for name in os.listdir(directory) if not name.startswith((".", "__pycache__")))


def test_the_demo_shows_what_it_promises_and_touches_nothing_outside_its_directory(tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environ = {**os.environ, "HOME": str(home), "TMPDIR": str(temporary), "FROYO_CACHE": str(CACHE)}
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "FROYO_STATE"):
        environ.pop(name, None)
    before = {path: listing(path) for path in (ROOT, ROOT / "examples" / "demo", "/dev/shm")}
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo", "files"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("✔") >= 6 + 3
    assert "put back after" in done.stdout
    assert "\x1b" not in done.stdout  # no colours in a pipe
    assert listing(home) == []
    assert listing(temporary) == []
    left = {path: listing(path) for path in before}
    assert left[ROOT] == before[ROOT] or set(left[ROOT]) ^ set(before[ROOT]) <= {"build"}
    assert left[ROOT / "examples" / "demo"] == before[ROOT / "examples" / "demo"]
