"""The certificate by which the API server knows the operator's webhook: made here, kept in a Secret, told the server.

An authority of its own signs one certificate, and its key is thrown away: the next certificate has another authority.
Both are told the API server for a while, so that there is no moment at which it knows neither the one that is shown
nor the one that was. Invariant: of several operators all show the same, since the Secret is what counts.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=90)
RENEWED = timedelta(days=30)
"""How long before its end a certificate is exchanged."""
_SKEW = timedelta(hours=1)
"""For clocks that are behind."""

AUTHORITY = "ca.crt"
CERTIFICATE = "tls.crt"
KEY = "tls.key"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its key, as PEM.

    Attributes:
        authorities: those that it may be signed by: its own first, and that of the one before.
        chain: the certificate.
        key: its private key.
    """

    authorities: bytes
    chain: bytes
    key: bytes

    @classmethod
    def of(cls, data: Mapping[str, str]) -> Certificate | None:
        """As a Secret has it; None if it has none."""
        found = [base64.b64decode(data.get(name) or "") for name in (AUTHORITY, CERTIFICATE, KEY)]
        return cls(*found) if all(found) else None

    @property
    def data(self) -> dict[str, str]:
        """As a Secret has it."""
        given = {AUTHORITY: self.authorities, CERTIFICATE: self.chain, KEY: self.key}
        return {name: base64.b64encode(content).decode() for name, content in given.items()}

    def serves(self, names: Sequence[str], now: datetime) -> bool:
        """Whether it can be shown for these names, for a while to come."""
        try:
            leaf = x509.load_pem_x509_certificate(self.chain)
            known = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, x509.ExtensionNotFound):
            return False
        there = set(known.get_values_for_type(x509.DNSName))
        return set(names) <= there and now < leaf.not_valid_after_utc - RENEWED


def make(names: Sequence[str], now: datetime, before: Certificate | None = None) -> Certificate:
    """A new certificate.

    Args:
        names: by which the API server calls who shows it.
        now: the time.
        before: the one that is shown until now: whoever shows it still is to be believed meanwhile.
    """
    signing, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    # A name of its own, since who knows two of one name takes either for the one that has signed.
    called = f"froyo-operator {now:%Y-%m-%d} {secrets.token_hex(8)}"
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    begun = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + LIFE)
    )
    authority = (
        begun.subject_name(issuer)
        .public_key(signing.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(signing, hashes.SHA256())
    )
    leaf = (
        begun.subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(signing, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ours = authority.public_bytes(pem)
    return Certificate(
        ours + (_first(before.authorities) if before is not None else b""),
        leaf.public_bytes(pem),
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def _first(bundle: bytes) -> bytes:
    end = b"-----END CERTIFICATE-----\n"
    return bundle.partition(end)[0] + end if end in bundle else b""


def uninformed(configuration: Mapping[str, Any], authorities: bytes) -> list[dict[str, Any]]:
    """What to patch in a configuration of webhooks for the API server to believe these authorities; often nothing."""
    wanted = base64.b64encode(authorities).decode()
    return [
        {"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": wanted}
        for number, one in enumerate(configuration.get("webhooks") or ())
        if one["clientConfig"].get("caBundle") != wanted
    ]
