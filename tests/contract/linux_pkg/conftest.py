"""The kinds of linux.pkg as their tests drive them: in this process, against a target in memory."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from froyo_provider.testing import Harness, resource
from reconciler.model.resource import Instance
from tests.contract.linux_pkg.memory import PACKAGE, Debian, Json


@functools.cache
def modules() -> dict[str, ModuleType]:
    """The package's own modules. Those of other packages may have the same names, so nothing of them stays behind."""
    names = [path.stem for path in sorted(PACKAGE.glob("*.py"))]
    others = {name: sys.modules.pop(name) for name in names if name in sys.modules}
    sys.path.insert(0, str(PACKAGE))
    try:
        return {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(PACKAGE))
        for name in names:
            sys.modules.pop(name, None)
        sys.modules.update(others)


def kind(name: str, module: str) -> Any:
    """Something of the package, such as a class."""
    return getattr(modules()[module], name)


class Bench:
    """What is declared of packages, and a target on which it is put right."""

    def __init__(self, **known: Json) -> None:
        self.debian = Debian({name.replace("_", "-"): one for name, one in known.items()})
        self.harness = Harness(
            [kind("Package", "packages"), kind("Repository", "repositories")],
            self.debian,
        )  # type: ignore[arg-type] # it answers as a World

    def package(self, *names: str, **spec: Any) -> Json:
        """One instance."""
        named = {"package": names[0]} if len(names) == 1 else {"packages": list(names)}
        return resource("Package", names[0], ignore=spec.pop("ignore", ()), **named, **spec)

    def declared(self, one: Instance) -> Json:
        """An instance as it stands in a request."""
        return {"address": one.address, "kind": one.kind, "name": one.metadata.name, "spec": dict(one.spec)}

    def plan(self, *resources: Json) -> list[Json]:
        """What is to be done."""
        return self.harness.plan(resources, self.harness.read(resources))

    def put_right(self, *resources: Json) -> list[Json]:
        """What came of it, where anything was to be done."""
        return self.harness.apply([one for one in self.plan(*resources) if not one.get("obstacles")])

    def versions(self) -> dict[str, str]:
        """What is installed."""
        return {
            name: one["version"] for name, one in self.debian.installed.items() if one["state"] == "installed"
        }


@pytest.fixture
def bench() -> Callable[..., Bench]:
    return Bench
