"""Provider packages as they lie on disk: found, read whole, checked, and told apart by their digest.

A package is a directory with a manifest.yaml. Invariant: a Package is complete and consistent, or there is
none: all that is wrong with any of them is reported together, with file:line:column.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ConfigError, Problem, why
from reconciler.model.catalog import Catalog, Kind
from reconciler.model.names import Digest
from reconciler.plugins.calls import CALLS
from reconciler.plugins.capabilities import Capability, Grants
from reconciler.plugins.manifest import MANIFEST, CheckKind, Limits, parse_manifest

MODULE = ".py"
"""How the modules of a package end that runs in the Python runtime."""

RUNTIME = "python-runtime.wasm"
"""The component that runs every plugin.py, among the artefacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One provider package.

    Attributes:
        name: such as `linux.file`.
        version: of the package.
        directory: where it lies.
        entry: path of its plugin.py or plugin.wasm.
        digest: of everything in it that decides what it answers.
        kinds: what it implements.
        capabilities: what it asks for.
        limits: what it may use.
    """

    name: str
    version: str
    directory: Path
    entry: Path
    digest: Digest
    kinds: tuple[Kind, ...]
    capabilities: tuple[Capability, ...]
    limits: Limits

    @property
    def is_python(self) -> bool:
        """Whether it runs inside the shared Python runtime."""
        return self.entry.suffix == ".py"

    def modules(self) -> dict[str, str]:
        """The sources of a plugin.py and of the modules beside it, by name.

        Raises:
            OSError, UnicodeDecodeError: one cannot be read.
        """
        return {
            Path(name).stem: (self.directory / name).read_text(encoding="utf-8")
            for name in _modules(self.directory)
        }


def load_packages(directories: Iterable[Path], *, check: CheckKind = lambda _: []) -> list[Package]:
    """All packages of some directories, sorted by name.

    Args:
        directories: each a package, or a directory of packages.
        check: says what keeps a kind from being declared, beyond what is looked at here.

    Raises:
        ConfigError: with everything that is wrong with any of them.
    """
    packages: dict[str, Package] = {}
    problems: list[Problem] = []
    for directory in directories:
        for found in _package_directories(directory, problems):
            package = _load(found, problems, check)
            if package is None:
                continue
            other = packages.setdefault(package.name, package)
            if other is not package:
                message = f"there is another package {package.name}, in {other.directory}"
                problems.append(Problem(str(found / MANIFEST), 0, 0, message, "remove or rename one of them"))
    _check_kinds(packages.values(), problems)
    if problems:
        raise ConfigError(problems)
    return [packages[name] for name in sorted(packages)]


def catalog(packages: Iterable[Package], *, artifacts: Path | None = None) -> Catalog:
    """What there is to declare.

    Args:
        packages: all packages.
        artifacts: where the Python runtime lies, which decides too what a plugin.py answers.
    """
    packages = sorted(packages, key=lambda package: package.name)
    digest = hashlib.sha256(runtime_digest(artifacts).encode() if artifacts is not None else b"")
    for package in packages:
        digest.update(package.digest.encode())
    kinds = {(kind.api_version, kind.kind): kind for package in packages for kind in package.kinds}
    return Catalog(kinds, f"sha256:{digest.hexdigest()}")


def needs(packages: Iterable[Package]) -> Grants:
    """What the packages that come with froyo get: what they ask for, unless only an operator decides about it."""
    return Grants(
        {
            package.name: tuple(one for one in package.capabilities if not CALLS[one.call].explicit)
            for package in packages
        }
    )


def runtime_digest(artifacts: Path) -> str:
    """SHA-256 of the Python runtime, from the list of artefacts where that speaks of this very file; else "".

    The list is read instead of the file, which is large; what is run is verified when it is compiled.
    """
    try:
        files = json.loads((artifacts / "MANIFEST.json").read_bytes())["files"]
        return str(files[RUNTIME]["sha256"])
    except (OSError, ValueError, KeyError):
        return ""


def _package_directories(directory: Path, problems: list[Problem]) -> list[Path]:
    if (directory / MANIFEST).is_file():
        return [directory]
    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        problems.append(Problem(str(directory), 0, 0, f"no provider packages can be read: {why(error)}"))
        return []
    return [directory / name for name in names if (directory / name / MANIFEST).is_file()]


def _load(directory: Path, problems: list[Problem], check: CheckKind) -> Package | None:
    digest = hashlib.sha256()

    def read(name: str) -> bytes:
        content = (directory / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
        return content

    manifest = parse_manifest(directory / MANIFEST, read, problems, check)
    if manifest is None:
        return None
    if manifest.entry.endswith(MODULE):
        for name in _modules(directory):
            try:
                read(name)
            except OSError as error:
                problems.append(Problem(str(directory / name), 0, 0, f"it cannot be read: {why(error)}"))
                return None
    return Package(
        name=manifest.name,
        version=manifest.version,
        directory=directory,
        entry=directory / manifest.entry,
        digest=Digest(f"sha256:{digest.hexdigest()}"),
        kinds=manifest.kinds,
        capabilities=manifest.capabilities,
        limits=manifest.limits,
    )


def _modules(directory: Path) -> list[str]:
    """The files of a plugin.py: it may import what lies beside it."""
    return sorted(name for name in os.listdir(directory) if name.endswith(MODULE))


def _check_kinds(packages: Iterable[Package], problems: list[Problem]) -> None:
    owners: dict[tuple[str, str], Package] = {}
    for package in packages:
        for kind in package.kinds:
            owner = owners.setdefault((kind.api_version, kind.kind), package)
            if owner is not package:
                message = (
                    f"{kind.api_version} {kind.kind} is a kind of {owner.name} ({owner.directory}) already"
                )
                problems.append(Problem(str(package.directory / MANIFEST), 0, 0, message))
