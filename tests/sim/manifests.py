"""Declarations for a simulation: who writes them, how a snapshot is evaluated, and whether a machine keeps to them.

The last is judged here from the files themselves, in a few lines that share nothing with the provider or the engine.
"""

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.graph import build_graph
from reconciler.errors import ConfigError, Problem
from reconciler.model.blob import Blob
from reconciler.model.desired import Desired
from reconciler.model.names import Address, Digest, SourceName, TargetName, address, reference
from reconciler.model.resource import Adopt, CommonSpec, Deletion, Instance, Metadata, Policy
from reconciler.model.source import Snapshot, SnapshotFile, SnapshotGone
from reconciler.model.subjects import Subject
from reconciler.model.target import SshTransport, Target
from tests.sim.files import NAMES, Files, digest_of

Json = dict[str, Any]

SOURCE = SourceName("sim")
PACKAGE = "linux.file"
API = "linux.froyo.dev/v1alpha1"


_CHOICES: dict[str, Any] = {"policy": Policy, "adopt": Adopt, "deletion": Deletion}


def target(name: str, *, port: int = 22) -> Target:
    """A machine, as it is declared."""
    return Target(
        TargetName(name),
        {},
        SshTransport(host=name, port=port),
        Digest(f"sha256:{name}:{port}"),
    )


def instance(target_name: str, kind: str, name: str, spec: Json, **common: Any) -> Instance:
    """A resource on a machine; `spec["content"]` becomes its body."""
    spec = {key: value for key, value in spec.items() if key != "content"} | (
        {"body": {"digest": digest_of(content), "size": len(content)}}
        if (content := spec.get("content", "").encode()) or "content" in spec
        else {}
    )
    fields = CommonSpec(
        **{key: _CHOICES[key](value) if key in _CHOICES else value for key, value in common.items()}
    )
    ref = reference(kind, name)
    said = json.dumps(
        [kind, spec, {key: str(value) for key, value in sorted(common.items())}], sort_keys=True
    )
    return Instance(
        address=address(TargetName(target_name), ref),
        target=TargetName(target_name),
        ref=ref,
        api_version=API,
        kind=kind,
        metadata=Metadata(name),
        common=fields,
        spec=spec,
        digest=Digest("sha256:" + hashlib.sha256(said.encode()).hexdigest()),
        provides=(Subject("path", spec["path"]),) if "path" in spec else (),
        contains=(Subject("path", spec["path"]),) if kind == "Directory" else (),
        package="linux.exec" if kind == "Exec" else PACKAGE,
    )


def path_of(one: Instance) -> str:
    """The path that an instance is about."""
    return one.provides[0].name if one.provides else ""


def desired(targets: list[Target], instances: list[Instance], bodies: list[str], revision: str) -> Desired:
    """All of it, as one snapshot says."""
    blobs = {}
    for body in (text.encode() for text in bodies):
        digest = Digest(digest_of(body))
        blobs[digest] = Blob(digest, len(body), lambda body=body: body)  # type: ignore[misc] # a bound default
    return Desired(
        source=SOURCE,
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


def snapshot(document: Any, *, number: int, gone: bool = False) -> Snapshot:
    """A snapshot of one file.

    Args:
        document: what is in it.
        number: of the revision.
        gone: whether the file moves on before it is read.
    """
    text = json.dumps(document, sort_keys=True).encode()
    digest = Digest(digest_of(text))

    def read() -> bytes:
        if gone:
            raise SnapshotGone("desired.json has moved on")
        return text

    file = SnapshotFile("desired.json", digest, len(text), read)
    return Snapshot(SOURCE, f"r{number}", Digest(digest_of(digest.encode())), {"desired.json": file})


def load(taken: Snapshot) -> Desired:
    """Evaluate a snapshot.

    Raises:
        ConfigError: it is broken.
        SnapshotGone: it has moved on.
    """
    document = json.loads(taken.files["desired.json"].read())
    if not isinstance(document, dict):
        raise ConfigError([Problem("desired.json", 1, 1, "this is no declaration")])
    targets = [target(name, port=port) for name, port in document["targets"].items()]
    instances = [
        instance(name, one["kind"], one["name"], one["spec"], **_tuples(one["common"]))
        for one in document["resources"]
        for name in one["on"]
        if name in document["targets"]
    ]
    bodies = [one["spec"]["content"] for one in document["resources"] if "content" in one["spec"]]
    return desired(targets, instances, bodies, taken.revision)


def _tuples(common: Json) -> Json:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in common.items()}


# --- Who writes them ----------------------------------------------------------------------------------------------


HANDLER: Json = {
    "kind": "Exec",
    "name": "reload",
    "spec": {"argv": ["sleep", "20", "note", "reload"], "refreshOnly": True},
    "common": {},
}
"""What files may notify, and takes a while."""


