"""A target with packages in memory: the world of the package's own cases, with files beside it.

The real ones are in `test_real_apt.py`.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from froyo_provider import CallError
from froyo_provider.testing.memory import MemoryHost, Node

Json: TypeAlias = "dict[str, Any]"
PACKAGE = Path(__file__).parents[3] / "providers" / "linux.pkg"
DIRECTORIES = (
    *("/etc", "/etc/apt", "/etc/apt/sources.list.d"),
    *("/var", "/var/lib", "/var/lib/apt", "/var/lib/apt/lists", "/var/cache"),
)


@cache
def model() -> ModuleType:
    """The package's `cases/world.py`."""
    spec = importlib.util.spec_from_file_location("linux_pkg_world", PACKAGE / "cases" / "world.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def known(*versions: str, **fields: Any) -> Json:
    """A package of a repository, the newest version first."""
    return {"versions": list(versions), **fields}


def installed(version: str, state: str = "installed", **fields: Any) -> Json:
    """A package of dpkg's database."""
    return {"version": version, "state": state, **fields}


class Debian:
    """A target.

    Attributes:
        world: what there is, but files.
        files: those.
        calls: all that was asked.
        ran: the programs that were run.
    """

    def __init__(self, available: dict[str, Json]) -> None:
        self.apt: Json = {}
        self.installed: dict[str, Json] = {}
        self.available = available
        self.world: Json = {"available": available, "installed": self.installed, "manager": {"apt": self.apt}}
        self.files = MemoryHost({path: Node("directory", 0o755) for path in DIRECTORIES})
        self.calls: list[Json] = []
        self.ran: list[list[str]] = []

    def reply(self, call: Json) -> Json:
        """The reply to one call."""
        self.calls.append(call)
        name, args = call["call"], call["args"]
        if name.startswith(("file.", "dir.")):
            return self.files.reply(call)
        if name == "exec.run":
            self.ran.append(args["argv"])
        world = self.world | {"files": self.files.nodes} if name == "pkg.changed" else self.world
        try:
            reply = {"ok": model().answer(world, name, args)}
        except CallError as error:
            return {"error": {"class": error.error_class, "code": error.code, "message": error.message}}
        for path in self.world.pop("files", {}):
            self.files.nodes[path] = Node()
        return reply

    def asked(self, name: str) -> int:
        """How many calls there were of a name."""
        return len([one for one in self.calls if one["call"] == name])
