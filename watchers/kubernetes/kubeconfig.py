"""The access that a person has: a context of a kubeconfig, as kubectl takes it.

kopf reads one, too, but its current context only, and paths in it as relative to wherever froyo is run. Invariant: what
is wrong with one is said in a sentence that names the file or the context; nothing of a credential is.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import kopf
import yaml

from reconciler.errors import in_words

PATIENCE = 60
"""Seconds that a program gets to say how to log in; it may ask somewhere else for that."""
_LEFT = timedelta(seconds=30)
_HELD = timedelta(minutes=10)
"""How long what a program said counts where it names no end: a server that refuses it is not asked about that."""
_AGAIN = 5.0
"""Seconds for which what went wrong with it is said to whoever asks: who waits for one that hangs does so once."""
_PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class KubeconfigError(Exception):
    """It gives no access; why, for a person."""


@dataclass(frozen=True, slots=True)
class ClusterAccess:
    """How to ask an API server.

    Attributes:
        connection: where it is, and as whom.
        context: what that is called.
        namespace: that is meant where none is named.
    """

    connection: kopf.ConnectionInfo = field(repr=False)
    context: str
    namespace: str


def access(environ: Mapping[str, str], *, file: str = "", context: str = "") -> ClusterAccess | None:
    """The access that a kubeconfig gives; None where there is none.

    Args:
        environ: KUBECONFIG names the files; else ~/.kube/config counts, if it is there.
        file: the one that counts instead.
        context: of those in them; the current one if it is "".

    Raises:
        KubeconfigError: it gives none.
    """
    paths = _files(environ, file)
    if not paths:
        return None
    current, known = _read(paths)
    name = context or current
    where = " and ".join(map(str, paths))
    if not name:
        raise KubeconfigError(f"{where} has no current context; name one: {_names(known['contexts'])}")
    chosen = known["contexts"].get(name)
    if chosen is None:
        close = get_close_matches(name, known["contexts"], 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there is: {_names(known['contexts'])}"
        raise KubeconfigError(f"there is no context {name!r} in {where}; {hint}")
    found = {}
    for part, section in (("cluster", "clusters"), ("user", "users")):
        wanted = chosen.get(part, "")
        if wanted not in known[section]:
            raise KubeconfigError(
                f"the context {name!r} in {where} names the {part} {wanted!r}, which is not there"
            )
        found[part] = known[section][wanted]
    if not found["cluster"].get("server"):
        raise KubeconfigError(f"the cluster of the context {name!r} in {where} has no server")
    namespace = chosen.get("namespace") or ""
    return ClusterAccess(
        _connection(found["cluster"], found["user"], name, namespace), name, namespace or "default"
    )


def _files(environ: Mapping[str, str], file: str) -> list[Path]:
    if file:
        return [Path(file).expanduser()]
    if given := environ.get("KUBECONFIG"):
        return [Path(one.strip()).expanduser() for one in given.split(os.pathsep) if one.strip()]
    home = Path(environ.get("HOME", "")) / ".kube/config"
    return [home] if home.exists() else []


def _read(paths: list[Path]) -> tuple[str, dict[str, dict[str, dict[str, Any]]]]:
    """The current context, and by what it is called all that there is. Of several of one name the first counts."""
    current = ""
    known: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in ("contexts", "clusters", "users")}
    for path in paths:
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            current = current or document.get("current-context") or ""
            for section, one in known.items():
                for item in document.get(section) or ():
                    content = {**(item.get(section.removesuffix("s")) or {})}
                    one.setdefault(str(item["name"]), _absolute(content, path))
        except OSError as error:
            raise KubeconfigError(in_words(error)) from error
        except (AttributeError, KeyError, TypeError, ValueError, yaml.YAMLError):
            # Not the parser's own words: they quote what stands there.
            raise KubeconfigError(f"{path} is no kubeconfig") from None
    return current, known


def _absolute(content: dict[str, Any], file: Path) -> dict[str, Any]:
    """With its paths, which are relative to the file."""
    for name in _PATHS:
        if content.get(name):
            content[name] = str(file.parent / content[name])
    program = (content.get("exec") or {}).get("command", "")
    if os.sep in program:
        content["exec"] = {**content["exec"], "command": str(file.parent / program)}
    return content


def _names(contexts: Mapping[str, Any]) -> str:
    return (
        ", ".join(sorted(contexts)[:5]) + (" …" if len(contexts) > 5 else "") if contexts else "there is none"
    )


def _connection(
    cluster: Mapping[str, Any], user: Mapping[str, Any], name: str, namespace: str
) -> kopf.ConnectionInfo:
    told = _told(user["exec"], name) if user.get("exec") else {}
    token = told.get("token") or user.get("token")
    try:
        if not token and user.get("tokenFile"):
            token = Path(user["tokenFile"]).read_text(encoding="utf-8").strip()
        return kopf.ConnectionInfo(
            server=cluster["server"],
            ca_path=cluster.get("certificate-authority"),
            ca_data=cluster.get("certificate-authority-data"),
            insecure=cluster.get("insecure-skip-tls-verify"),
            certificate_path=user.get("client-certificate"),
            certificate_data=told.get("clientCertificateData") or user.get("client-certificate-data"),
            private_key_path=user.get("client-key"),
            private_key_data=told.get("clientKeyData") or user.get("client-key-data"),
            username=user.get("username"),
            password=user.get("password"),
            token=token,
            default_namespace=namespace or None,
            proxy_url=cluster.get("proxy-url"),
        )
    except OSError as error:
        raise KubeconfigError(in_words(error)) from error
    except ValueError as error:
        raise KubeconfigError(f"the context {name!r}: {error}") from None


_logins: dict[str, tuple[datetime, dict[str, str]]] = {}
_failed: dict[str, tuple[float, str]] = {}


def _told(program: Mapping[str, Any], name: str) -> dict[str, str]:
    """What a program says of how to log in, which holds until the end that it names.

    Raises:
        KubeconfigError: it says nothing of it.
    """
    key = json.dumps([program, name], sort_keys=True, default=str)
    if key in _logins and _logins[key][0] > datetime.now(UTC) + _LEFT:
        return _logins[key][1]
    if key in _failed and time.monotonic() < _failed[key][0]:
        raise KubeconfigError(_failed[key][1])
    try:
        until, status = _asked(program, name)
    except KubeconfigError as error:
        _failed[key] = time.monotonic() + _AGAIN, str(error)
        raise
    _logins[key] = until, status
    return dict(status)


def _asked(program: Mapping[str, Any], name: str) -> tuple[datetime, dict[str, str]]:
    """Until when that holds, and what it is."""
    asked = {
        "apiVersion": program.get("apiVersion", ""),
        "kind": "ExecCredential",
        "spec": {"interactive": False},
    }
    said = f"the context {name!r} logs in by {program.get('command', '')}, which"
    try:
        environ = {**os.environ, **{one["name"]: one["value"] for one in program.get("env") or ()}}
        done = subprocess.run(
            [str(program.get("command", "")), *map(str, program.get("args") or ())],
            env={**environ, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    except OSError as error:
        raise KubeconfigError(f"{said} cannot be run: {in_words(error)}") from error
    except (KeyError, TypeError, ValueError):
        # Not in Python's own words: they may quote what it is given.
        raise KubeconfigError(f"{said} cannot be run: its args or env are not texts") from None
    except subprocess.TimeoutExpired:
        raise KubeconfigError(f"{said} did not end within {PATIENCE} s") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2][:300]
        raise KubeconfigError(f"{said} ended with {done.returncode}: {last}")
    try:
        status = json.loads(done.stdout)["status"]
        end = status.get("expirationTimestamp")
        until = datetime.fromisoformat(end) if end else datetime.now(UTC) + _HELD
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
    except (AttributeError, KeyError, TypeError, ValueError):
        raise KubeconfigError(f"{said} said nothing of how to log in") from None
    return until, dict(status)