@dataclass(slots=True)
class Author:
    """Somebody who writes declarations, and changes their mind.

    Each slot is one path, kind and name that may be declared or not. Directories with other slots below them are always
    declared and enforced: what lies below could never be put right without them.

    Attributes:
        random: what they go by.
        machines: that they know.
    """

    random: random.Random
    machines: list[str]
    slots: dict[str, Json] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    serial: int = 0

    def begin(self) -> None:
        """Write the first version."""
        self.ports = dict.fromkeys(self.machines, 22)
        directories = ["/srv"]
        for number in range(self.random.randrange(3)):
            path = f"{self.random.choice(directories)}/d{number}"
            directories.append(path)
            self._slot("Directory", f"d{number}", path)
        for number in range(self.random.randrange(1, 5)):
            self._slot("File", f"f{number}", f"{self.random.choice(directories)}/f{number}")
        for number in range(self.random.randrange(2)):
            self._slot("Symlink", f"l{number}", f"{self.random.choice(directories)}/l{number}")
        for name in self.slots:
            self._rewrite(name)

    def change(self) -> None:
        """Write another version."""
        for name in self.random.sample(
            sorted(self.slots), k=min(len(self.slots), self.random.randrange(1, 4))
        ):
            self._rewrite(name)
        if len(self.machines) > 1 and self.random.random() < 0.1:
            name = self.random.choice(self.machines)
            if self.ports.pop(name, None) is None:
                self.ports[name] = 22
        elif self.random.random() < 0.05:
            name = self.random.choice(sorted(self.ports) or self.machines)
            self.ports[name] = self.ports.get(name, 22) + 1

    def finish(self) -> None:
        """Write the last version: all machines, so that there is something to converge."""
        for name in self.machines:
            self.ports.setdefault(name, 22)

    def document(self) -> Json:
        """What is written now."""
        resources = [one for one in self.slots.values() if one["declared"]]
        names = {f"{one['kind']}/{one['name']}" for one in resources}
        written: list[Json] = [HANDLER | {"on": list(self.machines)}]
        for one in resources:
            common = dict(one["common"])
            if "require" in common:
                common["require"] = [ref for ref in common["require"] if ref in names]
            written.append({key: one[key] for key in ("kind", "name", "spec", "on")} | {"common": common})
        return {"targets": dict(self.ports), "resources": written}

    @property
    def paths(self) -> list[str]:
        """Every path that may be declared."""
        return [one["spec"]["path"] for one in self.slots.values()]

    def _slot(self, kind: str, name: str, path: str) -> None:
        self.slots[name] = {
            "kind": kind,
            "name": name,
            "spec": {"path": path},
            "common": {},
            "on": list(self.machines),
            "declared": True,
        }

    def _rewrite(self, name: str) -> None:
        one, random_ = self.slots[name], self.random
        path = one["spec"]["path"]
        spec: Json = {"path": path}
        common: Json = {}
        above = any(other["spec"]["path"].startswith(path + "/") for other in self.slots.values())
        one["declared"] = above or random_.random() < 0.9
        if random_.random() < 0.4:
            spec["mode"] = random_.choice(
                ["0755", "0750"] if one["kind"] == "Directory" else ["0644", "0600"]
            )
            if one["kind"] == "Symlink":
                del spec["mode"]
        if random_.random() < 0.2:
            spec["owner"] = "root"
        if one["kind"] == "File":
            self.serial += 1
            if random_.random() < 0.1:
                spec["validate"] = ["sleep", "0.2", "%s"]  # outlasts its round
            if random_.random() < 0.85:
                spec["content"] = f"{name} as of {self.serial}\n" * random_.choice([1, 1, 40, 6000])
            if random_.random() < 0.15:
                spec = {"path": path, "state": "absent"}
        elif one["kind"] == "Symlink":
            spec["to"] = random_.choice(["/srv", "f0", "../elsewhere"])
        elif not above and random_.random() < 0.15:
            spec = {"path": path, "state": "absent", "force": True}
        elif random_.random() < 0.4:
            spec["purge"] = True
            spec["except"] = ["keep-*"]
        if not above:
            if random_.random() < 0.25:
                common["policy"] = random_.choice(["observe", "paused"])
            if random_.random() < 0.1:
                common["adopt"] = "hold"
        if random_.random() < 0.6:
            common["deletion"] = random_.choice(["delete", "delete", "confirm"])
        if random_.random() < 0.2:
            common["interval"] = random_.choice([5.0, 45.0, 300.0])
        if random_.random() < 0.15 and "state" not in spec:
            common["ignore_fields"] = ["mode"]
        if one["kind"] == "File" and random_.random() < 0.3:
            files = [other for other in self.slots if other < name and other.startswith("f")]
            common["require"] = [f"File/{other}" for other in files[:1]]
        if one["kind"] == "File" and random_.random() < 0.3:
            common["notify"] = ["Exec/reload"]
        one["spec"], one["common"] = spec, common


# --- Whether a machine keeps to them ------------------------------------------------------------------------------


def differs(one: Instance, files: Files, managed: Mapping[str, Address]) -> str:
    """What is not as declared, or "".

    Args:
        one: what is declared.
        files: what is.
        managed: every path that is declared on the machine.
    """
    if one.kind == "Exec":
        return ""
    spec, node = one.spec, files.nodes.get(path_of(one))
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
    if spec.get("purge"):
        wrong += [f"has {path}" for path in unmanaged(one, files, managed)]
    return ", ".join(wrong)


def unmanaged(one: Instance, files: Files, managed: Mapping[str, Address]) -> list[str]:
    """What a purge is about."""
    kept = {path for path in managed if path.startswith(path_of(one) + "/")}

    def spared(path: str) -> bool:
        name = path[len(path_of(one)) + 1 :]
        return name.startswith("keep-") or any(
            path == known or path.startswith(known + "/") or known.startswith(path + "/") for known in kept
        )

    return [path for path in files.below(path_of(one)) if not spared(path)]
