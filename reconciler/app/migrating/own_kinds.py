"""A document of one of froyo's own kinds as an object of a cluster: what it names here comes along, or is told of."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.age.header import binary
from reconciler.app.migrating.kept import HOSTS, IDENTITIES, SECRETS, expanded, key_of
from reconciler.config.bodies import beside
from reconciler.config.secret_values import AGE, AGE_FILE, OPENER, OPENER_KEY, SECRET, SOPS, is_secret
from reconciler.errors import why
from reconciler.model.secrets import Secret, SecretError
from reconciler.model.source import DirectoryPlace

if TYPE_CHECKING:
    from reconciler.app.migrating.carriage import Carriage, FieldPath, Json

_OF_GIT = (("url",), ("identityFile",), ("knownHosts",), ("passwordFile",), ("caFile",))
_OF_KNOWN_HOSTS = re.compile(
    r"\s*(#.*)?|\s*(@\S+\s+)?\S+\s+(ssh|ecdsa|sk|rsa|x509v3)-[-a-z0-9@.]+\s+[A-Za-z0-9+/]+={0,3}(\s.*)?"
)
_SIGNERS = (("verify", "allowedSigners"), ("verify", "openPGPKeys"))


def own(carriage: Carriage, kind: str, spec: Json) -> Json | None:
    """The spec that an object of one of froyo's own kinds has in a cluster; None for what has none there."""
    if kind == "Target":
        if "ssh" not in spec:
            carriage.note("local means the operator's own machine there, which in a pod is its container")
            return spec
        return {**spec, "ssh": _ssh(carriage, spec["ssh"], ("spec", "ssh"))}
    if kind == "Vars":
        return {**spec, "values": _values(carriage, spec["values"], ("spec", "values"))}
    if kind == "Alert":
        return _alert(carriage, spec)
    if kind == "Source":
        return _source(carriage, spec)
    if "ansible" in spec or "sshConfig" in spec:
        carriage.note(
            "in a cluster it is the Targets that it stands for, since the files that it names are none there"
        )
        return None
    made = dict(spec)
    if "ssh" in spec:
        made["ssh"] = _ssh(carriage, spec["ssh"], ("spec", "ssh"), partly=True)
    if "hosts" in spec:
        made["hosts"] = [
            {**one, "ssh": _ssh(carriage, one["ssh"], ("spec", "hosts", index, "ssh"), partly=True)}
            if "ssh" in one
            else one
            for index, one in enumerate(spec["hosts"])
        ]
    return made


def _ssh(carriage: Carriage, ssh: Json, path: FieldPath, *, partly: bool = False) -> Json:
    """How a target is reached: keys in files come into Secrets.

    Args:
        carriage: what carries it.
        ssh: as it is written.
        path: of it.
        partly: more is said of it elsewhere.
    """
    made = dict(ssh)
    for name, instead, sort, place in (
        ("identityFile", "identityFrom", "Secret", IDENTITIES),
        ("knownHosts", "knownHostsFrom", "ConfigMap", HOSTS),
    ):
        if name not in made:
            continue
        file = carriage.controller.path(made.pop(name), carriage.file)
        if (key := _file(carriage, file or "", sort, place, (*path, name))) is not None:
            made[instead] = {f"{sort[0].lower()}{sort[1:]}KeyRef": {"name": place, "key": key}}
    if not partly and "identityFrom" not in made:
        carriage.note(
            "no private key is named: those of whoever runs froyo here are not those of the operator"
        )
    if not partly and "user" not in made:
        carriage.note("no user is named: whoever runs the operator is another one than here")
    if not partly and not {"knownHostsFrom", "hostKey"} & made.keys():
        carriage.note("no host keys are named: those that are known here are not known to the operator")
    return made


def _file(carriage: Carriage, file: str, sort: str, place: str, path: FieldPath) -> str | None:
    """Keep a file of this machine; its key, or None where that was complained about."""
    try:
        content = Path(file).read_bytes()
        content.decode()
    except OSError as error:
        carriage.problem(
            path, f"{file} cannot be read: {why(error)}", "froyo migrate reads what it carries over"
        )
        return None
    except ValueError:
        carriage.problem(path, f"{file} is no text in UTF-8", "a private key, or host keys, are text")
        return None
    if sort == "ConfigMap" and (line := _no_host_key(content.decode())):
        # It is printed, and in the cluster read by many: whoever wrote the directory may have named any file.
        carriage.problem(
            path, f"{file}:{line}: this is no host key", "take that line away, or name another file"
        )
        return None
    return carriage.put(sort, place, file, content, path)


