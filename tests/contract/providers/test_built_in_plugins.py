"""The built-in plugins are in the component itself: an instance that gets one of them has it at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.plugins.calls import Phase
from reconciler.plugins.compiled import CompiledCache
from reconciler.plugins.manifest import Limits
from reconciler.plugins.packages import RUNTIME, load_packages
from reconciler.plugins.sandbox import Program, Sandbox
from reconciler.plugins.steps import Finished

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.file"
(MODULES,) = (package.modules() for package in load_packages([PACKAGE]))
KINDS = '{"kinds":["Directory","File","Symlink"]}'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def program(sandbox: Sandbox, artifacts: Path, cache_dir: Path) -> Program:
    cache = CompiledCache(cache_dir)
    component = artifacts / RUNTIME
    return sandbox.open(cache.find(component) or cache.make(component, threading.Event()))


def _load(sandbox: Sandbox, program: Program, source: str) -> tuple[str, str]:
    """What loading answers, and what the instance then says of itself."""
    instance = sandbox.instantiate(program, Limits())
    try:
        image = instance.load(source)
        step = instance.start(Phase.INIT, "{}")
        assert isinstance(step, Finished)
        return image, step.text
    finally:
        instance.close()


def test_a_built_in_plugin_is_known_by_its_source_and_afterwards_by_a_short_name(
    sandbox: Sandbox, program: Program
) -> None:
    image, kinds = _load(sandbox, program, json.dumps(MODULES))
    assert image.startswith("#froyo-built-in:")
    assert len(image) < 100
    assert kinds == KINDS
    assert _load(sandbox, program, image) == (image, KINDS)


def test_a_built_in_plugin_that_somebody_has_changed_is_the_changed_one(
    sandbox: Sandbox, program: Program
) -> None:
    changed = {**MODULES, "plugin": MODULES["plugin"] + "\nclass Socket(File):\n    pass\n"}
    image, kinds = _load(sandbox, program, json.dumps(changed))
    assert image.startswith("#froyo-image:")
    assert kinds == '{"kinds":["Directory","File","Socket","Symlink"]}'
    assert _load(sandbox, program, image)[1] == kinds
