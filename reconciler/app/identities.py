"""What the controller opens ciphertexts with: identities in files of mode 0600, or in its environment.

Invariants: no program that is begun here gets them: the variable is taken out of the environment before anything else
is done. A file that others could read is no identity, and is said to be none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from reconciler.age.identities import VARIABLE, Identity, identities_in
from reconciler.app.systems import explained, write_new
from reconciler.errors import UsageError
from reconciler.model.secrets import KeyRef, Secret, SecretError, SecretMissing
from watchers.secret_files import SecretFiles

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from watchers.secret_files import FileLook

_taken: list[str] = []


def take_from(environ: MutableMapping[str, str]) -> None:
    """Take what identities the environment of this process has out of it, to be used here and handed on to nobody."""
    if found := environ.pop(VARIABLE, ""):
        _taken[:] = [found]


class ControllerIdentities:
    """Those of this controller, read again where a file has become another one.

    Args:
        places: where they are.
        files: reads them.
        hide: is told of each, to keep it out of all that is told.
        referred: reads those of a namespace of a cluster. Raises SecretError.
    """

    def __init__(
        self,
        places: Places,
        files: SecretFiles,
        hide: Callable[[str], None],
        referred: Callable[[KeyRef], str],
    ) -> None:
        self._files = sorted(map(str, places.identities))
        self._given = places.identities_given
        self._read = files
        self._hide = hide
        self._referred = referred
        self._seen: dict[str, tuple[FileLook, list[Identity] | SecretError]] = {}
        self._texts: dict[str, str] = {}
        self._parsed: dict[str, list[Identity]] = {}

    def of(self, namespace: KeyRef | None) -> list[Identity]:
        """All that may open something; those of a namespace for what that declares, and those of the controller else.

        Args:
            namespace: where a namespace of a cluster keeps its own.

        Raises:
            SecretError: one of them is none, or cannot be read.
        """
        if namespace is not None:
            return self._of(str(namespace), f"the {namespace.file}", self._referred(namespace))
        found = [one for text in _taken for one in self._of(VARIABLE, f"${VARIABLE}", text)]
        for path in self._files:
            found += self._in_file(path)
        return found

    def _in_file(self, path: str) -> list[Identity]:
        """Those of a file; read once, until it is another one: this is asked for each ciphertext."""
        look = self._read.look(Secret(path))
        known = self._seen.get(path)
        if known is None or known[0] != look:
            known = self._seen[path] = look, self._read_file(path)
        found = known[1]
        if isinstance(found, SecretError):
            raise type(found)(found.message, found.hint)
        return found

    def _read_file(self, path: str) -> list[Identity] | SecretError:
        try:
            text = self._read.read(Secret(path), group=True)
        except SecretMissing:
            if not self._given:
                return []
            return SecretMissing(f"there is no file {path}, which FROYO_AGE_KEY_FILE names")
        except SecretError as error:
            if not self._given and not os.access(path, os.R_OK):
                return []  # root's, where somebody else has one of their own
            return SecretError(f"no identity: {error.message}", error.hint)
        try:
            return self._of(path, path, text)
        except SecretError as error:
            return error

    def _of(self, key: str, origin: str, text: str) -> list[Identity]:
        if self._texts.get(key) != text:
            parsed = identities_in(text, origin)
            for one in parsed:
                self._hide(one.secret)
            self._texts[key], self._parsed[key] = text, parsed
        return self._parsed[key]


def own_identities(places: Places, files: Sequence[str]) -> list[Identity]:
    """Those of whoever runs a command.

    Args:
        places: where they are looked for.
        files: where they are instead.

    Raises:
        UsageError: one of them is none, or there is none at all.
    """
    named = tuple(Path(os.path.abspath(file)) for file in files)
    chosen = replace(places, identities=named, identities_given=True) if named else places
    try:
        found = found_here(chosen)
    except SecretError as error:
        raise UsageError(f"{error.message}; {error.hint}".removesuffix("; ")) from None
    if not found:
        where = ", ".join(map(str, chosen.identities))
        raise UsageError(
            f"there is no identity at {where}; froyo secrets keygen makes one, --identity names another"
        )
    return found


def found_here(places: Places) -> list[Identity]:
    """All that there are, and none where there is none.

    Raises:
        SecretError: one of them is none, or cannot be read.
    """
    return ControllerIdentities(places, SecretFiles(""), lambda _: None, _nowhere).of(None)


def _nowhere(key: KeyRef) -> NoReturn:
    raise SecretMissing(f"{key.file} is in a cluster")


def write_identity(path: Path, made: Identity, *, created: str) -> None:
    """Keep a new identity where nothing is yet, with mode 0600, in the form that `age-keygen` has.

    Raises:
        UsageError: something is there, which is never replaced, or it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path.parent}: it cannot be made: {explained(error)}") from error
    text = f"# created: {created}\n# public key: {made.public}\n{made.secret}\n"
    write_new(str(path), text, what="the identity", mode=0o600)