def _no_host_key(text: str) -> int:
    """The number of the first line that is none of a known_hosts file; 0 where there is none."""
    lines = enumerate(text.splitlines(), start=1)
    return next((number for number, line in lines if not _OF_KNOWN_HOSTS.fullmatch(line)), 0)


def _values(carriage: Carriage, value: Any, path: FieldPath) -> Any:
    if is_secret(value):
        [(kind, declared)] = value.items()
        return _declared_secret(carriage, declared, (*path, kind)) if kind == SECRET else value
    if isinstance(value, Mapping):
        return {key: _values(carriage, item, (*path, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_values(carriage, item, (*path, index)) for index, item in enumerate(value)]
    return value


def _declared_secret(carriage: Carriage, declared: Mapping[str, str], path: FieldPath) -> Json:
    """A secret as it is declared in a cluster: what is encrypted stays so."""
    if "file" in declared:
        return _secret(carriage, declared["file"], (*path, "file"))
    if SOPS in declared:
        message = "a file of SOPS is none in a cluster"
        carriage.problem((*path, SOPS), message, "write each of its secrets: froyo secrets encrypt")
        return {SECRET: dict(declared)}
    carriage.note(f"what is encrypted is opened there with {OPENER_KEY} of the namespace's Secret {OPENER}")
    if AGE in declared:
        return {SECRET: dict(declared)}
    written = declared[AGE_FILE]
    found = beside(AGE_FILE, written, carriage.file, what="file")
    file = carriage.snapshot.files.get(found) if isinstance(found, str) else None
    if file is None:
        message = "which file it is depends on the target, and in a cluster there is none"
        carriage.problem((*path, AGE_FILE), message, "write a Vars for each")
        return {SECRET: dict(declared)}
    return {SECRET: {AGE: base64.b64encode(binary(file.read())).decode()}}


def _secret(carriage: Carriage, file: str, path: FieldPath) -> Json:
    """The reference that stands for a secret in a file, or in several by an expression."""
    pattern = expanded(file)
    every = [file] if pattern is None else sorted(filter(pattern.fullmatch, carriage.desired.secrets))
    for one in every:
        try:
            content = carriage.secret(Secret(one)).encode()
        except SecretError as error:
            carriage.problem(path, error.message, error.hint)
            continue
        carriage.put("Secret", SECRETS, one, content, path)
    return {"secretKeyRef": {"name": SECRETS, "key": key_of(file)}}


def _alert(carriage: Carriage, spec: Json) -> Json:
    made = dict(spec)
    if "webhook" in spec:
        webhook = made["webhook"] = dict(spec["webhook"])
        for name in ("urlFrom", "tokenFrom", "signWith"):
            if SECRET in webhook.get(name, {}):
                path = ("spec", "webhook", name, SECRET)
                webhook[name] = _declared_secret(carriage, webhook[name][SECRET], path)
        if "caFile" in webhook:
            webhook["caFile"] = _on_the_operator(carriage, webhook["caFile"])
    for name in ("command", "file"):
        if name in spec:
            carriage.note(f"{spec[name]['name']} has to lie in the state directory of the operator, too")
    return made


def _source(carriage: Carriage, spec: Json) -> Json | None:
    if "git" not in spec:
        place = carriage.controller.path(spec["directory"]["path"], carriage.file)
        if place is not None and DirectoryPlace(place).name == carriage.snapshot.source:
            carriage.left.add(carriage.called)
            carriage.note("left out, since it is about this directory, and says how often that is looked at")
            return None
        message = "a directory of this machine is none that an operator could serve"
        carriage.problem(("spec", "directory"), message, "carry that over, too, or keep it in git")
        return spec
    git = json.loads(json.dumps(spec["git"]))
    for path in (*_OF_GIT, *_SIGNERS):
        inner = git
        for step in path[:-1]:
            inner = inner.get(step, {})
        written = inner.get(path[-1])
        is_path = written is not None and (path != ("url",) or not re.search(r"://|^[^/]+:", written))
        if is_path and (path != ("passwordFile",) or "/" in written):
            inner[path[-1]] = _on_the_operator(carriage, written)
    for name in ("identityFrom", "knownHostsFrom", "passwordFrom"):
        if name in git:
            carriage.note(f"{git[name][SECRET]['file']} has to lie where the operator keeps secrets, too")
    return {**spec, "git": git}


def _on_the_operator(carriage: Carriage, written: str) -> str:
    """A path of this machine, absolute: it has to be there in the operator's as well."""
    path = carriage.controller.path(written, carriage.file) or written
    carriage.note(f"{path} has to lie on the operator's machine, too")
    return path
