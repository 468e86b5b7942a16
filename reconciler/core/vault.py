"""The values of secrets, in memory: who has one gives its mark, and only what goes to its target has the value again.

Invariants: nothing of what a target says leaves `TargetSecrets.sealed` with a value in it that the target has, as it is
or as it is spelled on the way; and what is digested where a secret is has a digest with a key. A target is given the
values that are declared for it, and no others: a mark that it says itself means nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from reconciler.core.redaction import MASK, Redactor
from reconciler.model.blob import Blob
from reconciler.model.names import Digest, TargetName
from reconciler.model.secrets import (
    BEGIN,
    MARK,
    KeyRef,
    SecretError,
    SecretMissing,
    Whereabouts,
    mark,
    marks_in,
)

SHORTEST = 8
"""Characters of a secret: what is shorter is found by trying, and could not be told from other text."""

_TELLING = 4
"""Characters of the beginning of a secret that are worth something."""
_NO_SECRETS = frozenset({"argv", "validate", "path"})
"""Arguments that others see: the command lines and names on a target."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_REMEMBERED = 4096
_FOREIGN = BEGIN.replace(":", "?")


def nothing_read(secret: Whereabouts) -> str:
    """For whoever has no secrets.

    Raises:
        SecretError: always.
    """
    raise SecretError(f"{secret.file} is not read here")


class Vault:
    """All secrets of a process.

    Args:
        read: gives the value of one. Raises SecretError.
        key: gives the key of the digests, when the first one is made. Raises SecretError.
        redactor: is told of all that is read.
        missing: whether some text stands for a secret that is not there, for whoever reaches no target.
    """

    def __init__(
        self,
        read: Callable[[Whereabouts], str] = nothing_read,
        key: Callable[[], bytes] = bytes,
        redactor: Redactor | None = None,
        *,
        missing: bool = False,
    ) -> None:
        self._redactor = redactor or Redactor()
        self._read = read
        self._make_key = key
        self._missing = missing
        self._key = b""
        self._values: dict[str, str] = {}
        self._targets: dict[TargetName, TargetSecrets] = {}

    def plain(self, key: KeyRef) -> str:
        """What is no secret, although it is where secrets could be, such as in a ConfigMap.

        Raises:
            SecretError: it cannot be had.
        """
        return self._read(key)

    def mark(self, secret: Whereabouts, absent: Callable[[SecretError], None] = lambda _: None) -> str:
        """What stands for a secret, which is read now.

        Args:
            secret: the secret.
            absent: told why it is not there, where some text stands for it all the same.

        Raises:
            SecretError: it cannot be had, or is none.
        """
        try:
            value = self._read(secret)
        except SecretMissing as error:
            if not self._missing:
                raise
            absent(error)
            value = f"what is not in {secret.file}"
        if len(value) < SHORTEST:
            raise SecretError(
                f"{secret.file} holds {len(value)} characters, and a secret has {SHORTEST} at least",
                "make a longer one, such as with: openssl rand -hex 16",
            )
        if BEGIN in value:
            raise SecretError(f"{secret.file} holds {BEGIN}, which stands for secrets themselves")
        made = mark(self.digest(value.encode()))
        if made not in self._values:
            self._values[made] = value
            self._redactor.add(value)
        return made

    def digest(self, content: bytes) -> str:
        """A digest that says nothing to who has not got the key: 64 hexadecimal digits."""
        if not self._key:
            self._key = self._make_key()
        return hmac.new(self._key, content, hashlib.sha256).hexdigest()

    def revealed(self, value: Any) -> Any:
        """A value, as JSON has it, with the secrets in the place of their marks. For comparing, never for keeping."""

        def reveal(text: str) -> str:
            return MARK.sub(lambda found: self._values.get(found.group(), found.group()), text)

        return _replaced(value, reveal)

    def body(self, blob: Blob) -> Blob:
        """A body with marks in it that says what it is on a target; any other as it is."""
        text = blob.read().decode()
        if not marks_in(text):
            return blob
        content = self.revealed(text).encode()
        real = Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")
        return replace(blob, size=len(content), revealed=real)

    def grant(
        self, target: TargetName, marks: Collection[str], *, names: Iterable[str], blob: Blob | None
    ) -> None:
        """Let a target have some secrets.

        Args:
            target: its name.
            marks: of the secrets.
            names: of the subjects that hold them.
            blob: a body with some of them, that says what it is there.
        """
        granted = self._targets.setdefault(target, TargetSecrets(self))
        granted.add({one: self._values[one] for one in marks}, names, blob)

    def of(self, target: TargetName) -> TargetSecrets | None:
        """What a target may have; None for most."""
        return self._targets.get(target)


