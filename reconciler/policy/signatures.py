"""Signatures of bundles that were made with a private key: RS256 and ES256."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from reconciler.policy.failing import PolicyFailure


def verified(algorithm: str, pem: bytes, text: bytes, signature: bytes) -> bool:
    """Whether a text has this signature, by the algorithm that goes with the key.

    Raises:
        PolicyFailure: the key is none.
    """
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PolicyFailure("the key that bundles are checked with is no public key in PEM") from error
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm == "RS256":
            key.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
            return True
        if isinstance(key, ec.EllipticCurvePublicKey) and algorithm == "ES256" and len(signature) == 64:
            r, s = (int.from_bytes(part) for part in (signature[:32], signature[32:]))
            key.verify(encode_dss_signature(r, s), text, ec.ECDSA(hashes.SHA256()))
            return True
    except InvalidSignature:
        return False
    return False
