"""Target and Source manifests to the model's objects: durations in seconds, paths made absolute."""

from __future__ import annotations

import dataclasses
import os.path
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.config.digests import digest_of
from reconciler.config.own_fields import Complain, duration
from reconciler.config.repositories import repository
from reconciler.model.names import DEFAULT_NAMESPACE, SourceName, TargetName, split_target, target_name
from reconciler.model.origin import Origin
from reconciler.model.secrets import NOWHERE, REFERENCES, KeyRef
from reconciler.model.source import DirectoryPlace, Place, Source
from reconciler.model.target import LocalTransport, SshTransport, Target


@dataclass(frozen=True, slots=True)
class ControllerPaths:
    """What paths on the controller are relative to.

    Attributes:
        root: the directory that a snapshot's paths are relative to; "" when it is in no directory.
        home: what ~ stands for; "" when that is not known.
    """

    root: str
    home: str

    def path(self, written: str, manifest: str) -> str | None:
        """An absolute path; None if there is nothing that it could be relative to."""
        if written == "~" or written.startswith("~/"):
            return os.path.normpath(os.path.join(self.home, written[2:])) if self.home else None
        if os.path.isabs(written):
            return os.path.normpath(written)
        if not self.root or written.startswith("~"):
            return None
        return os.path.normpath(os.path.join(self.root, os.path.dirname(manifest), written))


def target(
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    origin: Origin,
    controller: ControllerPaths,
    complain: Complain,
) -> Target:
    """The target that a valid manifest declares."""
    name = metadata["name"]
    labels = dict(metadata.get("labels") or {})
    transport: LocalTransport | SshTransport
    if "local" in spec:
        transport = LocalTransport(spec["local"].get("become", ""))
    else:
        transport = ssh_transport(spec["ssh"], origin.base, controller, complain)
    return made_target(
        target_name(name, metadata.get("namespace") or DEFAULT_NAMESPACE), labels, transport, origin
    )


def made_target(
    name: TargetName, labels: Mapping[str, str], transport: LocalTransport | SshTransport, origin: Origin
) -> Target:
    """A target, once all of it is known."""
    digest = digest_of([name, labels, type(transport).__name__, dataclasses.asdict(transport)])
    return Target(name, labels, transport, digest, origin)


def in_namespace(target: Target) -> Target:
    """A target of a cluster, that refers to objects of its own namespace if it refers to any."""
    namespace, _ = split_target(target.name)
    transport = target.transport
    if isinstance(transport, LocalTransport):
        return target
    found: dict[str, Any] = {
        field: str(replace(ref, namespace=namespace))
        for field in ("identity_file", "known_hosts")
        if (ref := KeyRef.parsed(getattr(transport, field))) is not None
    }
    if not found:
        return target
    return made_target(target.name, target.labels, replace(transport, **found), target.origin)


def references(target: Target) -> list[KeyRef]:
    """What of a cluster a target is reached with."""
    transport = target.transport
    if isinstance(transport, LocalTransport):
        return []
    found = (KeyRef.parsed(one) for one in (transport.identity_file, transport.known_hosts))
    return [one for one in found if one is not None]


def source(
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    origin: Origin,
    controller: ControllerPaths,
    complain: Complain,
) -> Source:
    """The source that a valid manifest declares."""
    place: Place
    if "git" in spec:

        def resolve(written: str, field: tuple[str, ...]) -> str:
            return path_of(written, ("git", *field), origin.base, controller, complain)

        place = repository(spec["git"], resolve, lambda where, *said: complain(("git", *where), *said))
    else:
        written = spec["directory"]["path"]
        place = DirectoryPlace(path_of(written, ("directory", "path"), origin.base, controller, complain))
    interval = duration(spec, ("interval",), None, complain)
    return Source(SourceName(metadata["name"]), place, interval, origin, dict(spec.get("settings") or {}))


def ssh_transport(
    ssh: Mapping[str, Any], manifest: str, controller: ControllerPaths, complain: Complain
) -> SshTransport:
    """How a target is reached over SSH, as `ssh` of a Target says it.

    Args:
        ssh: valid by its schema, with a host.
        manifest: what its paths are relative to.
        controller: the same.
        complain: told the path from `ssh` on, a message and a hint.
    """
    given: dict[str, Any] = {}
    for field, written in (
        ("identity_file", "identityFile"),
        ("known_hosts", "knownHosts"),
    ):
        if written in ssh:
            given[field] = path_of(ssh[written], ("ssh", written), manifest, controller, complain)
    for field, written, instead in (
        ("identity_file", "identityFrom", "identityFile"),
        ("known_hosts", "knownHostsFrom", "knownHosts"),
    ):
        if written in ssh:
            if instead in ssh:
                complain(("ssh", written), f"{written} and {instead} do not go together", "keep one")
            [(kind, meant)] = ssh[written].items()
            given[field] = str(KeyRef(REFERENCES[kind], NOWHERE, meant["name"], meant["key"]))
    for field, written in (
        ("connect_timeout", "connectTimeout"),
        ("keepalive_interval", "keepaliveInterval"),
    ):
        if (value := duration(ssh, ("ssh", written), None, complain)) is not None:
            given[field] = value
    for field, written in (
        ("port", "port"),
        ("user", "user"),
        ("become", "become"),
        ("host_key", "hostKey"),
        ("trust_on_first_use", "trustOnFirstUse"),
        ("proxy_jump", "proxyJump"),
    ):
        if written in ssh:
            given[field] = ssh[written]
    return SshTransport(host=ssh["host"], **given)


def path_of(
    written: str, field: tuple[str, ...], manifest: str, controller: ControllerPaths, complain: Complain
) -> str:
    """A path on the controller as a manifest names it, made absolute; "" where that was complained about."""
    path = controller.path(written, manifest)
    if path is None:
        complain(
            field, f"nothing is known here that {written!r} could be relative to", "give an absolute path"
        )
    return path or ""
