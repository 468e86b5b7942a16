"""What a file holds, with all that is encrypted in it opened: to be read, and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.age.blocks import Block, blocks, is_of_sops, replaced
from reconciler.age.identities import Identity
from reconciler.age.sealing import is_sealed, opened
from reconciler.errors import UsageError
from reconciler.model.secrets import SecretError


def opened_text(called: str, content: bytes, identities: Sequence[Identity]) -> bytes:
    """What a ciphertext holds; of a text with some in it, that with what they hold in their places.

    Args:
        called: the file, for messages.
        content: of it.
        identities: open it.

    Raises:
        UsageError: there is nothing to be opened, or nobody here opens it.
    """
    text = content.decode("utf-8", "surrogateescape")
    if is_of_sops(text):
        raise UsageError(f"{called} is a file of SOPS: sops decrypt {called}")
    found = list(blocks(text))
    if not found and not is_sealed(content):
        raise UsageError(f"{called} has no ciphertext in it")

    def held(one: Block) -> str:
        lines = opened(one.content, identities).decode("utf-8", "surrogateescape").split("\n")
        return f"\n{one.indent}".join(lines)

    try:
        if is_sealed(content) or (len(found) == 1 and found[0].written == text.strip()):
            return opened(content, identities)
        return replaced(text, held).encode("utf-8", "surrogateescape")
    except SecretError as error:
        raise UsageError(f"{called}: {error.message}; {error.hint}") from None
