"""Makes the component that runs every plugin.py, with componentize-py. Called by the build.

It is also a command: `python providers/runtime/build.py OUT [PLUGIN...]`.

It must not import the project: it runs before there is one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

WORLD = "provider"
APP = "froyo_runtime"
HERE = Path(__file__).resolve().parent


def build(out: Path, sdk_dir: Path, plugins: Sequence[Path] = ()) -> None:
    """Make the component.

    Args:
        out: where to put it.
        sdk_dir: the directory that holds the package `froyo_provider`.
        plugins: directories of packages whose plugin.py is to be loaded in it from the beginning.

    Raises:
        RuntimeError: componentize-py refuses; carries what it says.
    """
    with tempfile.TemporaryDirectory() as scratch:
        packages = [sources(plugin) for plugin in plugins]
        (Path(scratch) / "froyo_built_in.py").write_text(f"PACKAGES = {packages!r}\n", encoding="utf-8")
        componentize(out, app=APP, paths=[HERE, sdk_dir, Path(scratch)])


def sources(package: Path) -> str:
    """The modules of a package as it is loaded: to the letter as `reconciler.plugins.packages` gives them."""
    modules = {path.stem: path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py"))}
    return json.dumps(modules)


def componentize(out: Path, *, app: str, paths: list[Path]) -> None:
    """Make a component of the world `provider` from a Python module.

    WASI is replaced by traps, so that the component imports nothing at all: the host refuses it otherwise.

    Args:
        out: where to put it.
        app: the module that defines the class `Lifecycle`.
        paths: where it and what it imports are found.

    Raises:
        RuntimeError: componentize-py refuses; carries what it says.
    """
    command = [sys.executable, "-c", "import componentize_py; componentize_py.script()"]
    command += ["-d", str(HERE / "wit"), "-w", WORLD, "componentize", "--stub-wasi", "-o", str(out)]
    for path in paths:
        command += ["-p", str(path)]
    # It would take modules out of a virtual environment that happens to be active.
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(
        [*command, app],
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=_politely,
    )
    if done.returncode != 0:
        said, _, _ = done.stdout.partition("Stack backtrace:")
        raise RuntimeError(f"componentize-py does not make {app}:\n{said.rstrip()}")


def _politely() -> None:
    os.nice(10)


if __name__ == "__main__":
    build(Path(sys.argv[1]), HERE.parent / "sdk", [Path(plugin) for plugin in sys.argv[2:]])