class TargetSecrets:
    """The secrets of one target; see the module."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._values: dict[str, str] = {}
        self._names: frozenset[str] = frozenset()
        self._real: dict[str, str] = {}
        self._marked: dict[str, str] = {}
        self._seen: dict[str, str] = {}
        self._redactor = Redactor()

    def add(self, values: Mapping[str, str], names: Iterable[str], blob: Blob | None) -> None:
        """See `Vault.grant`."""
        fresh = {one: value for one, value in values.items() if one not in self._values}
        for value in fresh.values():
            self._redactor.add(value)
        # A load grants them in a thread of its own, while a session goes through them: none is added to.
        self._values = {**self._values, **fresh}
        self._names = self._names | frozenset(names)
        if blob is not None and blob.revealed is not None:
            self._real = {**self._real, blob.digest: blob.revealed}
            self._marked = {**self._marked, blob.revealed: blob.digest}

    # --- To the target ------------------------------------------------------------------------------------------------

    def revealed(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a call, as they are sent.

        Raises:
            SecretError: a secret of another target is in them, or one that is not known any more, or one would be seen.
        """
        for name in _NO_SECRETS & item.keys():
            if marks_in(item[name]):
                raise SecretError(f"{name} holds a secret, and others see it there")
        found: dict[str, Any] = _replaced(item, self._reveal)
        return found

    def body(self, blob: Blob) -> Blob:
        """A body, as it is sent."""
        real = self._real.get(blob.digest)
        if real is None:
            return blob
        return Blob(Digest(real), blob.size, lambda: self._reveal(blob.read().decode()).encode())

    def _reveal(self, text: str) -> str:
        digest = self._real.get(text) or self._seen.get(text)
        if digest is not None:
            return digest
        if BEGIN not in text:
            return text
        return MARK.sub(lambda found: self._value(found.group()), text)

    def _value(self, one: str) -> str:
        try:
            return self._values[one]
        except KeyError:
            raise SecretError(
                "what was declared holds a secret that is not known any more", "declare it again"
            ) from None

    # --- From the target ----------------------------------------------------------------------------------------------

    def sealed(self, item: Mapping[str, Any], said: Any) -> Any:
        """What a target says, with marks in the place of its secrets.

        Args:
            item: what it was asked.
            said: as JSON has it.
        """
        about = any(isinstance(one, str) and one in self._names for one in item.values())
        cut = isinstance(said, Mapping) and said.get("truncated") is True
        if not about and not cut and not self.holds(json.dumps(said, ensure_ascii=False)):
            return said
        return _replaced(said, lambda text: self._seal(text, about=about, cut=cut))

    def holds(self, text: str) -> bool:
        """Whether a text has to do with a secret of the target."""
        return BEGIN in text or self._redactor.text(text) != text or any(one in text for one in self._marked)

    def _seal(self, text: str, *, about: bool, cut: bool) -> str:
        found = self._known_here(text, about=about)
        if found == text and _BASE64.fullmatch(text):  # such as what a program has said
            plain = base64.b64decode(text).decode(errors="surrogateescape")
            masked = self._redactor.text(self._known_here(plain, about=about))
            if cut:
                masked = self._without_beginning(masked)
            if masked != plain:
                return base64.b64encode(masked.encode(errors="surrogateescape")).decode()
        return self._redactor.text(found)

    def _known_here(self, text: str, *, about: bool) -> str:
        """A text with marks, and with the digests by which contents with secrets are known here, also within words."""

        def known(digest: re.Match[str]) -> str:
            real = digest.group()
            return self._marked.get(real) or (self._keyed(real) if about else real)

        return _DIGEST.sub(known, self._with_marks(text))

    def _with_marks(self, text: str) -> str:
        found = text.replace(BEGIN, _FOREIGN)
        for one, value in self._values.items():
            found = found.replace(value, one)
        return found

    def _without_beginning(self, text: str) -> str:
        """What is cut off may be so in the middle of a secret."""
        for value in self._values.values():
            for length in range(len(value) - 1, _TELLING - 1, -1):
                if text.endswith(value[:length]):
                    return text[:-length] + MASK
        return text

    def _keyed(self, digest: str) -> str:
        keyed = "sha256:" + self._vault.digest(digest.encode())
        if keyed not in self._seen and len(self._seen) >= _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        self._seen[keyed] = digest
        return keyed


def _replaced(value: Any, replacement: Callable[[str], str]) -> Any:
    """A value, as JSON has it, with something else in the place of its texts."""
    match value:
        case str():
            return replacement(value)
        case Mapping():
            return {replacement(key): _replaced(item, replacement) for key, item in value.items()}
        case list() | tuple():
            return [_replaced(item, replacement) for item in value]
        case _:
            return value
