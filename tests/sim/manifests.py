"""Declarations for a simulation: how a snapshot is evaluated, and whether a machine keeps to them.

The last is judged here from the files themselves, in a few lines that share nothing with the provider or the engine.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.config.fields import subjects_of
from reconciler.config.rollouts import resolved, rollout
from reconciler.config.targets import ControllerPaths
from reconciler.core.graph import build_graph
from reconciler.errors import ConfigError, Problem
from reconciler.model.blob import Blob
from reconciler.model.desired import Desired
from reconciler.model.facts import Facts, Section
from reconciler.model.names import Address, Digest, SourceName, TargetName, address, reference
from reconciler.model.origin import Origin
from reconciler.model.resource import (
    Adopt,
    CommonSpec,
    Deletion,
    Instance,
    Metadata,
    Patience,
    Policy,
    Window,
)
from reconciler.model.rollout import Rollout, RolloutName
from reconciler.model.secrets import marks_in
from reconciler.model.source import Snapshot, SnapshotFile, SnapshotGone
from reconciler.model.subjects import Subject
from reconciler.model.target import SshTransport, Target
from tests.sim import boots, clockwork, households, packers, scribes, trees
from tests.sim.cluster import document_of
from tests.sim.files import NAMES, Files, digest_of
from tests.sim.packages import KINDS
from tests.sim.secrets import FILE, PLACEHOLDER, ProcessVault

if TYPE_CHECKING:
    from tests.sim.machine import Machine

Json = dict[str, Any]

SOURCE = SourceName("sim")
API = "linux.froyo.dev/v1alpha1"


BESIDE = households.KINDS | scribes.KINDS | clockwork.KINDS | packers.KINDS | boots.KINDS
"""Kinds that are about what their manifests say."""

_CHOICES: dict[str, Any] = {
    "policy": Policy,
    "adopt": Adopt,
    "deletion": Deletion,
    "windows": lambda windows: tuple(
        one
        if isinstance(one, Window)
        else Window(**{key: tuple(value) if key == "days" else value for key, value in one.items()})
        for one in windows
    ),
}


def target(name: str, *, port: int = 22) -> Target:
    """A machine, as it is declared."""
    return Target(
        TargetName(name),
        {},
        SshTransport(host=name, port=port),
        Digest(f"sha256:{name}:{port}"),
    )


def instance(
    target_name: str, kind: str, name: str, spec: Json, *, vault: ProcessVault | None = None, **common: Any
) -> Instance:
    """A resource on a machine; its `content`, or its `line`, becomes its body."""
    files = spec.get("files", {})
    text = spec.get("content", spec.get("line"))
    spec = {key: value for key, value in spec.items() if key not in {"content", "line"}}
    body = None
    if text is not None:
        if vault is not None and PLACEHOLDER in text:
            text = text.replace(PLACEHOLDER, vault.mark(FILE))
            body = vault.body(blob_of(text))
        spec["body"] = {"digest": digest_of(text.encode()), "size": len(text.encode())}
    if body is not None and body.revealed is not None:
        spec["body"] |= {"size": body.size, "secret": True}
        spec |= {"sensitive": True, "mode": "0600"}
    if "files" in spec:
        spec = {key: value for key, value in spec.items() if key != "files"}
        spec["tree"] = trees.declared(files)
    fields = CommonSpec(
        **{key: _CHOICES[key](value) if key in _CHOICES else value for key, value in common.items()}
    )
    ref = reference(kind, name)
    if kind in BESIDE:
        provides = subjects_of(KINDS[kind].provides, spec)
    else:
        provides = (Subject("path", spec["path"]),) if "path" in spec else ()
    declaring = {key: str(value) for key, value in sorted(common.items()) if key != "suspend"}
    said = json.dumps([kind, spec, declaring], sort_keys=True)
    made = Instance(
        address=address(TargetName(target_name), ref),
        target=TargetName(target_name),
        ref=ref,
        api_version=API,
        kind=kind,
        metadata=Metadata(name),
        common=fields,
        spec=spec,
        digest=Digest("sha256:" + hashlib.sha256(said.encode()).hexdigest()),
        provides=provides,
        shares=subjects_of(KINDS[kind].shares, spec) if kind in BESIDE else (),
        uses=subjects_of(KINDS[kind].uses, spec) if kind in BESIDE else (),
        contains=(Subject("path", spec["path"]),) if kind in {"Directory", "Archive"} else (),
        package=KINDS[kind].package,
        lock=KINDS[kind].lock,
        transaction=KINDS[kind].transaction,
        touches=KINDS[kind].touches if kind in BESIDE else (),
        disruptive=KINDS[kind].disruptive,
        removal_resets=KINDS[kind].removal_resets,
        probe=_patience(kind, spec),
    )
    if vault is not None and text is not None and (marks := marks_in(text)):
        vault.grant(made.target, marks, names=(one.name for one in made.claimed), blob=body)
    return made


def blob_of(text: str) -> Blob:
    """A body that is this text."""
    content = text.encode()
    return Blob(Digest(digest_of(content)), len(content), lambda: content)


def _patience(kind: str, spec: Json) -> Patience | None:
    fields = KINDS[kind].probe
    return (
        None if fields is None else Patience(float(spec.get(fields.within, 0)), spec.get(fields.retries, 0))
    )


def path_of(one: Instance) -> str:
    """The path that an instance is about; of what is about something else, that, such as `package:app`."""
    if not one.provides:
        return ""
    own = one.provides[0]
    return own.name if own.scheme == "path" else str(own)


def desired(
    targets: list[Target],
    instances: list[Instance],
    bodies: list[str],
    revision: str,
    source: SourceName = SOURCE,
) -> Desired:
    """All of it, as one snapshot says."""
    blobs = {}
    for body in (text.encode() for text in bodies):
        digest = Digest(digest_of(body))
        blobs[digest] = Blob(digest, len(body), lambda body=body: body)  # type: ignore[misc] # a bound default
    return Desired(
        source=source,
        revision=revision,
        digest=Digest(f"sha256:{revision}"),
        targets={one.name: one for one in targets},
        instances={one.address: one for one in instances},
        graphs={
            name: build_graph([one for one in instances if one.target == name])
            for name in {one.target for one in instances}
        },
        blobs=blobs,
    )


# --- Snapshots ----------------------------------------------------------------------------------------------------


def snapshot(document: Any, *, number: int, gone: bool = False, source: SourceName = SOURCE) -> Snapshot:
    """A snapshot of one file.

    Args:
        document: what is in it.
        number: of the revision.
        gone: whether the file moves on before it is read.
        source: whose it is.
    """
    text = json.dumps(document, sort_keys=True).encode()
    digest = Digest(digest_of(text))

    def read() -> bytes:
        if gone:
            raise SnapshotGone("desired.json has moved on")
        return text

    file = SnapshotFile("desired.json", digest, len(text), read)
    return Snapshot(source, f"r{number}", Digest(digest_of(digest.encode())), {"desired.json": file})


def load(
    taken: Snapshot, facts: Mapping[TargetName, Facts] | None = None, vault: ProcessVault | None = None
) -> Desired:
    """Evaluate a snapshot.

    Args:
        taken: the snapshot.
        facts: what is known of each machine, where all that is declared depends on that; None where nothing does.
        vault: with the secrets, where any are declared.

    Raises:
        ConfigError: it is broken.
        SnapshotGone: it has moved on.
    """
    applied = "desired.json" not in taken.files
    document = document_of(taken) if applied else json.loads(taken.files["desired.json"].read())
    if not isinstance(document, dict):
        raise ConfigError([Problem("desired.json", 1, 1, "this is no declaration")])
    origins = document.get("origins", {})
    targets = [
        replace(
            target(name, port=port),
            origin=Origin(origins.get(name, ""), 1),
            labels=document.get("labels", {}).get(name, {}),
        )
        for name, port in document["targets"].items()
    ]
    instances = [
        replace(
            instance(name, one["kind"], one["name"], one["spec"], vault=vault, **_tuples(one["common"])),
            origin=Origin(one.get("origin", ""), 1),
        )
        for one in document["resources"]
        for name in one["on"]
        if name in document["targets"]
    ]
    specs = [one["spec"] for one in document["resources"]]
    bodies = [spec[field] for spec in specs for field in ("content", "line") if field in spec]
    bodies += [text for one in document["resources"] for text, _ in one["spec"].get("files", {}).values()]
    found = desired(targets, instances, bodies, taken.revision, taken.source)
    found = replace(found, rollouts=_rollouts(document.get("rollouts", {}), found.targets))
    if applied:  # of the last good version of some, the revision does not tell
        found = replace(found, digest=taken.digest)
    if vault is not None:
        # Without a secret it could be told what a text with marks is that stands for one.
        texts = {body: digest_of(body.encode()) for body in bodies if PLACEHOLDER in body}
        blobs = {digest: one for digest, one in found.blobs.items() if digest not in texts.values()}
        found = replace(
            found,
            blobs=blobs | {d: vault.bodies[d] for one in instances for d in one.bodies if d in vault.bodies},
        )
    if facts is None:
        return found
    waiting = frozenset(one.name for one in targets if "os" not in facts.get(one.name, Facts()).sections)
    return replace(
        found,
        instances={a: one for a, one in found.instances.items() if one.target not in waiting},
        graphs={name: graph for name, graph in found.graphs.items() if name not in waiting},
        waiting=waiting,
        facts_read=frozenset({Section("os")}),
    )


def _rollouts(specs: Json, targets: Mapping[TargetName, Target]) -> dict[RolloutName, Rollout]:
    """The rollouts that are declared, by name, each as its manifest would have it in `spec`."""

    def complain(*what: object) -> None:
        raise ValueError(what)

    controller = ControllerPaths("", "")
    made = [rollout({"name": name}, spec, Origin(), controller, complain) for name, spec in specs.items()]
    return {one.name: resolved(one, targets) for one in made}


def _tuples(common: Json) -> Json:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in common.items()}


# --- Whether a machine keeps to them ------------------------------------------------------------------------------


def differs(one: Instance, machine: "Machine", managed: Mapping[str, Address]) -> str:
    """What is not as declared, or "".

    Args:
        one: what is declared.
        machine: where it is.
        managed: every path that is declared on the machine.
    """
    files = machine.files
    if one.kind in BESIDE:
        return _beside(one, machine, managed)
    if one.kind == "HttpProbe":
        return ""  # what answers is the world's business
    if one.kind == "Exec":
        made = one.spec.get("creates", "/")
        return "" if made in files.nodes else f"there is no {made}"
    spec, node = one.spec, files.nodes.get(path_of(one))
    if one.kind == "Bundle":
        return "" if node is not None else f"there is no {path_of(one)}"
    if spec.get("state") == "absent":
        return "" if node is None else f"there is a {node.type}"
    if node is None:
        return "there is nothing"
    if node.type != one.kind.lower():
        return f"there is a {node.type}"
    wrong = []
    if one.kind == "File" and "body" in spec and spec["body"]["digest"] != digest_of(node.content):
        wrong.append("content")
    if "mode" in spec and "mode" not in one.common.ignore_fields and int(spec["mode"], 8) != node.mode:
        wrong.append(f"mode {node.mode:04o}")
    if "owner" in spec and spec["owner"] != NAMES.get(node.uid):
        wrong.append(f"owner {node.uid}")
    if one.kind == "Symlink" and spec["to"] != node.to:
        wrong.append(f"to {node.to}")
    if "tree" in spec:
        wrong += trees.wrong_below(spec, files, managed)
    if spec.get("purge"):
        wrong += [f"has {path}" for path in unmanaged(one, files, managed)]
    return ", ".join(wrong)


def _beside(one: Instance, machine: "Machine", managed: Mapping[str, Address]) -> str:
    """The same of what is beside files."""
    if one.kind in packers.KINDS:
        return packers.differs(one, machine, managed)
    if one.kind in boots.KINDS:
        return boots.differs(machine.boots)
    if one.kind in clockwork.KINDS:
        return clockwork.differs(one.spec, machine.system)
    spec, of_text = dict(one.spec), one.kind in scribes.KINDS
    if "body" in spec:
        spec["body"] = {"digest": machine.real.get(spec["body"]["digest"], spec["body"]["digest"])}
    if of_text:
        return scribes.differs(one.kind, spec, machine.files)
    return households.differs(one.kind, spec, machine.system)


def unmanaged(one: Instance, files: Files, managed: Mapping[str, Address]) -> list[str]:
    """What a purge is about."""
    kept = {path for path in managed if path.startswith(path_of(one) + "/")}
    below = list(files.below(path_of(one)))
    # What `except` names stays, and so the directories that lead to it.
    kept |= {path for path in below if trees.is_named(path[len(path_of(one)) + 1 :])}

    def spared(path: str) -> bool:
        name = path[len(path_of(one)) + 1 :]
        if "tree" in one.spec and (trees.is_of(one.spec, path) or trees.is_excepted(one.spec, name)):
            return True
        return any(
            path == known or path.startswith(known + "/") or known.startswith(path + "/") for known in kept
        )

    return [path for path in below if not spared(path)]
