"""Secrets among values, as a load reads them: each once, and a mark in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from reconciler.config.bodies import BadBody, beside
from reconciler.config.secret_values import (
    AGE,
    AGE_FILE,
    OPENER,
    OPENER_KEY,
    SECRET,
    SOPS,
    is_secret,
)
from reconciler.model.secrets import (
    REFERENCES,
    Encrypted,
    KeyRef,
    Sealing,
    Secret,
    SecretError,
    Whereabouts,
)

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Path
    from reconciler.core.vault import Vault

_IN_A_NAMESPACE = "an object of a cluster reads no file"
_KEEP_THERE = "keep it in a Secret of the namespace: {secretKeyRef: {name: NAME, key: KEY}}"


class Unread(Exception):
    """A secret cannot be had, which was complained about."""


class SecretReading:
    """See the module.

    Args:
        vault: has their values.
        complaints: told of those that cannot be had, of a source that may hold what is encrypted, and no other secret.

    Attributes:
        files: where those are that something is given by.
    """

    def __init__(self, vault: Vault, complaints: Complaints) -> None:
        self.files: set[str] = set()
        self.vault = vault
        self._complaints = complaints
        self._snapshot = complaints.snapshot
        self._namespace = complaints.namespace
        self._marks: dict[Whereabouts, str | SecretError] = {}
        self._told: set[tuple[int, Path]] = set()

    def marked(self, one: Variables, path: Path, value: Any) -> Any:
        """A value with marks in the place of its secrets.

        Args:
            one: the Vars that gives it.
            path: where it stands in that.
            value: as it is declared.

        Raises:
            Unread: one of them cannot be had.
        """
        if is_secret(value):
            [(kind, declared)] = value.items()
            # A cluster has fields in the order of the alphabet: which value of a file comes before which file.
            of = next((field for field in declared if field != "key"), "key") if kind == SECRET else "name"
            at = (*path, kind, of)
            try:
                return self._with_marks(one, at, self._wanted(one, kind, declared))
            except SecretError as error:
                if (id(one), path) not in self._told:
                    self._told.add((id(one), path))
                    # What stands there may be what should have been encrypted.
                    plain = kind == SECRET and AGE in declared
                    self._complaints.problem(one, at, error.message, error.hint, excerpt=not plain)
                self._complaints.values_lost = True
                raise Unread from error
        if isinstance(value, Mapping):
            return {key: self.marked(one, (*path, key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.marked(one, (*path, index), item) for index, item in enumerate(value)]
        return value

    def _with_marks(self, one: Variables, at: Path, wanted: Any) -> Any:
        """The same of what was declared as one, and may be several."""
        if isinstance(wanted, Whereabouts):
            found = self._mark(one, at, wanted)
            if isinstance(found, SecretError):
                raise found
            return found
        if isinstance(wanted, dict):
            return {key: self._with_marks(one, at, item) for key, item in wanted.items()}
        if isinstance(wanted, list):
            return [self._with_marks(one, at, item) for item in wanted]
        return wanted

    def _wanted(self, one: Variables, kind: str, declared: Mapping[str, str]) -> Any:
        """Where a secret is to be had, or each of several."""
        if kind != SECRET:
            return KeyRef(REFERENCES[kind], self._namespace, declared["name"], declared["key"])
        if "file" in declared:
            return Secret(declared["file"])
        opener = KeyRef("Secret", self._namespace, OPENER, OPENER_KEY) if self._namespace else None
        if AGE in declared:
            return Encrypted(declared[AGE].encode(), identity=opener)
        if self._namespace:
            raise SecretError(_IN_A_NAMESPACE, f"write what is in it: {{secret: {{{AGE}: …}}}}")
        if AGE_FILE in declared:
            path, content = self._content(AGE_FILE, declared[AGE_FILE], one.origin.file)
            return Encrypted(content, path=path)
        path, content = self._content(SOPS, declared[SOPS], one.origin.file)
        return _of_sops(path, content, declared.get("key", ""))

    def _content(self, field: str, written: str, manifest: str) -> tuple[str, bytes]:
        """A file of the source: its path there, and what it holds."""
        path = beside(field, written, manifest, what="file")
        if isinstance(path, BadBody):
            raise SecretError(path.message, path.hint)
        file = self._snapshot.files.get(path)
        if file is None:
            why = self._snapshot.left_out.get(path, "")
            hint = "" if why else self._complaints.suggestions.hint(path, self._snapshot.files)
            raise SecretError(f"{path} is no part of the source" + (f": {why}" if why else ""), hint)
        return path, file.read()

    def _mark(self, one: Variables, at: Path, wanted: Whereabouts) -> str | SecretError:
        if wanted not in self._marks:
            self.files.add(wanted.file if isinstance(wanted, Secret) else wanted.place)

            def absent(error: SecretError) -> None:
                message = f"{error.message}: what it holds is not looked at"
                self._complaints.warning(one, at, message, "")

            try:
                self._marks[wanted] = self._had(wanted, absent)
            except SecretError as error:
                self._marks[wanted] = error
        return self._marks[wanted]

    def _had(self, wanted: Whereabouts, absent: Callable[[SecretError], None]) -> str:
        if isinstance(wanted, KeyRef) and wanted.kind == "ConfigMap":
            return self.vault.plain(wanted)
        if isinstance(wanted, Secret):
            self._must_be_outside(wanted.file)
        return self.vault.mark(wanted, absent)

    def _must_be_outside(self, file: str) -> None:
        """A file that is no ciphertext has no business in what everybody is shown."""
        if self._namespace:
            raise SecretError(f"{_IN_A_NAMESPACE} of the operator's machine", _KEEP_THERE)
        if file.startswith(f"{self._snapshot.root}/"):
            raise SecretError(
                f"{file} is part of the source, and all of that is kept and shown",
                "keep it outside, such as in /etc/froyo/secrets, or encrypt it: froyo secrets encrypt",
            )


def _of_sops(path: str, content: bytes, key: str) -> Any:
    """Where the secrets of a file of SOPS are: one, or a mapping or list with some in it.

    Raises:
        SecretError: it is none, or has no such key.
    """
    from reconciler.age.sops import parsed
    from reconciler.age.sops.formats import ENCRYPTED

    file = parsed(path, content)
    place, tree = file.at(key)

    def whereabouts(value: Any, at: tuple[str, ...]) -> Any:
        if isinstance(value, Mapping):
            return {name: whereabouts(item, (*at, name)) for name, item in value.items()}
        if isinstance(value, list):
            return [whereabouts(item, (*at, str(index))) for index, item in enumerate(value)]
        if isinstance(value, str) and ENCRYPTED.match(value):
            return Encrypted(content, Sealing.SOPS, path, at)
        return value

    found = whereabouts(tree, place)
    if not any(True for _ in _all_encrypted(found)):
        raise SecretError(
            f"{key or 'what is'} in {path} is not encrypted", "declare what is no secret as a value"
        )
    return found


def _all_encrypted(found: Any) -> Iterator[Encrypted]:
    if isinstance(found, Encrypted):
        yield found
    elif isinstance(found, Mapping | list):
        for item in found.values() if isinstance(found, Mapping) else found:
            yield from _all_encrypted(item)
