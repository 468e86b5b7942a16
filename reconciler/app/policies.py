"""Puts together who decides what may be done: the shelf, the compiler, and what the operator has to say.

The operator's policies lie in a directory or a repository of their own: where FROYO_POLICIES says, else in the state
directory, if they are there. Invariant: those that are named and cannot be had deny everything, and say so.
"""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.app.places import must_be_ours
from reconciler.app.watching import take
from reconciler.config.policies import policy_files
from reconciler.errors import ConfigError, UsageError
from reconciler.model.facts import Facts
from reconciler.model.policy import Actor
from reconciler.model.source import DirectoryPlace, Snapshot, SourceReport
from reconciler.policy.policing import Note, OperatorPolicies, Policing
from reconciler.runtime import Runtime, connect_nothing
from reconciler.telemetry.log import get_logger

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.app.watching import Watchers
    from reconciler.engine.facts import TargetFacts
    from reconciler.engine.intake.evaluating import Load
    from reconciler.model.desired import Desired
    from reconciler.model.source import Place
    from reconciler.plugins.packages import Package
    from reconciler.policy.bundles import BundleKey
    from reconciler.policy.shelf import PolicyShelf

RESCAN = 30.0
"""Seconds between looks at the operator's policies without any event."""

log = get_logger("froyo")


def shelf_of(places: Places, key: BundleKey | None) -> PolicyShelf:
    """What has policies ready; with a key, only those bundles that are signed with it."""
    from reconciler.config.compiler.client import Compiler
    from reconciler.policy.compiling import RegoCompiler
    from reconciler.policy.shelf import PolicyShelf

    # Of their own: who changes something does not wait until programs are evaluated that take their time.
    compiler = RegoCompiler(Compiler(places.artifacts), places.cache / "policies")
    return PolicyShelf(compiler, time.time, key=key)


def policing(
    places: Places,
    environ: Mapping[str, str],
    runtime: Runtime,
    *,
    packages: Iterable[Package],
    facts: TargetFacts,
    note: Note,
    controller: bool,
    shares: bool,
) -> Policing:
    """Who decides what may be done.

    Args:
        places: where things are kept.
        environ: the process's environment.
        runtime: the world.
        packages: the providers.
        facts: what is known of targets.
        note: puts decisions on record.
        controller: whether this goes on by itself; else somebody has run a command.
        shares: whether it shares the targets out with others.

    Raises:
        UsageError: the key of bundles cannot be read.
    """
    return Policing(
        partial(shelf_of, places, bundle_key(environ)),
        runtime,
        facts=facts.of,
        capabilities={one.name: [_written(asdict(has)) for has in one.capabilities] for one in packages},
        actor=actor(environ, controller=controller),
        note=note,
        come=facts.come,
        shares=shares,
    )


def _written(capability: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in capability.items() if value}


def actor(environ: Mapping[str, str], *, controller: bool) -> Actor:
    """On whose account this process does something."""
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    behind = "" if controller else environ.get("SUDO_USER", "")
    return Actor("controller" if controller else "command", behind or name)


