"""Objects of a cluster as the files of a directory; what they refer to comes into files beside it.

Invariant: what cannot come back is an error that names the object; nothing is left out in silence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from reconciler.app.migrating.kept import expanded
from reconciler.config.expressions import meant
from reconciler.config.secret_values import SECRET, is_secret
from reconciler.errors import ConfigError, Problem
from reconciler.model.cluster import OWN_GROUP
from reconciler.model.names import DEFAULT_NAMESPACE
from reconciler.model.secrets import (
    REFERENCES,
    KeyRef,
    Secret,
    SecretError,
    SecretMissing,
    Whereabouts,
    text_of,
)
from watchers.kubernetes.objects import counts, manifest

if TYPE_CHECKING:
    from reconciler.model.catalog import Catalog
    from watchers.kubernetes.listing import Listed

Json = dict[str, Any]
Data = Mapping[tuple[str, str], Mapping[str, bytes]]
"""What Secrets and ConfigMaps have, by sort and name."""

_HOSTS = "known_hosts"
_KEY = re.compile(r"(?!\.{1,2}$)[-._a-zA-Z0-9]{1,253}")
"""What a key can be called, and so a file; what answers need not be an API server that sees to that."""


@dataclass(slots=True)
class Returned:
    """What a namespace became.

    Attributes:
        files: texts, by path in the directory.
        secrets: what is to lie in the directory of secrets, by path in there.
        place: that directory.
        notes: what a person should know of it.
        possible: of the secrets, those that an expression may come to.
    """

    place: str
    files: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict, repr=False)
    notes: list[str] = field(default_factory=list)
    possible: set[str] = field(default_factory=set)

    def read(self, secret: Whereabouts) -> str:
        """The text of a secret, as a daemon would read it.

        Raises:
            SecretError: it is none of those that are to be.
        """
        found = self.secrets.get(secret.file) if isinstance(secret, Secret) else None
        self.possible.discard(secret.file)
        if found is None:
            raise SecretMissing(f"{secret.file} is not among what came back")
        return text_of(secret.file, found)

    def leave_out(self) -> None:
        """Have no secret that nobody refers to, now that all that does has been read."""
        for path in self.possible:
            del self.secrets[path]


def referred(objects: Listed) -> set[tuple[str, str]]:
    """The Secrets and ConfigMaps that objects refer to by a name without expressions: sort and name."""
    found: set[tuple[str, str]] = set()

    def search(value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                if key in REFERENCES and isinstance(item, Mapping) and item.keys() == {"name", "key"}:
                    found.add((REFERENCES[key], str(item["name"])))
                search(item)
        elif isinstance(value, list):
            for item in value:
                search(item)

    for definition, one in objects:
        if definition.group == OWN_GROUP and counts(definition, one):
            search(one.get("spec") or {})
    return {(sort, name) for sort, name in found if "${" not in name}


def returned(
    objects: Listed, data: Data, catalog: Catalog, *, secrets: str, write: Callable[[Json], str]
) -> Returned:
    """What objects become.

    Args:
        objects: of one namespace.
        data: what they refer to.
        catalog: the kinds of all installed packages.
        secrets: the directory that is to have the secrets.
        write: makes the text of a manifest.

    Raises:
        ConfigError: with everything that cannot come back.
    """
    return _Returning(data, catalog, secrets, write).all(objects)


class _Returning:
    def __init__(self, data: Data, catalog: Catalog, secrets: str, write: Callable[[Json], str]) -> None:
        self.data, self.write = data, write
        self.kinds = catalog.kinds
        self.found = Returned(secrets)
        self.problems: list[Problem] = []
        self.at = ""

    def all(self, objects: Listed) -> Returned:
        for definition, one in objects:
            declared = manifest(definition, one)
            name = one["metadata"]["name"]
            self.at = f"{definition.kind}.{definition.group}/{name}.yaml"
            if one["metadata"].get("deletionTimestamp"):
                self.found.notes.append(f"{definition.kind}/{name} is being deleted, and left out")
            if not counts(definition, one):
                continue
            metadata = {
                key: item
                for key, item in declared["metadata"].items()
                if key != "namespace" or item != DEFAULT_NAMESPACE
            }
            spec = self._spec(declared["apiVersion"], declared["kind"], dict(declared["spec"]))
            self.found.files[self.at] = self.write({**declared, "metadata": metadata, "spec": spec})
        if self.problems:
            raise ConfigError(sorted(self.problems))
        return self.found

    def problem(self, field_: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.at, 0, 0, f"{field_}: {message}", hint))

    def _spec(self, api_version: str, kind: str, spec: Json) -> Json:
        if api_version.partition("/")[0] != OWN_GROUP:
            # The server has put these in; loading does, too.
            known = self.kinds[api_version, kind].schema.get("properties", {})
            return {
                name: item
                for name, item in spec.items()
                if "default" not in known.get(name, {}) or known[name]["default"] != item
            }
        if kind == "Vars":
            return {**spec, "values": self._values(spec["values"], "spec.values")}
        if kind == "Target" and "ssh" in spec:
            return {**spec, "ssh": self._ssh(spec["ssh"], "spec.ssh")}
        if kind == "Inventory":
            return self._inventory(spec)
        if kind == "Alert" and "webhook" in spec:
            webhook = dict(spec["webhook"])
            for name in ("urlFrom", "tokenFrom", "signWith"):
                if "secretKeyRef" in webhook.get(name, {}):
                    webhook[name] = self._secret(webhook[name]["secretKeyRef"], f"spec.webhook.{name}")
            return {**spec, "webhook": webhook}
        return spec

    def _inventory(self, spec: Json) -> Json:
        made = dict(spec)
        if "ssh" in spec:
            made["ssh"] = self._ssh(spec["ssh"], "spec.ssh")
        if "hosts" in spec:
            made["hosts"] = [
                {**one, "ssh": self._ssh(one["ssh"], f"spec.hosts[{index}].ssh")} if "ssh" in one else one
                for index, one in enumerate(spec["hosts"])
            ]
        return made

    def _ssh(self, ssh: Json, where: str) -> Json:
        made = dict(ssh)
        if "identityFrom" in made:
            ref = made.pop("identityFrom")["secretKeyRef"]
            if (content := self._content("Secret", ref, f"{where}.identityFrom")) is not None:
                path = self._keep(ref, content, f"{where}.identityFrom")
                made["identityFile"] = f"{PurePosixPath(self.found.place) / path}"
        if "knownHostsFrom" in made:
            [(sort, ref)] = made.pop("knownHostsFrom").items()
            content = self._content(REFERENCES[sort], ref, f"{where}.knownHostsFrom")
            if content is not None:
                path = f"{_HOSTS}/{ref['name']}.{ref['key']}.txt"
                self.found.files[path] = content.decode()
                made["knownHosts"] = f"../{path}"
        return made

    def _values(self, value: Any, where: str) -> Any:
        if is_secret(value):
            [(kind, declared)] = value.items()
            if kind == SECRET:
                return value
            if kind == "configMapKeyRef":
                content = self._content("ConfigMap", declared, where)
                return meant(text_of(where, content)) if content is not None else None
            return self._secret(declared, where)
        if isinstance(value, Mapping):
            return {key: self._values(item, f"{where}.{key}") for key, item in value.items()}
        if isinstance(value, list):
            return [self._values(item, f"{where}[{index}]") for index, item in enumerate(value)]
        return value

    def _secret(self, ref: Mapping[str, str], where: str) -> Json:
        """The file that stands for a key of a Secret, or those for several by an expression."""
        pattern = expanded(ref["key"])
        if pattern is None:
            if (content := self._content("Secret", ref, where)) is not None:
                self._keep(ref, content, where)
        elif "${" in ref["name"]:
            self._content("Secret", ref, where)
        else:
            for key, content in self.data.get(("Secret", ref["name"]), {}).items():
                if pattern.fullmatch(key) and f"{ref['name']}/{key}" not in self.found.secrets:
                    self.found.possible.add(self._keep({**ref, "key": key}, content, where))
        return {SECRET: {"file": f"{ref['name']}/{ref['key']}"}}

    def _keep(self, ref: Mapping[str, str], content: bytes, where: str) -> str:
        path = f"{ref['name']}/{ref['key']}"
        if not _KEY.fullmatch(ref["key"]):
            self.problem(where, f"no key of the Secret {ref['name']} can be called {ref['key']!r}")
        self.found.secrets[path] = content
        self.found.possible.discard(path)
        return path

    def _content(self, sort: str, ref: Mapping[str, str], where: str) -> bytes | None:
        """What a key has; None where that was complained about."""
        if "${" in ref["name"] or "${" in ref["key"]:
            message = f"which {sort} it is depends on the target, and as a file it cannot"
            self.problem(where, message, "write a Vars for each")
            return None
        found = self.data.get((sort, ref["name"]), {}).get(ref["key"])
        if found is None:
            self.problem(where, f"there is no key {ref['key']} of a {sort} {ref['name']}")
            return None
        try:
            found.decode()
        except UnicodeDecodeError:
            self.problem(where, f"the key {ref['key']} of the {sort} {ref['name']} is no text in UTF-8")
            return None
        return found


def reading(data: Data) -> Callable[[Whereabouts], str]:
    """Reads what objects refer to, of what was fetched."""

    def read(secret: Whereabouts) -> str:
        if not isinstance(secret, KeyRef):
            raise SecretError(f"{secret.file} is a file, and a cluster has none")
        found = data.get((secret.kind, secret.name), {}).get(secret.key)
        if found is None:
            raise SecretMissing(f"there is no {secret.file}")
        return text_of(secret.file, found)

    return read
