"""Alert manifests to the model's objects, and what is wrong with them that no schema can say.

Invariant: no secret is read here, nor is one taken from a manifest: it is named by where it is, or is encrypted.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from reconciler.config.digests import digest_of
from reconciler.config.own_fields import Complain, Path, duration
from reconciler.config.secret_values import OPENER, OPENER_KEY
from reconciler.config.targets import ControllerPaths, path_of
from reconciler.core.suggest import did_you_mean
from reconciler.model.alert import (
    REPEAT,
    TIMEOUT,
    Alert,
    AlertFilter,
    AlertFormat,
    AlertName,
    CommandOut,
    FileOut,
    WayOut,
    WebhookOut,
)
from reconciler.model.conditions import Reason
from reconciler.model.event import REASONS
from reconciler.model.origin import Origin
from reconciler.model.secrets import NOWHERE, Encrypted, KeyRef, Secret, Whereabouts

LONGEST = 60.0
"""Seconds that a message may take on its way out at most."""

Resolve = Callable[[str, tuple[str, ...]], str]

KNOWN = tuple(dict.fromkeys([*REASONS, *(reason.value for reason in Reason)]))
"""The reasons that something can be told for."""

_ODD = re.compile(r"[\x00-\x20\x7f]")
_LOOPBACK = re.compile(r"localhost|127\.[0-9.]+|::1")


def alert(
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    origin: Origin,
    controller: ControllerPaths,
    complain: Complain,
) -> Alert:
    """The alert that a valid manifest declares.

    Args:
        metadata: as written.
        spec: the same, valid by its schema.
        origin: where it stands.
        controller: what its paths are relative to.
        complain: told the path of a field from `spec` on, a message and a hint.
    """

    def resolve(written: str, field: tuple[str, ...]) -> str:
        return path_of(written, field, origin.base, controller, complain)

    made = Alert(
        name=AlertName(metadata["name"]),
        way=_way(spec, resolve, complain),
        everything=spec.get("severity") == "info",
        match=_filters(spec, "match", complain),
        unless=_filters(spec, "except", complain),
        after=duration(spec, ("for",), 0.0, complain),
        repeat=duration(spec, ("repeatInterval",), REPEAT, complain),
        recovery=spec.get("recovery", True),
        origin=origin,
    )
    plain = dataclasses.asdict(dataclasses.replace(made, origin=Origin()))
    return dataclasses.replace(made, digest=digest_of([type(made.way).__name__, _sorted(plain)]))


def _sorted(value: Any) -> Any:
    """The same as JSON has it, whatever order a set has."""
    if isinstance(value, Mapping):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, bytes):
        return ""  # encrypted anew it is the same secret, and another one does not make it another alert, as in a file
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def _way(spec: Mapping[str, Any], resolve: Resolve, complain: Complain) -> WayOut:
    if "command" in spec:
        one = spec["command"]
        return CommandOut(
            name=one["name"],
            arguments=tuple(one.get("arguments", ())),
            timeout=_timeout(one, ("command", "timeout"), complain),
        )
    if "file" in spec:
        return FileOut(name=spec["file"]["name"])
    one = spec["webhook"]
    token, key, secret_url = (_secret(one, field) for field in ("tokenFrom", "signWith", "urlFrom"))
    if "url" in one:
        _check_url(one["url"], secret=token is not None, complain=complain)
    return WebhookOut(
        url=one["url"] if secret_url is None else secret_url,
        format=AlertFormat(one.get("format", AlertFormat.JSON)),
        token=token,
        key=key,
        ca_file=resolve(one["caFile"], ("webhook", "caFile")) if "caFile" in one else "",
        timeout=_timeout(one, ("webhook", "timeout"), complain),
    )


def _secret(one: Mapping[str, Any], field: str) -> Whereabouts | None:
    if field not in one:
        return None
    [(kind, meant)] = one[field].items()
    if kind == "secretKeyRef":
        return KeyRef("Secret", NOWHERE, meant["name"], meant["key"])
    return Encrypted(meant["age"].encode()) if "age" in meant else Secret(meant["file"])


def in_namespace(alert: Alert, namespace: str) -> tuple[Alert, str]:
    """An alert with its secrets in the namespace that its object is in, and what is wrong with where they are.

    It is called after the namespace, too: what others declare in theirs is none of its business.

    Args:
        alert: as it is declared.
        namespace: of a cluster; "" if it is in none.
    """
    way = alert.way
    if namespace:
        alert = dataclasses.replace(alert, name=AlertName(f"{namespace}:{alert.name}"))
    if not isinstance(way, WebhookOut):
        return alert, ""
    found = {field: getattr(way, field) for field in ("url", "token", "key")}
    if namespace and any(isinstance(one, Secret) for one in found.values()):
        return alert, "an object of a cluster reads no file of the operator's machine"
    keys = {field: one for field, one in found.items() if isinstance(one, KeyRef)}
    sealed = {field: one for field, one in found.items() if isinstance(one, Encrypted)}
    if not namespace and keys:
        return alert, "what is in a Secret of a cluster can be had in a cluster alone"
    placed: dict[str, Any] = {
        field: dataclasses.replace(one, namespace=namespace) for field, one in keys.items()
    }
    if namespace:
        opener = KeyRef("Secret", namespace, OPENER, OPENER_KEY)
        placed |= {field: dataclasses.replace(one, identity=opener) for field, one in sealed.items()}
    return dataclasses.replace(alert, way=dataclasses.replace(way, **placed)), ""


def url_trouble(url: str, *, secret: bool) -> tuple[str, str] | None:
    """Why nothing can be posted there, and what to do about it; None where it can. The URL is not repeated.

    Args:
        url: where to.
        secret: a token is sent along.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if _ODD.search(url) or parts.scheme not in ("https", "http") or not host:
        return "this is no URL that anything can be posted to", "write https://HOST/… or http://HOST/…"
    if parts.username is not None:
        return "a user or password does not belong in a URL", "use tokenFrom, or urlFrom for all of it"
    if secret and parts.scheme == "http" and not _LOOPBACK.fullmatch(host):
        return "a token would be sent in the clear", "write https://…"
    return None


def _check_url(url: str, *, secret: bool, complain: Complain) -> None:
    if (trouble := url_trouble(url, secret=secret)) is not None:
        complain(("webhook", "url"), *trouble)


def _filters(spec: Mapping[str, Any], field: str, complain: Complain) -> tuple[AlertFilter, ...]:
    found: list[AlertFilter] = []
    for index, one in enumerate(spec.get(field, ())):
        _check_reasons(one.get("reasons", ()), (field, index, "reasons"), complain)
        found.append(
            AlertFilter(
                kinds=frozenset(one.get("kinds", ())),
                targets=tuple(one.get("targets", ())),
                labels=tuple(sorted(one.get("labels", {}).items())),
                reasons=frozenset(one.get("reasons", ())),
            )
        )
    return tuple(found)


def _check_reasons(reasons: Sequence[str], where: Path, complain: Complain) -> None:
    for index, reason in enumerate(reasons):
        if reason not in KNOWN:
            hint = did_you_mean(reason, KNOWN) or "docs/spec/conditions.md has all of them"
            complain((*where, index), f"nothing is ever told for the reason {reason}", hint)


def _timeout(given: Mapping[str, Any], where: tuple[str, ...], complain: Complain) -> float:
    value = duration(given, where, TIMEOUT, complain)
    if value > LONGEST:
        complain(where, f"{given[where[-1]]} is longer than a message may take", "a minute at most")
    return value
