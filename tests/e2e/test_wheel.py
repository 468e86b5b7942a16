"""The wheel carries all that it takes: it is installed without any toolchain, and works."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.e2e.site import CACHE, ROOT, instance, local

pytestmark = pytest.mark.slow


def run(*argv, **given):
    done = subprocess.run([str(part) for part in argv], check=False, capture_output=True, text=True, **given)
    assert done.returncode == 0, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def froyo(tmp_path_factory) -> Path:
    """The command, installed from a wheel into an environment of its own.

    The dependencies are taken from where these tests have them, so that no network is needed; only what is the
    project's own comes from the wheel.
    """
    directory = tmp_path_factory.mktemp("wheel")
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"),
        *("--wheel-dir", directory, ROOT),
    )
    (wheel,) = directory.glob("openfroyo-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"reconciler/_artifacts/runner-linux-amd64", "reconciler/_artifacts/python-runtime.wasm"} <= set(
        names
    )
    assert not [name for name in names if name.startswith(("tests/", "micro_runner/", "build/"))]

    venv = directory / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv)
    packages = next(venv.glob("lib/python*/site-packages"))
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        venv / "bin" / "python",
        "install",
        "--no-index",
        "--no-deps",
        wheel,
    )
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert not (packages / "openfroyo.pth").exists()
    return venv / "bin" / "froyo"


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
    site.assert_nothing_is_left()
