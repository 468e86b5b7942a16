"""Encrypts for recipients, and opens with identities. What cannot be opened says whom it is for and who has tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from reconciler.age.header import MAGIC, TO, binary, named, stanzas, whom
from reconciler.age.identities import Identity
from reconciler.age.recipients import Recipient
from reconciler.model.secrets import SecretError, SecretMissing

MOST = 500
"""Recipients of a ciphertext that is opened: each is a computation for each identity."""
_NOT_OURS = "No matching keys found"
_ROTATE = "froyo secrets recipients add, then rotate"
_ENCRYPT = "encrypt it for recipients: froyo secrets encrypt"
_NOBODY = "name recipients with --recipient, or in a file: froyo secrets recipients add"


def sealed(content: bytes, recipients: Sequence[Recipient], *, naming: bool = True) -> str:
    """A content that its recipients alone can open, armored.

    Args:
        content: what is secret.
        recipients: whom it is for.
        naming: lines before it say whom it is for. What `age` itself is to read must not have them.

    Raises:
        SecretError: it is for nobody, or for some who do not go together.
    """
    import pyrage

    try:
        made: str = pyrage.encrypt(content, _keys(recipients), armored=True).decode()
    except pyrage.EncryptError as error:
        raise _apart(error) from None
    lines = "".join(f"{TO}{one.label}\n" for one in recipients) if naming else ""
    return lines + made


def seal_stream(source: IO[bytes], destination: IO[bytes], recipients: Sequence[Recipient]) -> None:
    """The same for what may be large, not armored.

    Raises:
        SecretError: it is for nobody.
    """
    import pyrage

    try:
        pyrage.encrypt_io(source, destination, _keys(recipients))
    except pyrage.EncryptError as error:
        raise _apart(error) from None


def _apart(error: Exception) -> SecretError:
    """Why something cannot be for all of its recipients."""
    if "postquantum" in str(error):
        return SecretError(
            "what holds against a quantum computer (age1tagpq1…) is for such recipients alone: for another one as "
            "well, it would not hold",
            "keep them in a file of their own",
        )
    return SecretError(f"it cannot be encrypted for these recipients: {error}")


def _keys(recipients: Sequence[Recipient]) -> list[object]:
    if not recipients:
        raise SecretError("it is for nobody", _NOBODY)
    return [one.key() for one in recipients]


def opened(content: bytes, identities: Sequence[Identity]) -> bytes:
    """What a ciphertext holds.

    Raises:
        SecretMissing: none of the identities opens it.
        SecretError: it is none, or is damaged.
    """
    import pyrage

    data = binary(content)
    if data.count(b"\n-> ") > MOST:
        raise SecretError(f"it is for more than {MOST} recipients", _ENCRYPT)
    try:
        return bytes(pyrage.decrypt(data, [one.key for one in identities]))
    except pyrage.DecryptError as error:
        raise _closed(content, identities, str(error)) from None


def open_stream(
    source: IO[bytes], destination: IO[bytes], identities: Sequence[Identity], head: bytes
) -> None:
    """The same for what may be large, and is not armored.

    Args:
        source: at its beginning.
        destination: gets what it holds. Nothing of it counts before this returns.
        identities: who may open it.
        head: what it begins with, its header included.

    Raises:
        SecretMissing: none of the identities opens it.
        SecretError: it is damaged.
    """
    import pyrage

    try:
        pyrage.decrypt_io(source, destination, [one.key for one in identities])
    except (pyrage.DecryptError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _closed(head, identities, str(error)) from None


def is_sealed(content: bytes) -> bool:
    """Whether something is a ciphertext of age, as far as its beginning tells."""
    return content.startswith((MAGIC, b"-----BEGIN AGE ENCRYPTED FILE-----", TO.encode()))


def _closed(content: bytes, identities: Sequence[Identity], why: str) -> SecretError:
    if why != _NOT_OURS:
        return SecretError(
            "it is damaged, and cannot be opened", "take it from where it was right, or encrypt it anew"
        )
    found = stanzas(content)
    if any(one.sort == "scrypt" for one in found):
        return SecretError("it is encrypted with a passphrase, which nobody could be asked for", _ENCRYPT)
    return refusal(whom(found, named(content)), identities)


def refusal(recipients: str, identities: Sequence[Identity], anew: str = _ROTATE) -> SecretMissing:
    """That nobody here opens it.

    Args:
        recipients: whom it is for, in words.
        identities: who has tried.
        anew: how whoever can open it has it opened here.
    """
    if not identities:
        return SecretMissing(
            f"there is no identity here to open it, which is for {recipients}",
            "name the file of one with FROYO_AGE_KEY_FILE; `froyo secrets keygen` makes one",
        )
    tried = ", ".join(map(str, identities))
    return SecretMissing(
        f"no identity here opens it: it is for {recipients}; tried: {tried}",
        f"have somebody who can open it add the public key of one: {anew}",
    )
