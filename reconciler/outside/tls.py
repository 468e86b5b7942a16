"""TLS as the controller's own calls have it: always verified, and what its certificate says of itself.

Invariant: there is no way to ask without verifying. Who has certificates of their own says who signed them.
"""

from __future__ import annotations

import ssl
from typing import Any

from reconciler.outside.unanswered import Unanswered, bad


def context_for(ca: str, *, alpn: list[str]) -> ssl.SSLContext:
    """What verifies a peer.

    Args:
        ca: certificates in PEM that are trusted in the place of the system's; "" for these.
        alpn: the protocols that are spoken.

    Raises:
        Unanswered: there are no certificates in it.
    """
    try:
        context = ssl.create_default_context(cadata=ca or None)
    except (ssl.SSLError, ValueError) as error:
        raise bad(f"tls.ca holds no certificates in PEM: {_reason(error)}") from error
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def refused(where: str, error: ssl.SSLError) -> Unanswered:
    """What is said where a handshake has failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unanswered("bad_certificate", f"{where}: its certificate is not valid: {error.verify_message}")
    return Unanswered("no_tls", f"{where}: TLS failed: {_reason(error)}")


def shown(session: ssl.SSLObject, *, now: float) -> dict[str, Any]:
    """What a peer showed that was verified.

    Args:
        session: the handshake is over.
        now: seconds since the epoch.

    Returns:
        `{"version", "not_after", "expires_in_s", "names"}`: the protocol, when the certificate ends (seconds since the
        epoch), the same from now, and the first names that it is for.
    """
    certificate: dict[str, Any] = dict(session.getpeercert() or {})
    not_after = int(ssl.cert_time_to_seconds(certificate["notAfter"]))
    names = [str(name) for _, name in certificate.get("subjectAltName", ())]
    return {
        "version": session.version() or "",
        "not_after": not_after,
        "expires_in_s": not_after - int(now),
        "names": names[:8],
    }


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error)
    return str(reason).replace("_", " ").lower()
