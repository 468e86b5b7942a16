"""The model of a world that a package brings along, `cases/world.py`: what calls find and do that are not about files.

It is somebody's code, as the plugin is, so it runs where that runs: in the sandbox, as a provider whose resources are
worlds. Invariant: it has no memory; what it knows is the world that it is given, and gives back.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from reconciler.conformance.cases import CASES, World
from reconciler.errors import ProviderError
from reconciler.model.calls import Call, Reply
from reconciler.model.catalog import Kind
from reconciler.model.names import Digest
from reconciler.plugins.calls import Phase
from reconciler.plugins.host import PluginHost
from reconciler.plugins.manifest import Limits
from reconciler.plugins.packages import Package
from reconciler.targets.parsing import reply as reply_of

MODEL = "world.py"
NAME = "cases.world"

_PLUGIN = '''\
"""Has the model of a world answer calls, as if that were reading."""

from froyo_provider import Actual, CallError, Provider

import world as model


class World(Provider):
    async def read(self, wanted):
        return [self.answered(one.spec["world"], one.spec["call"], one.spec["args"]) for one in wanted]

    def answered(self, world, call, args):
        try:
            reply = {"ok": model.answer(world, call, args)}
        except CallError as error:
            reply = {"error": {"class": error.error_class, "code": error.code or "failed", "message": error.message}}
        return Actual(True, {"world": world, "reply": reply})

    def plan(self, wanted, actual):
        return []
'''


class ModelFailed(Exception):
    """The model of the world has a defect, which says nothing of the package."""


class Model:
    """Answers calls.

    Args:
        host: runs it.
    """

    def __init__(self, host: PluginHost) -> None:
        self._host = host

    async def answer(self, world: World, call: Call) -> tuple[World, Reply]:
        """What is answered to a call in a world, and what the world is afterwards.

        Raises:
            ModelFailed: it cannot.
        """
        address = "host/World/it"
        spec = {"world": world, "call": call.name, "args": dict(call.args)}
        resource = {"address": address, "kind": "World", "name": "it", "spec": spec}
        request = {"target": {"name": "host"}, "resources": [resource]}
        try:
            [found] = (await self._host.run(NAME, Phase.READ, request, _nothing))["actual"]
        except ProviderError as error:
            raise ModelFailed(f"cases/world.py: {error}") from error
        if "fault" in found:
            raise ModelFailed(f"cases/world.py, asked for {call.name}: {found['fault']['message']}")
        state = found["state"]
        reply = state["reply"]
        if not isinstance(reply.get("ok", {}), dict):
            raise ModelFailed(
                f"cases/world.py, asked for {call.name}: answered {json.dumps(reply['ok'])}, no object"
            )
        return state["world"], reply_of(reply)


async def _nothing(_calls: list[Call]) -> list[Reply]:
    raise ModelFailed("cases/world.py makes a call: it is the world, and answers them")


def open_model(
    package: Path, make_host: Callable[[Package], PluginHost], directory: Path
) -> PluginHost | None:
    """A host that runs the model of a package's cases; None where it has none.

    Args:
        package: its directory.
        make_host: makes a host of one package.
        directory: an empty one that lasts as long as the host.
    """
    source = package / CASES / MODEL
    if not source.is_file():
        return None
    (directory / "plugin.py").write_text(_PLUGIN, encoding="utf-8")
    shutil.copyfile(source, directory / MODEL)
    digest = Digest(f"sha256:{hashlib.sha256(source.read_bytes()).hexdigest()}")
    kind = Kind(api_version="froyo.dev/v1alpha1", kind="World", plural="worlds", package=NAME, schema={})
    return make_host(
        Package(
            name=NAME,
            version="0.0.0",
            directory=directory,
            entry=directory / "plugin.py",
            digest=digest,
            kinds=(kind,),
            capabilities=(),
            limits=Limits(),
        )
    )
