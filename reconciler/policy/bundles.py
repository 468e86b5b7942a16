"""Bundles that OPA has made: an archive with a module, data, and perhaps signatures.

What may be hostile is in it. Invariants: an archive is read up to a size, and never unpacked to a disk; where a key is
given, a bundle counts only if its signature is made with that key and says all that is in it, no more and no less.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.policy.failing import PolicyFailure
from reconciler.policy.rego import merge

MOST_BYTES = 32 << 20
"""What a bundle may have in it."""
MOST_CODE = 4 << 20
"""How large its module may be: to make machine code of it is not bounded otherwise."""
MOST_FILES = 1_000
_SIGNATURES = ".signatures.json"
_MANIFEST = ".manifest"


@dataclass(frozen=True, slots=True)
class PolicyBundle:
    """A bundle that was read.

    Attributes:
        wasm: its module.
        data: its data.
    """

    wasm: bytes
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BundleKey:
    """What bundles are signed with.

    Attributes:
        secret: shared by who signs and who checks; of HS256.
        pem: a public key; of RS256 and ES256.
    """

    secret: bytes = b""
    pem: bytes = b""


def read_bundle(content: bytes, key: BundleKey | None = None) -> PolicyBundle:
    """A bundle.

    Raises:
        PolicyFailure: it cannot be read, has no module, or is not signed as it has to be.
    """
    files = _unpacked(content)
    if key is not None:
        _verify(files, key)
    modules = [name for name in files if name == "policy.wasm" or name.endswith("/policy.wasm")]
    if len(modules) != 1:
        raise PolicyFailure(
            f"the bundle has {len(modules) or 'no'} policy.wasm, and has to have one: opa build -t wasm"
        )
    if len(files[modules[0]]) > MOST_CODE:
        raise PolicyFailure(f"{modules[0]} of the bundle is more than {MOST_CODE >> 20} MiB")
    data: dict[str, Any] = {}
    for name, text in files.items():
        above, _, last = name.rpartition("/")
        if last != "data.json":
            continue
        value = _json(name, text)
        for part in reversed([part for part in above.split("/") if part]):
            value = {part: value}
        if not isinstance(value, dict) or merge(data, value):
            raise PolicyFailure(f"{name} of the bundle is no mapping, or says what another file says")
    return PolicyBundle(files[modules[0]], data)


def _unpacked(content: bytes) -> dict[str, bytes]:
    try:
        # First as a whole, since an archive may grow a thousandfold when it is read.
        plain = zlib.decompressobj(wbits=31)
        text = plain.decompress(content, MOST_BYTES + 1)
        if len(text) > MOST_BYTES or plain.unconsumed_tail:
            raise PolicyFailure(f"the bundle has more than {MOST_BYTES >> 20} MiB in it")
        found: dict[str, bytes] = {}
        with tarfile.open(fileobj=io.BytesIO(text), mode="r:") as archive:
            for member in archive:
                if len(found) >= MOST_FILES:
                    raise PolicyFailure(f"the bundle has more than {MOST_FILES} files")
                if member.issparse():
                    raise PolicyFailure(
                        f"{member.name} of the bundle has holes, and no bundle of OPA has any"
                    )
                if member.isfile() and (file := archive.extractfile(member)) is not None:
                    found[member.name.removeprefix("./").lstrip("/")] = file.read()
        return found
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError) as error:
        raise PolicyFailure(f"the bundle is no archive as OPA makes them: {error}") from error


def _json(name: str, text: bytes) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PolicyFailure(f"{name} of the bundle is no JSON: {error}") from error


def _no_number(written: str) -> Any:
    raise ValueError(f"{written} is no number of JSON")


# --- Signatures -----------------------------------------------------------------------------------------------------


def _verify(files: Mapping[str, bytes], key: BundleKey) -> None:
    if _SIGNATURES not in files:
        raise PolicyFailure("the bundle is not signed, and a key was given to check that with")
    tokens = _json(_SIGNATURES, files[_SIGNATURES])
    tokens = tokens.get("signatures") if isinstance(tokens, dict) else None
    if not isinstance(tokens, list) or len(tokens) != 1 or not isinstance(tokens[0], str):
        raise PolicyFailure(f"{_SIGNATURES} of the bundle has to have one signature")
    payload = _payload(tokens[0], key)
    said = payload.get("files")
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise PolicyFailure("the signature of the bundle does not say what is in it")
    wanted = {str(one.get("name", "")): one for one in said}
    there = {name for name in files if name != _SIGNATURES}
    if wanted.keys() != there:
        odd = min(wanted.keys() ^ there)
        raise PolicyFailure(f"the signature of the bundle is not about what is in it: {odd}")
    for name, one in wanted.items():
        if one.get("algorithm") != "SHA-256" or not _is(name, files[name], str(one.get("hash", ""))):
            raise PolicyFailure(f"{name} of the bundle is not what was signed")


def _is(name: str, content: bytes, digest: str) -> bool:
    """Whether a file has a digest: of JSON over what it says, as OPA writes that."""
    if name.rpartition("/")[2] in {"data.json", _MANIFEST}:
        value = _json(name, content)
        content = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return hmac.compare_digest(hashlib.sha256(content).hexdigest(), digest.lower())


def _payload(token: str, key: BundleKey) -> dict[str, Any]:
    """What a token says, if it is signed with the key."""
    parts = token.split(".")
    try:
        header, payload, signature = map(_unpadded, parts)
        said, found = json.loads(header), json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise PolicyFailure("the signature of the bundle is no token") from error
    if not isinstance(said, dict) or not isinstance(found, dict):
        raise PolicyFailure("the signature of the bundle is no token")
    algorithm, text = said.get("alg"), ".".join(parts[:2]).encode()
    # The key decides what may sign, never the token: else a public key would do for a secret.
    if key.secret:
        good = algorithm == "HS256" and hmac.compare_digest(
            hmac.new(key.secret, text, hashlib.sha256).digest(), signature
        )
    else:
        from reconciler.policy.signatures import verified

        good = verified(str(algorithm), key.pem, text, signature)
    if not good:
        raise PolicyFailure("the signature of the bundle is not made with the key that was given")
    return found


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
