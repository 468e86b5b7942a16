"""Probes over TCP: the kind TcpProbe. docs/spec/probe.tcp.md is normative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from froyo_provider import Resource, call
from froyo_provider.probing import Differs, Probe, Seen, ending, said

if TYPE_CHECKING:
    from collections.abc import Mapping

KEPT = 4096
"""Bytes of what is said first that are looked at."""


class TcpProbe(Probe):
    """That something takes TCP connections, and what it says first."""

    async def look(self, one: Resource) -> Seen:
        """Connect, and compare."""
        spec = one.spec
        name = "tcp.connect.forwarded" if spec["from"] == "target" else "tcp.connect"
        answer = await call(name, **asked(spec))
        differs = []
        if "expect" in spec and spec["expect"] not in answer["data"]:
            heard = said(answer["data"])
            message = f"{spec['expect']!r} is not said" + (
                f", but: {heard}" if heard else ", and nothing else"
            )
            differs.append(Differs("expect", heard, spec["expect"], message))
        if "latency" in spec and answer["elapsed_ms"] > spec["latency"]:
            found, most = answer["elapsed_ms"], spec["latency"]
            differs.append(Differs("latency", f"{found} ms", f"at most {most} ms"))
        return Seen(differs, ending(answer.get("tls"), spec["expiresWithin"]))


def asked(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the call."""
    arguments: dict[str, Any] = {
        "address": spec["address"].lower(),
        "timeout_ms": spec["timeout"] * 1000,
        "tls": spec["tls"],
    }
    if "expect" in spec:
        arguments |= {"max_read": KEPT, "until": spec["expect"]}
    for field, name in (("send", "send"), ("ca", "ca"), ("serverName", "server_name")):
        if field in spec:
            arguments[name] = spec[field]
    return arguments
