"""The runner's binaries: found where the build left them, and verified before any of them is started or sent.

A binary is good when it is the one that MANIFEST.json lists and its signature (ECDSA P-256 over SHA-256, as
`cosign sign-blob` makes it) verifies with the public key. What is verified is the very bytes that are handed
out, never a file that is opened again afterwards; a compressed binary is unpacked to be verified. So nothing
is remembered about files, and a file that changed under us is looked at like a new one. What may be remembered, where
nobody but us can write, is that a binary with this digest was verified.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.errors import TransportError, why

MACHINES: Final[Mapping[str, str]] = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "aarch64": "arm64",
    "arm64": "arm64",
}
"""What `uname -m` says, and what the runner's build calls it."""

_GZIP = 31  # zlib's word for a gzip stream
_LARGEST = 64 * 1024 * 1024
_AGAIN = "build it with `python hatch_build.py runner`, or install openfroyo anew"


@dataclass(frozen=True, slots=True)
class Runner:
    """A verified binary.

    Attributes:
        arch: such as `amd64`.
        sha256: of the binary, in hexadecimal digits.
        signature: of the binary, in base64.
        size: of the binary, in bytes.
        content: the bytes that were verified; those of the gzip file for a packed one.
    """

    arch: str
    sha256: str
    signature: str
    size: int
    content: bytes = field(repr=False)


def architecture(machine: str) -> str:
    """The runner's name for what `uname -m` says.

    Raises:
        TransportError: there is no runner for such machines.
    """
    try:
        return MACHINES[machine]
    except KeyError:
        known = ", ".join(sorted(set(MACHINES.values())))
        raise TransportError(
            f"there is no runner for {machine} machines, only for Linux on {known}"
        ) from None


class Artifacts:
    """The directory with what the build made.

    Args:
        directory: where; by default the one inside of this package.
        public_key: PEM file of the key that signatures must verify with; by default the one that came along.
        verified: binaries, by their SHA-256, whose signatures were verified before; to verify one once more costs the
            import of a library.

    Attributes:
        verified: the same, with those that were verified here.
        apart: whether signatures are verified by a process of its own, for who has memory to spare for no library.
    """

    def __init__(
        self, directory: Path | None = None, *, public_key: Path | None = None, verified: Iterable[str] = ()
    ) -> None:
        self.verified = set(verified)
        self.apart = False
        self.directory = directory or Path(__file__).resolve().parent.parent / "_artifacts"
        self._public_key = public_key or self.directory / "runner.pub"
        self._packed: dict[str, Runner] = {}
        self._ahead: dict[str, _Reading] = {}

    def prefetch(self, arch: str) -> None:
        """Have what `binary` takes read meanwhile, for who has something else to do first."""
        self._ahead[arch] = _Reading(self._path(arch))

    def binary(self, arch: str) -> Runner:
        """The runner for this machine itself, ready to be started.

        Raises:
            TransportError: it is not there, or not what was signed.
        """
        path, ahead = self._path(arch), self._ahead.pop(arch, None)
        found = None if ahead is None else ahead.result()
        content, digest = found or _digested(self._read(path))
        return self._verify(path, arch, content=content, digest=digest, size=len(content))

    def packed(self, arch: str) -> Runner:
        """The runner as a gzip stream, ready to be sent: read and verified once, and kept until another one is built.

        Raises:
            TransportError: it is not there, or not what was signed.
        """
        runner, name = self._packed.get(arch), self._path(arch).name
        if runner is None or self._manifest().get(name) != runner.sha256:
            path = self._path(arch).with_name(f"{name}.gz")
            content = self._read(path)
            binary, digest = _digested(unpack(content, path))
            runner = self._packed[arch] = self._verify(
                path, arch, content=content, digest=digest, size=len(binary)
            )
        return runner

    def _path(self, arch: str) -> Path:
        return self.directory / f"runner-linux-{arch}"

    def _read(self, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise TransportError(f"{path}: {why(error)}; {_AGAIN}") from error

    def _verify(self, path: Path, arch: str, *, content: bytes, digest: bytes, size: int) -> Runner:
        name = self._path(arch).name
        listed = self._manifest()
        if listed.get(name) != digest.hex():
            raise TransportError(f"{path}: it is not the file that MANIFEST.json lists; {_AGAIN}")
        signature = self._read(self.directory / f"{name}.sig").decode("ascii", "replace").strip()
        if digest.hex() not in self.verified:
            self._verify_signature(path, signature, digest)
            self.verified.add(digest.hex())
        return Runner(arch, digest.hex(), signature, size, content)

    def _manifest(self) -> dict[str, str]:
        path = self.directory / "MANIFEST.json"
        try:
            files = json.loads(self._read(path))["files"]
            return {name: entry["sha256"] for name, entry in files.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TransportError(f"{path}: it is not a list of what was built; {_AGAIN}") from error

    def _verify_signature(self, path: Path, signature: str, digest: bytes) -> None:
        from reconciler.targets.signatures import verify, verify_apart

        pem = self._read(self._public_key)
        wrong, _, reason = (verify_apart if self.apart else verify)(pem, signature, digest).partition(": ")
        if wrong == "key":
            raise TransportError(f"{self._public_key}: {reason}")
        if wrong:
            raise TransportError(
                f"{path}: its signature does not verify with {self._public_key}: it is not used; {_AGAIN}"
            )


def _digested(content: bytes) -> tuple[bytes, bytes]:
    return content, hashlib.sha256(content).digest()


class _Reading:
    """A file that another thread reads and digests: neither keeps the interpreter's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: tuple[bytes, bytes] | None = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            self._found = _digested(self._path.read_bytes())

    def result(self) -> tuple[bytes, bytes] | None:
        """Content and SHA-256; None where it could not be read: whoever tries it again learns why."""
        self._thread.join()
        return self._found


def unpack(content: bytes, name: object) -> bytes:
    """What a gzip stream holds.

    Raises:
        TransportError: it is no gzip stream, or longer than any runner.
    """
    stream = zlib.decompressobj(wbits=_GZIP)
    try:
        binary = stream.decompress(content, _LARGEST)
    except zlib.error as error:
        raise TransportError(f"{name}: it is not a gzip file; {_AGAIN}") from error
    if not stream.eof or stream.unused_data:
        raise TransportError(f"{name}: it is cut off, or more than one gzip stream; {_AGAIN}")
    return binary
