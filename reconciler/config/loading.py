"""A snapshot to what should be, or to everything that is wrong with it.

Invariant: either a complete `Desired` or a ConfigError; never a part of what was written. Importing this
module imports the parsers; the `load` of the package does so when it is called. It must not have the name of that
function, which it would hide.
"""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

from reconciler.config.cache import ParseCache
from reconciler.config.expand import Expansion
from reconciler.config.knowing import FactReading
from reconciler.config.manifests import evaluate
from reconciler.config.policies import policies_of, strays
from reconciler.config.targets import ControllerPaths
from reconciler.config.trees import is_below, roots_of
from reconciler.core.vault import Vault
from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.manifests import is_manifest, is_program
from reconciler.model.policy import DIRECTORY, REGO
from reconciler.model.source import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from reconciler.config.declared import FileDeclarations
    from reconciler.config.programs import Language
    from reconciler.documents.reading import Documents
    from reconciler.errors import Problem
    from reconciler.model.catalog import Catalog
    from reconciler.model.facts import Facts
    from reconciler.model.names import TargetName
    from reconciler.model.source import Snapshot


def load_snapshot(
    snapshot: Snapshot,
    catalog: Catalog,
    *,
    cache: ParseCache | None,
    environ: Mapping[str, str] | None,
    facts: Mapping[TargetName, Facts] | None,
    vault: Vault | None,
    languages: Sequence[Language] = (),
) -> Desired:
    """See `load` in the package."""
    with _collector_at_rest():
        kept = cache if cache is not None else ParseCache()
        reading, secrets = FactReading(facts or {}), vault or Vault()
        controller, declared = _manifests(
            snapshot,
            catalog,
            kept,
            environ or {},
            facts=reading,
            vault=secrets,
            languages=languages,
        )
        broken: list[Problem] = []
        if any(one.constraint is not None for one in declared.values()):
            from reconciler.config.constraining import broken_constraints

            broken = broken_constraints(snapshot, declared, kept)
        return _desired(snapshot, declared, controller, reading, secrets, broken=broken)


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """What a load makes is not garbage before its end, and looking for some costs a third of the time."""
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()


def _declared(
    snapshot: Snapshot, cache: ParseCache, evaluated: Callable[[str, bytes], FileDeclarations]
) -> dict[str, FileDeclarations]:
    """What each manifest file declares, in the order of their paths; what lies in a tree, or beside policies, is none.

    From outside in: whatever lies in a tree is not even parsed, unless the manifest that names it lies deeper.
    """
    declared: dict[str, FileDeclarations] = {}
    files = sorted(filter(is_manifest, snapshot.files))
    if policies_of(snapshot) is not None:
        files = [path for path in files if not path.startswith(f"{DIRECTORY}/")]
    while True:
        roots = roots_of((file, root) for file, found in declared.items() for root in found.trees)
        waiting = [path for path in files if path not in declared and not is_below(path, roots)]
        if not waiting:
            return {path: declared[path] for path in files if path in declared and not is_below(path, roots)}
        depth = min(path.count("/") for path in waiting)
        for path in waiting:
            if path.count("/") > depth:
                continue
            file = snapshot.files[path]
            found = cache.get(path, file.digest)
            if found is None:
                found = evaluated(path, file.read())
                cache.put(path, file.digest, found)
            declared[path] = found


def _manifests(
    snapshot: Snapshot,
    catalog: Catalog,
    cache: ParseCache,
    environ: Mapping[str, str],
    *,
    facts: FactReading,
    vault: Vault,
    languages: Sequence[Language],
) -> tuple[ControllerPaths, dict[str, FileDeclarations]]:
    """What paths are relative to, and what each file declares that is no body of another one, and each program."""
    controller = ControllerPaths(snapshot.root, environ.get("HOME", ""))
    kinds = cache.prepare(catalog, controller)
    declared = _declared(snapshot, cache, lambda path, data: evaluate(path, data, kinds, controller))
    files = declared.keys()
    if languages and any(map(is_program, snapshot.files)):
        from reconciler.config.generating import Generating

        generating = Generating(snapshot, kinds, controller, facts=facts, vault=vault, cache=cache)
        declared = dict(declared)
        for language in languages:
            generating.add(language, declared)
    cache.keep_only({*files, *declared})
    bodies = {body for found in declared.values() for body in found.bodies}
    made = len(declared) > len(files)
    roots = roots_of((file, root) for file, found in declared.items() for root in found.trees) if made else ()
    for path in [path for path in declared if is_below(path, roots)]:
        del declared[path]
    for path, found in list(declared.items()):
        if path in bodies and (found.foreign or is_program(path)):
            del declared[path]
    return controller, declared


def declaring(
    snapshot: Snapshot,
    catalog: Catalog,
    environ: Mapping[str, str],
    *,
    facts: Mapping[TargetName, Facts] | None = None,
    vault: Vault | None = None,
    languages: Sequence[Language] = (),
) -> dict[str, Documents | None]:
    """The files of a snapshot that are manifests, in the order of their paths, and its programs.

    Each program with what it made; None for a file.

    Args:
        snapshot: all files of a source.
        catalog: the kinds that may be declared beside froyo's own.
        environ: the controller's environment, for `~`.
        facts: what is known of targets.
        vault: reads secrets.
        languages: in which its programs may be written.
    """
    _, declared = _manifests(
        snapshot,
        catalog,
        ParseCache(),
        environ,
        facts=FactReading(facts or {}),
        vault=vault or Vault(),
        languages=languages,
    )
    return {path: found.generated for path, found in declared.items()}


def _desired(
    snapshot: Snapshot,
    declared: Mapping[str, FileDeclarations],
    controller: ControllerPaths,
    facts: FactReading,
    vault: Vault,
    *,
    broken: Sequence[Problem] = (),
) -> Desired:
    expansion = Expansion(snapshot, declared, facts, controller, vault)
    problems = [problem for found in declared.values() for problem in found.problems]
    problems += [*expansion.complaints.problems, *broken]
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))  # what several programs build on is said once
    warnings = [str(warning.within(snapshot.root)) for warning in sorted(expansion.complaints.warnings)]
    warnings += expansion.facts.said(expansion.targets)
    if SETTINGS in snapshot.files:
        from reconciler.config.programs import unread_settings

        warnings += [f"no program reads the setting {name}" for name in unread_settings(snapshot)]
    if any(path.endswith(REGO) for path in snapshot.files):
        used = {one for found in declared.values() for one in (*found.bodies, *found.trees)}
        warnings += strays(snapshot, used)
    if not declared:
        warnings.append("the source has no manifests: nothing is declared")
    return Desired(
        source=snapshot.source,
        revision=snapshot.revision,
        digest=snapshot.digest,
        targets=expansion.targets,
        instances=expansion.instances,
        graphs=expansion.graphs,
        blobs=expansion.blobs,
        warnings=tuple(warnings),
        sources=expansion.sources,
        alerts=expansion.alerts,
        rollouts=expansion.rollouts,
        locks=expansion.locks,
        selecting=expansion.selecting,
        waiting=frozenset(expansion.facts.waiting | expansion.facts.held),
        facts_read=frozenset(expansion.facts.read),
        secrets=frozenset(expansion.secrets),
        policies=policies_of(snapshot),
    )
