"""What `froyo policy` does: policies are checked, formatted, and tried on what was recorded, without any target."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.app.policies import bundle_key, shelf_of
from reconciler.app.systems import rewrite
from reconciler.config.policies import policy_files
from reconciler.errors import ConfigError, Problem, UsageError, why
from reconciler.model.envelope import envelope
from reconciler.model.names import SourceName
from reconciler.model.policy import DIRECTORY
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.rego import read
from reconciler.policy.replaying import replay
from reconciler.runtime import Runtime, connect_nothing
from watchers.directory import DirectorySource

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.model.policy import PolicyFiles
    from reconciler.policy.rego import WrittenPolicies
    from reconciler.policy.shelf import PolicyShelf

Document = dict[str, Any]

RECORDED = ".plan.json"
"""How the names of recorded plans end."""
STARTER = Path(__file__).parents[1] / "policy" / "starter"


def wanted(root: Path) -> PolicyFiles:
    """The policies of a directory: those in its `policies`, if it has one, else its own.

    Raises:
        UsageError: there are none.
        ConfigError: one cannot be read.
    """
    place = root / DIRECTORY if (root / DIRECTORY).is_dir() else root
    snapshot = DirectorySource(
        SourceName(str(place)), str(place), runtime=Runtime(connect=connect_nothing)
    ).take()
    files = policy_files(snapshot)
    if files is None:
        raise UsageError(
            f"{place}: there are no policies, neither .rego nor a bundle; `froyo policy starter {place}` writes some"
        )
    return files


def _document(kind: str, files: PolicyFiles, **fields: Any) -> Document:
    return envelope(kind, policies=files.place, **fields)


def checked(files: PolicyFiles, places: Places, environ: Mapping[str, str]) -> Document:
    """See that policies can be asked.

    Raises:
        ConfigError: with everything that is wrong with them.
    """
    shelf = shelf_of(places, bundle_key(environ))
    try:
        written = _readable(files, shelf)
    finally:
        shelf.close()
    return _document(
        "PolicyCheck",
        files,
        modules=len(written.modules),
        tests=len(written.tests),
        bundles=len(written.bundles),
        stages=sorted(written.stages),
    )


def _readable(files: PolicyFiles, shelf: PolicyShelf) -> WrittenPolicies:
    ready = shelf.ready(files)
    if ready.problems:
        raise ConfigError([problem.within(files.root) for problem in ready.problems])
    if ready.failed:
        raise ConfigError([Problem(files.place, 0, 0, ready.failed)])
    return read(files)


def formatted(files: PolicyFiles, places: Places) -> Document:
    """Write Rego as it is usually written.

    Raises:
        ConfigError: something does not parse. Nothing is written.
        UsageError: a file cannot be written.
    """
    shelf = shelf_of(places, None)
    found = read(files)
    modules = {**found.modules, **found.tests}
    try:
        answer = shelf.compiler.ask("rego.format", modules, files=modules)
    except ConfigError as error:
        raise error.within(files.root) from error
    except PolicyFailure as failure:
        raise ConfigError([Problem(files.place, 0, 0, failure.why)]) from failure
    written = []
    for path, text in sorted(answer["files"].items()):
        if text != modules[path]:
            full = os.path.join(files.root, path)
            rewrite(full, text, was=files.files[path].read(), what="the policy")
            written.append(full)
    return _document("PolicyFormat", files, written=written, modules=len(modules))


def tested(files: PolicyFiles, places: Places, environ: Mapping[str, str], *, run: str) -> Document:
    """Run the tests of policies, and ask again what is in recorded plans.

    Raises:
        ConfigError: with everything that is wrong with the policies.
    """
    shelf = shelf_of(places, bundle_key(environ))
    try:
        written = _readable(files, shelf)
        results = [*_rego_tests(files, written, shelf, run), *(_recorded(files, shelf) if not run else ())]
    except ConfigError as error:
        raise error.within(files.root) from error
    except PolicyFailure as failure:
        raise ConfigError([Problem(files.place, 0, 0, failure.why)]) from failure
    finally:
        shelf.close()
    if run and not results:
        raise UsageError(f"no test of {files.place} has {run!r} in its name; see: froyo policy test -v")
    failed = sum(one["outcome"] in {"failed", "broken"} for one in results)
    return _document("PolicyTest", files, results=results, failed=failed)


def _rego_tests(
    files: PolicyFiles, written: WrittenPolicies, shelf: PolicyShelf, run: str
) -> Iterator[Document]:
    if not written.tests:
        return
    modules = {**written.modules, **written.tests}
    answer = shelf.compiler.ask("rego.test", modules, files=modules, data=written.data, refused=[], run=run)
    for one in answer["results"]:
        place = f"{os.path.join(files.root, one['file'])}:{one['line']}" if one.get("file") else ""
        found = {"name": f"{one['package']}.{one['name']}", "outcome": one["outcome"], "place": place}
        reasons = [one["error"]] if one.get("error") else []
        if (at := one.get("failed")) is not None:
            reasons.append(f"does not hold: {os.path.join(files.root, at['file'])}:{at['line']}")
        reasons += [f"printed: {line}" for line in one.get("output", "").splitlines()]
        yield found | ({"why": reasons} if reasons else {})


def _recorded(files: PolicyFiles, shelf: PolicyShelf) -> Iterator[Document]:
    for path in sorted(Path(files.root).rglob(f"*{RECORDED}")):
        try:
            text = path.read_bytes()
        except OSError as error:
            raise UsageError(f"{path}: the recorded plan cannot be read: {why(error)}") from error
        for one in replay(shelf, files, str(path), text):
            outcome = "failed" if one.wrong else "passed"
            yield {"name": one.name, "outcome": outcome} | ({"why": list(one.wrong)} if one.wrong else {})


def starter(directory: str) -> list[str]:
    """Write a set of policies to begin with; the names of its files.

    Raises:
        UsageError: there is something by one of these names, or it cannot be written.
    """
    there = Path(directory)
    texts = {path.name: path.read_text() for path in sorted(STARTER.glob("*.rego"))}
    if taken := [name for name in texts if (there / name).exists()]:
        raise UsageError(f"{there / taken[0]} is there already; nothing was written")
    try:
        there.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (there / name).write_text(text)
    except OSError as error:
        raise UsageError(f"{directory}: the policies cannot be written: {why(error)}") from error
    return list(texts)
