"""Opens what stands in sources, each ciphertext once: what it holds is remembered in memory, and nowhere else.

Invariant: what was remembered is forgotten as soon as the identities are others, so that what nobody here may open any
more is not known any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reconciler.age.identities import Identity
from reconciler.age.sealing import opened
from reconciler.model.secrets import Encrypted, KeyRef, Sealing, SecretError, text_of

LARGEST = 64 * 1024
"""Bytes of a secret."""
_Key = tuple[bytes, Sealing, str]
MOST = 16 * 1024 * 1024
"""Bytes of all that is remembered."""


class Opening:
    """See the module.

    Args:
        identities: gives those of the controller, or of a namespace of a cluster. Raises SecretError.
    """

    def __init__(self, identities: Callable[[KeyRef | None], Sequence[Identity]]) -> None:
        self._identities = identities
        self._known: dict[_Key, Mapping[tuple[str, ...], bytes]] = {}
        self._had: dict[str, tuple[str, ...]] = {}
        self._size = 0

    def read(self, one: Encrypted) -> str:
        """What a secret is.

        Raises:
            SecretMissing: nobody here opens it.
            SecretError: it is none, or is damaged.
        """
        identities = self._identities(one.identity)
        self._forget_if_others(one.place, identities)
        key = one.content, one.sealing, one.place  # bytes know their hash, however many values they hold
        found = self._known.get(key)
        if found is None:
            found = self._opened(one, identities)
            size = sum(map(len, found.values()))
            while self._known and self._size + size > MOST:
                self._forget(next(iter(self._known)))
            self._known[key] = found
            self._size += size
        content = found.get(one.key)
        if content is None:
            raise SecretError(f"there is no {one.file} that is encrypted")
        if len(content) > LARGEST:
            raise SecretError(f"{one.file} holds {len(content)} bytes, and a secret has {LARGEST} at most")
        return text_of(one.file, content)

    def _opened(self, one: Encrypted, identities: Sequence[Identity]) -> Mapping[tuple[str, ...], bytes]:
        try:
            if one.sealing is Sealing.SOPS:
                from reconciler.age.sops import values

                return values(one.path, one.content, identities)
            return {(): opened(one.content, identities)}
        except SecretError as error:
            where = f"{one.path}: " if one.path else ""
            raise type(error)(f"{where}{error.message}", error.hint) from None

    def _forget_if_others(self, place: str, identities: Sequence[Identity]) -> None:
        now = tuple(one.public for one in identities)
        if self._had.setdefault(place, now) != now:
            self._had[place] = now
            for key in [key for key in self._known if key[2] == place]:
                self._forget(key)

    def _forget(self, key: _Key) -> None:
        found = self._known.pop(key)
        self._size -= sum(map(len, found.values()))
