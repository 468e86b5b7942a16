"""Rego to WebAssembly, by the compiler, and kept: what was compiled once need not be again, also by another process.

Invariant: what is kept is named by all that it was made of, and lies where nobody else can write.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler import __version__
from reconciler.config.compiler.answers import problem_of
from reconciler.config.compiler.faults import CompilerError
from reconciler.documents.text import FileText, decode
from reconciler.errors import ConfigError, Problem
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.hints import hinted
from reconciler.policy.rego import ASKING, ENTRYPOINTS, asking

if TYPE_CHECKING:
    from reconciler.config.compiler.client import Compiler

SECONDS = 20.0
"""How long the compiler may take."""


class RegoCompiler:
    """See the module.

    Args:
        compiler: does it.
        cache: where modules are kept; None for nowhere.
    """

    def __init__(self, compiler: Compiler, cache: Path | None = None) -> None:
        self._compiler = compiler
        self._cache = cache

    def compile(self, modules: Mapping[str, str]) -> bytes:
        """The module that answers ENTRYPOINTS.

        Raises:
            ConfigError: with everything that is wrong with them.
            PolicyFailure: they cannot be compiled for another reason.
        """
        files = {**modules, ASKING: asking()}
        kept = self._cache / f"{self._name(files)}.wasm" if self._cache is not None else None
        if kept is not None and (found := _read(kept)):
            return found
        answer = self.ask(
            "rego.compile", modules, files=files, entrypoints=[*ENTRYPOINTS], refused=[], decisive=True
        )
        wasm = base64.b64decode(answer["wasm"])
        if kept is not None:
            _keep(kept, wasm)
        return wasm

    def where_called(self, modules: Mapping[str, str], functions: Iterable[str]) -> list[Problem]:
        """That these functions cannot be called, at the places where they are.

        Raises:
            ConfigError, PolicyFailure: as above.
        """
        called = self.ask("rego.check", modules, files=dict(modules), refused=[], strict=False)["builtins"]
        texts = _texts(modules)
        message = "{} cannot be called here: policies compute, and ask nobody; see docs/spec/policy.md"
        return [
            problem_of({**called[one], "message": message.format(one)}, texts)
            for one in functions
            if one in called
        ]

    def ask(self, operation: str, modules: Mapping[str, str], **arguments: Any) -> Any:
        """Have the compiler do something else.

        Raises:
            ConfigError: something is wrong with the modules.
            PolicyFailure: it cannot be done.
        """
        try:
            answer = self._compiler.ask(operation, arguments, seconds=SECONDS)
        except CompilerError as error:
            raise PolicyFailure(f"it cannot be compiled: {error}") from error
        if answer["problems"]:
            texts = _texts(modules)
            # What comes after the first line draws the place, which is shown anyhow.
            said = [{**one, "message": one["message"].partition("\n")[0]} for one in answer["problems"]]
            raise ConfigError(hinted([problem_of(one, texts) for one in said], modules))
        return answer

    def _name(self, files: Mapping[str, str]) -> str:
        digest = hashlib.sha256(__version__.encode())
        try:
            found = os.stat(self._compiler.binary)
            digest.update(f"{found.st_size} {found.st_mtime_ns}".encode())
        except OSError:
            pass  # what an earlier one has made is as good
        for path in sorted(files):
            for part in (path, files[path]):
                digest.update(hashlib.sha256(part.encode(errors="surrogateescape")).digest())
        return digest.hexdigest()


def _texts(modules: Mapping[str, str]) -> dict[str, FileText]:
    decoded = {path: decode(path, text.encode()) for path, text in modules.items()}
    return {path: found for path, found in decoded.items() if isinstance(found, FileText)}


def _read(path: Path) -> bytes:
    """What is kept, if it is ours alone."""
    try:
        with open(path, "rb") as file:
            found = os.fstat(file.fileno())
            return file.read() if found.st_uid == os.geteuid() and not found.st_mode & 0o022 else b""
    except OSError:
        return b""


def _keep(path: Path, content: bytes) -> None:
    """For the next time; where that cannot be, it is compiled again."""
    made = path.with_suffix(f".{secrets.token_hex(6)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(
                file.fileno()
            )  # or it is there without all of its content, when the machine has gone down
        os.replace(made, path)
    except OSError:
        made.unlink(missing_ok=True)