def bundle_key(environ: Mapping[str, str]) -> BundleKey | None:
    """What bundles have to be signed with; None where they need not be.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    from reconciler.policy.bundles import BundleKey

    path = environ.get("FROYO_POLICY_KEY")
    if not path:
        return None
    must_be_ours(Path(path))
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: the key of policy bundles cannot be read: {error.strerror}") from error
    if content.lstrip().startswith(b"-----BEGIN"):
        return BundleKey(pem=content)
    if len(content.strip()) < 16:
        raise UsageError(
            f"{path}: the key of policy bundles is too short: 16 bytes at least, or a public key in PEM"
        )
    return BundleKey(secret=content.strip())


# --- The operator's -------------------------------------------------------------------------------------------------


def operator_place(places: Places, environ: Mapping[str, str]) -> Place | None:
    """Where the operator's policies are; None where there are none.

    Raises:
        UsageError: FROYO_POLICIES names no place.
    """
    given = environ.get("FROYO_POLICIES")
    if not given:
        kept = places.state / "policies"
        return DirectoryPlace(str(kept)) if kept.is_dir() else None
    if "://" not in given:
        return DirectoryPlace(os.path.abspath(given))
    return _repository(given)


def _repository(given: str) -> Place:
    """A repository, as `URL`, `URL#REF`, or `URL#REF:DIRECTORY`."""
    from reconciler.config.repositories import ref_of, repository

    url, _, rest = given.removeprefix("git+").partition("#")
    ref, _, path = rest.partition(":")
    spec: dict[str, Any] = {"url": url}
    spec |= {"ref": ref_of(ref)} if ref else {}
    spec |= {"path": path} if path else {}
    wrong: list[str] = []

    def complain(field: tuple[str | int, ...], message: str, hint: str) -> None:
        wrong.append(f"{field[-1]}: {message}" + (f"; {hint}" if hint else ""))

    place = repository(spec, lambda written, _: written, complain)
    if wrong:
        raise UsageError(f"FROYO_POLICIES: {wrong[0]}")
    return place


def _must_be_the_operators(place: Place) -> None:
    """See that nobody else can write where the operator's policies are.

    Raises:
        UsageError: somebody else can.
    """
    if not isinstance(place, DirectoryPlace):
        return
    try:
        # Of a ConfigMap that is mounted the mode says that all may write, and nobody can.
        fixed = bool(os.statvfs(place.path).f_flag & os.ST_RDONLY)
    except OSError:
        fixed = False
    if not fixed:
        must_be_ours(Path(place.path))


def read_operators(snapshot: Snapshot, place: Place) -> OperatorPolicies:
    """What the operator has to say, from what its place has."""
    where = place.root or place.name
    try:
        files = policy_files(snapshot)
    except ConfigError as error:
        return OperatorPolicies(trouble=str(error.within(snapshot.root)), place=where)
    if files is None:
        return OperatorPolicies(trouble=f"{where} has no policies: no .rego, and no bundle", place=where)
    return OperatorPolicies(files, place=where)


class Admission:
    """Says whether a snapshot may be put in force, for who looks at nothing else.

    Args:
        places: where things are kept.
        environ: the process's environment.

    Raises:
        UsageError: where policies are, or the key of bundles, is not understood.
    """

    def __init__(self, places: Places, environ: Mapping[str, str]) -> None:
        self._places = places
        self._environ = environ
        self._place = operator_place(places, environ)
        self._policing = Policing(
            partial(shelf_of, places, bundle_key(environ)),
            Runtime(connect=connect_nothing),
            facts=lambda _name: Facts(),
            capabilities={},
            actor=actor(environ, controller=False),
            note=lambda _action, _data: None,
        )

    def admitted(self, snapshot: Snapshot, desired: Desired) -> Desired:
        """What a snapshot declares, if it may be put in force by what the policies are now.

        Raises:
            ConfigError: it may not.
        """
        place = self._place
        if place is not None:
            try:
                _must_be_the_operators(place)
                found = read_operators(take(place, self._places, self._environ), place)
            except UsageError as error:
                found = OperatorPolicies(trouble=str(error), place=place.root or place.name)
            self._policing.operator = found
        elif desired.policies is None:
            return desired
        return self._policing.admitted(snapshot, desired).desired

    def admitting(self, load: Load) -> Load:
        """What evaluates a snapshot, and sees that it may be put in force."""
        return lambda snapshot: self.admitted(snapshot, load(snapshot))

    def close(self) -> None:
        """Free what was made ready."""
        self._policing.close()


async def take_operators(policing: Policing, place: Place, watchers: Watchers) -> None:
    """Have the operator's policies as they are now."""
    where = place.root or place.name
    try:
        _must_be_the_operators(place)
        snapshot, _, _ = await watchers.take(place)
    except UsageError as error:
        policing.operator = OperatorPolicies(trouble=str(error), place=where)
        return
    policing.operator = read_operators(snapshot, place)


async def operators_changes(
    policing: Policing, place: Place, watchers: Watchers, runtime: Runtime
) -> AsyncIterator[None]:
    """Follow the operator's policies for ever; tells whenever they are others."""
    watched = watchers.watch(place, runtime=runtime, interval=lambda: RESCAN, beat=lambda: None)
    where = place.root or place.name
    async for item in watched.snapshots():
        if isinstance(item, SourceReport):
            if not item.unreadable or policing.operator.files is not None:
                continue  # what it was the last time counts, as it does of any source
            found = OperatorPolicies(trouble=item.unreadable, place=where)
        else:
            found = read_operators(item, place)
        if found != policing.operator:
            policing.operator = found
            log.info("policies", place=where, trouble=found.trouble)
            yield
