"""Secrets among the values of targets: which there are, and that they are only ever put in as they are.

    values:
      password: {secret: {file: /etc/froyo/secrets/db}}
      token: {secretKeyRef: {name: shop, key: token}}        # in a cluster
      region: {configMapKeyRef: {name: site, key: region}}   # the same, and no secret

In the values of a target each is its mark (`model/secrets.py`). An expression, or a template, that has to do with one
is evaluated twice, with the marks and with the secrets: what it gives has to be the same but for those. So whatever is
made *of* a secret, such as its length or a part of it, is an error, and lies on no host and in no plan by mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reconciler.core.spoken import listed, with_article
from reconciler.model.secrets import REFERENCES, KeyRef, Secret, SecretError

if TYPE_CHECKING:
    from reconciler.config.complaints import Complaints
    from reconciler.config.declared import Variables
    from reconciler.config.expressions import Path
    from reconciler.core.vault import Vault
    from reconciler.model.catalog import Kind

SECRET = "secret"  # noqa: S105 - the key by which one is declared
CHANGED = "a secret can only be put in as it is, and something else is made of it here"
HINT = "write ${vars.NAME} by itself or within text, and put what is to be made of it into its file"

_NAME = re.compile(r"(?:[-A-Za-z0-9_.]|\$\{[^}]*\})+")
_SHAPE = "a secret is declared by where it is: {secret: {file: PATH}}"


def secret_problems(value: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    """What is wrong with the secrets in a value: path, message and hint."""
    if is_secret(value):
        [(kind, declared)] = value.items()
        if kind in REFERENCES:
            yield from _reference_problems(declared, (*path, kind))
        elif not isinstance(declared, dict) or declared.keys() != {"file"}:
            yield path, _SHAPE, "a mapping with nothing but the key `secret` is one"
        elif not isinstance(declared["file"], str) or not declared["file"].strip("/"):
            yield (*path, SECRET, "file"), "this is no path of a file", _SHAPE
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from secret_problems(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from secret_problems(item, (*path, index))


def _reference_problems(declared: Any, path: Path) -> Iterator[tuple[Path, str, str]]:
    shape = f"what is referred to has a name and a key: {{{path[-1]}: {{name: NAME, key: KEY}}}}"
    if not isinstance(declared, dict) or declared.keys() != {"name", "key"}:
        yield path, shape, f"a mapping with nothing but the key `{path[-1]}` is a reference"
        return
    for name, value in declared.items():
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            yield (*path, name), "this can be no name", shape


def is_secret(value: Any) -> bool:
    """Whether a value declares a secret, or refers to what is kept with secrets."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in (SECRET, *REFERENCES)


def has_secret(value: Any) -> bool:
    """Whether there is one in a value, at whatever depth."""
    if is_secret(value):
        return True
    items: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
    return isinstance(value, dict | list) and any(map(has_secret, items))


def misplaced(kind: Kind, field: str) -> tuple[str, str]:
    """What is said of a secret in a field that takes none, and what to do about it."""
    where = (
        f"it takes one in {listed(kind.secrets, 'and')}"
        if kind.secrets
        else "put it into a File, and name that"
    )
    return f"{field} of {with_article(kind.kind)} takes no secret: others would see it", where


class Unread(Exception):
    """A secret cannot be had, which was complained about."""


class SecretReading:
    """The secrets that a load reads, each once.

    Args:
        vault: has their values.
        complaints: told of those that cannot be had.
        root: of the source, below which no secret may lie.
        namespace: of a cluster, whose objects it is; "" if it is no cluster.

    Attributes:
        files: where those are that something is given by.
    """

    def __init__(self, vault: Vault, complaints: Complaints, root: str, namespace: str) -> None:
        self.files: set[str] = set()
        self.vault = vault
        self._complaints = complaints
        self._root = root
        self._namespace = namespace
        self._marks: dict[Secret | KeyRef, str | SecretError] = {}
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
            at = (*path, kind, "file" if kind == SECRET else "name")
            found = self._mark(one, at, self._wanted(kind, declared))
            if isinstance(found, str):
                return found
            if (id(one), path) not in self._told:
                self._told.add((id(one), path))
                self._complaints.problem(one, at, found.message, found.hint)
            self._complaints.values_lost = True
            raise Unread
        if isinstance(value, Mapping):
            return {key: self.marked(one, (*path, key), item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.marked(one, (*path, index), item) for index, item in enumerate(value)]
        return value

    def _wanted(self, kind: str, declared: Mapping[str, str]) -> Secret | KeyRef:
        if kind == SECRET:
            return Secret(declared["file"])
        return KeyRef(REFERENCES[kind], self._namespace, declared["name"], declared["key"])

    def _mark(self, one: Variables, at: Path, wanted: Secret | KeyRef) -> str | SecretError:
        if wanted not in self._marks:
            self.files.add(wanted.place if isinstance(wanted, KeyRef) else wanted.file)

            def absent(error: SecretError) -> None:
                message = f"{error.message}: what it holds is not looked at"
                self._complaints.warning(one, at, message, "")

            try:
                self._marks[wanted] = self._had(wanted, absent)
            except SecretError as error:
                self._marks[wanted] = error
        return self._marks[wanted]

    def _had(self, wanted: Secret | KeyRef, absent: Callable[[SecretError], None]) -> str:
        if isinstance(wanted, KeyRef):
            if wanted.kind == "ConfigMap":
                return self.vault.plain(wanted)
            return self.vault.mark(wanted, absent)
        if self._namespace:
            raise SecretError(
                "an object of a cluster reads no file of the operator's machine",
                "keep it in a Secret of the namespace: {secretKeyRef: {name: NAME, key: KEY}}",
            )
        if wanted.file.startswith(f"{self._root}/"):
            raise SecretError(
                f"{wanted.file} is part of the source, and all of that is kept and shown",
                "keep it outside, such as in /etc/froyo/secrets",
            )
        return self.vault.mark(wanted, absent)
