"""URLs in the one spelling that a call takes, and where a redirect leads."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

from froyo_provider import PermanentError

FOLLOWED = (301, 302, 303, 307, 308)
"""The statuses of a redirect."""
_PORTS = {"http": 80, "https": 443}
_KEPT = "!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def normal(url: str) -> str:
    """A URL in its one spelling: lower case up to its path, which is there; no port that says nothing, no fragment.

    Raises:
        PermanentError: it is none that can be asked for.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise PermanentError(f"{url!r} is no URL: {error}") from error
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc or not host.isascii():
        raise PermanentError(
            f"{url!r} is no URL that can be asked for: http or https, a host in ASCII, and no user"
        )
    where = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[parts.scheme]:
        where += f":{port}"
    path = quote(parts.path or "/", safe=_KEPT)
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    return f"{parts.scheme}://{where}{path}{query}"


def led(url: str, to: str) -> str | None:
    """Where a redirect leads; None where that cannot be asked for."""
    try:
        return normal(urljoin(url, to))
    except (PermanentError, ValueError):
        return None


def origin(url: str) -> tuple[str, str]:
    """To whom a URL is asked."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
