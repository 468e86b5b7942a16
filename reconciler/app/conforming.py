"""Puts the conformance kit together: a package, its sandbox, and the world that it is tried in."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.app.catalogues import installed
from reconciler.app.places import Places
from reconciler.config.structural import kind_problems
from reconciler.conformance.cases import read_cases
from reconciler.conformance.exam import examine
from reconciler.conformance.model import Model, ModelFailed, open_model
from reconciler.conformance.stand import Stand
from reconciler.conformance.trials import Trial, trials_of
from reconciler.conformance.verdicts import PropertyVerdict
from reconciler.conformance.worlds import LivingWorld, MemoryWorld, UnknownCall
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, Target
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.host import PluginHost
from reconciler.plugins.manifest import MANIFEST
from reconciler.plugins.packages import Package, catalog, load_packages
from reconciler.runtime import Runtime, ThreadLanes, connect_nothing


def package_at(named: str, places: Places) -> Package:
    """The package in a directory, or else the installed one of that name.

    Raises:
        UsageError: there is none.
        ConfigError: it, or an installed one, is broken.
    """
    if (Path(named) / MANIFEST).is_file():
        [package] = load_packages([Path(named)], check=kind_problems)
        return package
    known = {package.name: package for package in installed(places)[0]}
    if named not in known:
        hint = did_you_mean(named, known) or "`froyo provider new NAME` writes a package"
        raise UsageError(
            f"{named}: there is no {MANIFEST} there, and no installed package of that name; {hint}"
        )
    return known[named]


async def check(package: Package, places: Places, *, notice: Callable[[str], None]) -> int:
    """Load a package in its sandbox, and read its cases; how many these are.

    Raises:
        ConfigError, ProviderError: something is wrong with it.
    """
    trials = _trials(package)
    async with _bench(package, places, notice) as bench:
        await bench.host.prepare(package)
    return len(trials)


async def conform(
    package: Package, places: Places, *, notice: Callable[[str], None], local: bool = False
) -> tuple[list[PropertyVerdict], int]:
    """Try a package: every property, over all of its cases.

    Args:
        package: which.
        places: where the artefacts and the cache are.
        notice: told what takes long, for a person to see.
        local: against the real runner, in a directory of this machine that is removed afterwards; else in memory.

    Returns:
        What was found, and how many cases there are.

    Raises:
        ConfigError: its cases are not understood.
        UsageError: its cases do not say enough of their world.
        ProviderError: it does not load.
    """
    trials = _trials(package)
    async with _bench(package, places, notice) as bench:
        await bench.host.prepare(package)
        world = await (bench.local_world() if local else bench.world())
        for trial in trials:
            for body in trial.bodies:
                world.add_body(body)
        try:
            return await examine(Stand(bench.host, package, world, bench.refusals), trials), len(trials)
        except (ModelFailed, UnknownCall) as error:
            raise UsageError(f"{package.directory}: {error}") from error


def _trials(package: Package) -> list[Trial]:
    kinds = {kind.kind: kind for kind in package.kinds}
    return trials_of(read_cases(package.directory, kinds), catalog([package]))


@dataclass(slots=True)
class _Bench:
    """What is there while a package is tried."""

    package: Package
    places: Places
    lanes: ThreadLanes
    make_host: Callable[[Package], PluginHost]
    host: PluginHost
    refusals: list[str]
    stack: contextlib.AsyncExitStack

    async def world(self) -> LivingWorld:
        """In memory; what is no file is answered by the model that the cases bring along."""
        scratch = tempfile.TemporaryDirectory(prefix="froyo-model-")
        self.stack.enter_context(scratch)
        host = open_model(self.package.directory, self.make_host, Path(scratch.name))
        if host is None:
            return MemoryWorld()
        self.stack.push_async_callback(host.close)
        return MemoryWorld(Model(host))

    async def local_world(self) -> LivingWorld:
        """Real files, in a directory that goes with the bench."""
        from reconciler.app.reaching import reaching
        from reconciler.conformance.local import LocalWorld
        from reconciler.targets.artifacts import Artifacts
        from reconciler.targets.session import Session

        root = self.stack.enter_context(_scratch())
        runtime = reaching(self.places, os.environ, self.lanes, Artifacts(self.places.artifacts))
        target = Target(TargetName("host"), {}, LocalTransport(), Digest("sha256:0"))
        session = await Session.open(target, runtime=runtime, on_event=lambda _: None)
        self.stack.push_async_callback(session.close)
        return LocalWorld(session, root)


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A directory of ours, as /srv is one of root's."""
    with tempfile.TemporaryDirectory(prefix="froyo-kit-") as made:
        root = Path(os.path.realpath(made))
        root.chmod(0o755)
        yield root


@contextlib.asynccontextmanager
async def _bench(package: Package, places: Places, notice: Callable[[str], None]) -> AsyncIterator[_Bench]:
    refusals: list[str] = []

    def audit(event: str, facts: Mapping[str, Any]) -> None:
        if event == "provider.refused":
            refusals.append(f"in {facts['phase']}: {facts['reason']}")

    async with contextlib.AsyncExitStack() as stack:
        lanes = ThreadLanes()
        stack.callback(lanes.close)
        runtime = Runtime(connect=connect_nothing, offload=lanes)

        def make_host(one: Package) -> PluginHost:
            return PluginHost(
                [one],
                grants=Grants({one.name: one.capabilities}),
                runtime=runtime,
                cache_dir=places.cache / "components",
                artifacts=places.artifacts,
                audit=audit,
                notice=notice,
            )

        host = make_host(package)
        stack.push_async_callback(host.close)
        yield _Bench(package, places, lanes, make_host, host, refusals, stack)
