"""Whether a runner's signature is good: ECDSA P-256 over SHA-256, as `cosign sign-blob` makes it.

As a program it says so of what stands on its standard input: the library that this takes is 12 MB, which a daemon would
keep for months after one question.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TypeAlias

PATIENCE = 30.0
"""Seconds that the program may take."""
GOOD = ""

Verdict: TypeAlias = "str"
"""GOOD, or what is wrong: `key` with a reason behind a colon, or `signature`."""


def verify(pem: bytes, signature: str, digest: bytes) -> Verdict:
    """Whether a signature is that of a SHA-256.

    Args:
        pem: the public key.
        signature: in base64.
        digest: that was signed.
    """
    # Here, because who only plans from the store needs no cryptography.
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        return f"key: it is not a public key in PEM: {error}"
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        return "key: it is not an ECDSA key on P-256"
    try:
        der = base64.b64decode(signature, validate=True)
        key.verify(der, digest, ec.ECDSA(utils.Prehashed(SHA256())))
    except (InvalidSignature, ValueError):
        return "signature"
    return GOOD


def verify_apart(pem: bytes, signature: str, digest: bytes) -> Verdict:
    """The same, by a process of its own; by this one where the library is there anyway, or no other can be started."""
    if "cryptography" not in sys.modules:
        question = json.dumps([pem.hex(), signature, digest.hex()])
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", __name__],
                input=question,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                timeout=PATIENCE,
                check=True,
            )
            verdict = json.loads(done.stdout)
        except (OSError, ValueError, subprocess.SubprocessError):
            pass
        else:
            if isinstance(verdict, str):
                return verdict
    return verify(pem, signature, digest)


def main() -> None:
    """Answer one question."""
    pem, signature, digest = json.load(sys.stdin)
    json.dump(verify(bytes.fromhex(pem), signature, bytes.fromhex(digest)), sys.stdout)


if __name__ == "__main__":
    main()
