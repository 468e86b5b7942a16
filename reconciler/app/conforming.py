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
from reconciler.conformance.cases import read_cases, read_host_cases
from reconciler.conformance.exam import Effort, Sitting, examine
from reconciler.conformance.hosts import HostFiles, HostWorld, scratch_on
from reconciler.conformance.model import Model, ModelFailed, open_model
from reconciler.conformance.stand import Stand
from reconciler.conformance.trials import Trial, trials_of
from reconciler.conformance.verdicts import PropertyVerdict
from reconciler.conformance.worlds import LivingWorld, MemoryWorld, UnknownCall
from reconciler.core.suggest import did_you_mean
from reconciler.errors import ErrorClass, UsageError
from reconciler.model.catalog import Kind
from reconciler.model.names import Digest, TargetName
from reconciler.model.source import DirectoryPlace
from reconciler.model.target import LocalTransport, Target
from reconciler.plugins.capabilities import Grants
from reconciler.plugins.host import PluginHost
from reconciler.plugins.manifest import MANIFEST
from reconciler.plugins.packages import Package, catalog, load_packages
from reconciler.runtime import AskOutside, Runtime, ThreadLanes, connect_nothing
from reconciler.targets.session import Session

ON_HOSTS = Effort(mixtures=4, failing=1, classes=(ErrorClass.TRANSIENT,), finding=1)
"""What is done on a host takes its time."""


@dataclass(frozen=True, slots=True)
class Lent:
    """A host that a package may be tried on.

    Attributes:
        session: with it.
        outside: makes what the controller makes by itself.
    """

    session: Session
    outside: AskOutside


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
    cases = len(_trials(package))
    cases += len(trials_of(read_host_cases(package.directory, _kinds(package)).cases, catalog([package])))
    async with _bench(package, places, notice) as bench:
        await bench.host.prepare(package)
    return cases


async def conform(
    package: Package,
    places: Places,
    *,
    notice: Callable[[str], None],
    local: bool = False,
    host: Lent | None = None,
    effort: Effort = ON_HOSTS,
) -> tuple[list[PropertyVerdict], int]:
    """Try a package: every property, over all of its cases.

    Args:
        package: which.
        places: where the artefacts and the cache are.
        notice: told what takes long, for a person to see.
        local: against the real runner, in a directory of this machine that is removed afterwards; else in memory.
        host: a host to try it on.
        effort: how much is tried there.

    Returns:
        What was found, and how many cases there are.

    Raises:
        ConfigError: its cases are not understood.
        UsageError: its cases do not say enough of their world.
        ProviderError: it does not load.
        RunnerError, TransportError: the host cannot be used, or is lost.
    """
    trials = _trials(package)
    on_hosts = read_host_cases(package.directory, _kinds(package))
    hosted = trials_of(on_hosts.cases, catalog([package])) if host is not None else []
    async with _bench(package, places, notice) as bench:
        await bench.host.prepare(package)
        sittings: list[tuple[LivingWorld, list[Trial]]]
        if host is not None:
            root = await bench.stack.enter_async_context(scratch_on(host.session))
            kept = await bench.stack.enter_async_context(scratch_on(host.session))
            files = HostFiles(host.session, root, chowns=host.session.ready.uid == 0)
            sittings = [(files, trials), (HostWorld(host.session, host.outside, on_hosts, kept), hosted)]
        else:
            sittings = [(await (bench.local_world() if local else bench.world()), trials)]
        for world, tried in sittings:
            for body in (body for trial in tried for body in trial.bodies):
                world.add_body(body)
        spent = Effort() if host is None else effort
        try:
            verdicts = await examine(
                package,
                [
                    Sitting(Stand(bench.host, package, world, bench.refusals), tried, spent, host is not None)
                    for world, tried in sittings
                ],
                strict=not local,
            )
        except (ModelFailed, UnknownCall) as error:
            raise UsageError(f"{package.directory}: {error}") from error
    return verdicts, len(trials) + len(hosted)


@contextlib.asynccontextmanager
async def lent(
    name: str, directory: Path, places: Places, environ: Mapping[str, str], notice: Callable[[str], None]
) -> AsyncIterator[Lent]:
    """A host that a directory of manifests declares.

    Raises:
        ConfigError: these are broken.
        UsageError: they declare no such target.
        TransportError: it cannot be reached.
    """
    from reconciler.app.assembly import assemble
    from reconciler.app.evaluating import declared_target, evaluate

    async with assemble(places, environ, lease=False, notice=notice) as parts:
        target = declared_target(await evaluate(parts, DirectoryPlace(str(directory))), name)
        session = await parts.open_session(target, runtime=parts.runtime, on_event=lambda _event: None)
        try:
            yield Lent(session, parts.runtime.outside)
        finally:
            await session.close()


def _trials(package: Package) -> list[Trial]:
    return trials_of(read_cases(package.directory, _kinds(package)), catalog([package]))


def _kinds(package: Package) -> dict[str, Kind]:
    return {kind.kind: kind for kind in package.kinds}


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
