"""Probes over HTTP: the kind HttpProbe. docs/spec/probe.http.md is normative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addresses import FOLLOWED, led, normal, origin
from expectations import differences

from froyo_provider import Resource, call
from froyo_provider.probing import Differs, Probe, Seen, ending, said

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = 256 * 1024
"""Bytes of an answer that are looked at."""


class HttpProbe(Probe):
    """That something answers over HTTP, and how."""

    async def look(self, one: Resource) -> Seen:
        """Ask, follow as many redirects as may be, and compare."""
        spec, url, took, followed = one.spec, normal(one.spec["url"]), 0, 0
        headers = dict(spec.get("headers", {}))
        name = "http.get.forwarded" if spec["from"] == "target" else "http.get"
        while True:
            answer = await call(name, **asked(spec, url, headers))
            took += answer["elapsed_ms"]
            to = header(answer, "location")
            if not spec["redirects"] or answer["status"] not in FOLLOWED or not to:
                break
            before, after = url, led(url, to)
            if (trouble := in_the_way(before, after, to)) or followed == spec["redirects"]:
                trouble = trouble or f"is redirected more than {followed} times, to {after} last"
                return Seen([Differs("redirects", said(to), f"at most {spec['redirects']}", trouble)])
            followed += 1
            url = str(after)
            if origin(before) != origin(url):
                headers = {}  # they are for whom they were written, and nobody else
        return Seen(differences(spec, url, answer, took), ending(answer.get("tls"), spec["expiresWithin"]))


def in_the_way(before: str, after: str | None, to: str) -> str:
    """Why a redirect is not followed, or ""."""
    if after is None:
        return f"{before} leads to {said(to)}, which cannot be asked for"
    if before.startswith("https:") and not after.startswith("https:"):
        return f"{before} leads to {after}, which is not encrypted"
    return ""


def asked(spec: Mapping[str, Any], url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of the call."""
    arguments: dict[str, Any] = {
        "url": url,
        "method": spec["method"],
        "headers": headers,
        "timeout_ms": spec["timeout"] * 1000,
        "max_body": KEPT,
    }
    if "ca" in spec:
        arguments["ca"] = spec["ca"]
    if "serverName" in spec:
        arguments["server_name"] = spec["serverName"]
    return arguments


def header(answer: Mapping[str, Any], name: str) -> str:
    """The first value of a header, or ""."""
    return next((str(value) for known, value in answer["headers"] if known == name), "")
