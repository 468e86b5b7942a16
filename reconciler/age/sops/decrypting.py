"""Decrypts a file of SOPS: its data key with age, each value with that and AES-GCM, bound to where it stands.

Invariant: nothing is given out of a file whose MAC, over all its values in order, does not hold: something in it would
be what somebody has put there who had no key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from reconciler.age.identities import Identity
from reconciler.age.sealing import MOST, opened, refusal
from reconciler.age.sops.formats import ENCRYPTED, SopsFile, parsed
from reconciler.model.secrets import SecretError, SecretMissing

_ONLY_ENCRYPTED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
"""With what the MAC begins where it is over encrypted values alone."""
_CHANGED = "was changed by something else than sops, or is damaged"
_OTHERS = ("kms", "gcp_kms", "azure_kv", "hc_vault", "pgp", "hckms")

Key = tuple[str, ...]


def values(path: str, content: bytes, identities: Sequence[Identity]) -> Mapping[Key, bytes]:
    """All encrypted values of a file, by where they stand.

    Args:
        path: of the file, for its format and for messages.
        content: of it.
        identities: who may open it.

    Raises:
        SecretMissing: none of them opens it.
        SecretError: it is none, is for nobody who has a key of age, or was changed.
    """
    file = parsed(path, content)
    key = _data_key(file, identities)
    found: dict[Key, bytes] = {}
    only_encrypted = bool(file.metadata.get("mac_only_encrypted"))
    digest = hashlib.sha512(_ONLY_ENCRYPTED if only_encrypted else b"")
    for place, bound, value in _leaves(file.tree):
        if isinstance(value, str) and ENCRYPTED.match(value):
            data, sort = _decrypted(value, key, bound)
            if sort != "comment":
                digest.update(data)
                found[place] = data
        elif not only_encrypted:
            digest.update(_plain(value, json=file.json))
    mac, _ = _decrypted(str(file.metadata.get("mac")), key, str(file.metadata.get("lastmodified")))
    if not hmac.compare_digest(mac, digest.hexdigest().upper().encode()):
        raise SecretError(
            f"the MAC does not hold: it {_CHANGED}", "take it from where it was right, or encrypt it anew"
        )
    return found


def _data_key(file: SopsFile, identities: Sequence[Identity]) -> bytes:
    """The key that all values are encrypted with."""
    if file.metadata.get("key_groups"):
        raise SecretError(
            "its data key is shared among groups of keys, which is not read", "have it in one group"
        )
    given = file.metadata.get("age")
    entries = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    if len(entries) > MOST:
        raise SecretError(f"it is for more than {MOST} recipients", "sops updatekeys")
    if not entries:
        others = ", ".join(name for name in _OTHERS if file.metadata.get(name))
        raise SecretError(
            f"its data key is not encrypted with age{f', but with {others}' if others else ''}",
            "add a recipient of age: sops rotate --add-age RECIPIENT",
        )
    for one in entries:
        try:
            return opened(str(one.get("enc")).encode(), identities)
        except SecretMissing:
            continue
    raise refusal(", ".join(str(one.get("recipient")) for one in entries), identities, "sops updatekeys")


def _leaves(tree: Any, place: Key = (), bound: str = "") -> Iterator[tuple[Key, str, Any]]:
    """All values in order, each with where it stands, and with what SOPS binds it to: an item to its list alone."""
    if isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _leaves(item, (*place, str(key)), f"{bound}{key}:")
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _leaves(item, (*place, str(index)), bound)
    elif tree is not None:
        yield place, bound, tree


def _decrypted(value: str, key: bytes, bound: str) -> tuple[bytes, str]:
    """What an encrypted value holds, and of what sort it is."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    found = ENCRYPTED.match(value)
    parts = found.groups() if found is not None else ("", "", "", "")
    try:
        data, nonce, tag = (base64.b64decode(part, validate=True) for part in parts[:3])
        return AESGCM(key).decrypt(nonce, data + tag, bound.encode()), parts[3]
    except (InvalidTag, ValueError, binascii.Error):
        where = f"the value of {bound.rstrip(':').replace(':', '.')}" if bound.endswith(":") else "it"
        raise SecretError(
            f"{where} {_CHANGED}", "take it from where it was right, or encrypt it anew"
        ) from None


def _plain(value: Any, *, json: bool) -> bytes:
    """A value that is not encrypted, as it counts for the MAC."""
    if isinstance(value, bool):
        return b"True" if value else b"False"
    if isinstance(value, float) or (json and isinstance(value, int)):
        text = format(Decimal(repr(float(value))), "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text).encode()
    return str(value).encode("utf-8", "surrogateescape")
