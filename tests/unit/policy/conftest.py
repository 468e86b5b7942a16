"""Policies that are written in a test, and asked as the engine asks them."""

import hashlib
from pathlib import Path

import pytest

from reconciler.config.compiler.client import Compiler
from reconciler.model.names import Digest, SourceName
from reconciler.model.policy import PolicyFiles
from reconciler.model.source import Snapshot, SnapshotFile
from reconciler.policy.compiling import RegoCompiler
from reconciler.policy.deciding import decide
from reconciler.policy.program import PolicyLimits
from reconciler.policy.shelf import PolicyShelf

NOW = 1_743_301_800.0
"""2025-03-30 02:30 UTC: clocks in Berlin were put forward an hour and a half ago."""


def kept(path, content):
    """A file of a snapshot."""
    data = content.encode() if isinstance(content, str) else content
    digest = Digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
    return SnapshotFile(path, digest, len(data), lambda: data)


def written(place="rules", files=None, **modules):
    """Policies: `p=…` is the file p.rego, anything else is in `files`."""
    found = {**{f"{name}.rego": text for name, text in modules.items()}, **(files or {})}
    digest = hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()
    return PolicyFiles(
        place, Digest(f"sha256:{digest}"), {path: kept(path, text) for path, text in found.items()}
    )


def snapshot(files, source="/site"):
    """All files of a source."""
    found = {path: kept(path, text) for path, text in files.items()}
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    return Snapshot(SourceName(source), digest[:12], Digest(f"sha256:{digest}"), found, source)


@pytest.fixture(scope="session")
def compiler(tmp_path_factory):
    found = Compiler()
    if found.missing:
        pytest.skip(found.missing)
    yield RegoCompiler(found, tmp_path_factory.mktemp("modules"))
    found.close()


@pytest.fixture(scope="session")
def shelf(compiler):
    found = PolicyShelf(compiler, lambda: NOW, limits=PolicyLimits(seconds=60.0, memory_mib=64))
    yield found
    found.close()


@pytest.fixture
def asked(shelf):
    """What some policies say of changes."""

    def ask(files, *changes, stage="plan", now=NOW, **question):
        if isinstance(files, str):
            files = written(p=files)
        whole = {"target": {"name": "web-1"}, "changes": [*changes], **question}
        return decide(shelf, files, stage, whole, about="web-1", decisive=("target", "changes"), now=now)

    return ask


@pytest.fixture(scope="session")
def starter():
    """The directory of the starter set."""
    return Path(__file__).parents[3] / "reconciler" / "policy" / "starter"
