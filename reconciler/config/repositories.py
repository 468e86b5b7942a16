"""What is written about a git repository, in a Source or on the command line, and all that is wrong with it.

Invariant: no password is taken from a URL, nor shown: what is refused is named without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.config.own_fields import Complain, duration
from reconciler.model.repository import TIMEOUT, GitAccess, GitPlace, Ref, RefKind, Verification
from reconciler.model.versions import version_range

Resolve = Callable[[str, tuple[str, ...]], str]
"""Makes a path on the controller absolute, given the field that it stands in."""

SCHEMES = ("https", "ssh", "file")

_SCP = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]*@)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:]+\]):(?!//|:)[^-].*"
)
_HOST = re.compile(
    r"(?:[A-Za-z0-9_][A-Za-z0-9_.+%-]*@)?(?:[A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:]+\])(?::\d+)?/.*"
)
_PASSWORD = re.compile(r"[^/@]*:[^/@]*@|(?!\[)[^/@]*:(?!\d*/)[^@]*@")
_SCP_PASSWORD = re.compile(r"[^/@:]*:[^/@]*@[^/@]*:")
_TOKEN = re.compile(r"(?:gh[a-z]_|github_pat_|gl[a-z]{2,4}-|AT(?:BB|AT|CT)|[A-Za-z0-9_-]{32})[^/@:]*@")
"""A user by whose name a server lets in whoever knows it."""
_ODD = re.compile(r"[\x00-\x20\x7f]")
_NO_NAME = re.compile(r"^[-./]|\.\.|[\x00-\x20\x7f~^:?*\[\\]|@\{|//|/$|\.lock(?:/|$)|\.$|/\.")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_URLS = "write https://…, ssh://…, user@host:path, or a path"

_REFS = {RefKind.BRANCH: "branch", RefKind.TAG: "tag", RefKind.SEMVER: "semver", RefKind.COMMIT: "commit"}


def repository(git: Mapping[str, Any], resolve: Resolve, complain: Complain) -> GitPlace:
    """The place that a valid `git` of a Source names.

    Args:
        git: as the schema has it.
        resolve: makes paths absolute.
        complain: told the path of a field from `git` on, a message and a hint.
    """
    verify = git.get("verify")
    return GitPlace(
        url=_url(git["url"], resolve, complain),
        ref=_ref(git.get("ref") or {}, complain),
        path=_below(git.get("path", ""), complain),
        timeout=duration(git, ("timeout",), TIMEOUT, complain),
        access=GitAccess(
            identity_file=_file(git, ("identityFile",), resolve),
            known_hosts=_file(git, ("knownHosts",), resolve),
            identity_secret=_secret(git, "identityFrom", "identityFile", complain),
            known_hosts_secret=_secret(git, "knownHostsFrom", "knownHosts", complain),
            username=git.get("username", ""),
            password_file=_secret(git, "passwordFrom", "passwordFile", complain)
            or git.get("passwordFile", ""),
            ca_file=_file(git, ("caFile",), resolve),
        ),
        verification=None
        if verify is None
        else _verification(verify, git.get("ref") or {}, resolve, complain),
    )


def ref_of(written: str) -> dict[str, str]:
    """A ref as it is written in one word: `main`, `tag:v1.2.0`, `semver:^1.2`, or a commit."""
    kind, separator, name = written.partition(":")
    if separator and kind in _REFS.values():
        return {kind: name}
    return {"commit" if _COMMIT.fullmatch(written) else "branch": written}


def _url(written: str, resolve: Resolve, complain: Complain) -> str:
    where = ("url",)
    scheme, separator, rest = written.partition("://")
    if (_PASSWORD if separator else _SCP_PASSWORD).match(rest if separator else written):
        complain(
            where, "a password does not belong in a URL", "name a file of mode 0600 with it: passwordFile"
        )
    elif scheme == "https" and _TOKEN.match(rest):
        complain(where, "a token does not belong in a URL", "name a file of mode 0600 with it: passwordFile")
    elif _ODD.search(written):
        complain(where, "a URL has no spaces, and nothing that cannot be seen", _URLS)
    elif separator and scheme == "file":
        return resolve(rest, where)
    elif separator:
        if scheme not in SCHEMES:
            complain(where, f"{scheme}:// is none of {', '.join(f'{one}://' for one in SCHEMES)}", _URLS)
        elif not _HOST.fullmatch(rest):
            complain(where, f"{scheme}:// is followed by a host and a path", _URLS)
        return written
    elif _SCP.fullmatch(written):
        return written
    elif written.startswith("-") or ":" in written.partition("/")[0]:
        complain(where, f"{written!r} is no URL of a repository", _URLS)
    else:
        return resolve(written, where)
    return ""


def _ref(ref: Mapping[str, str], complain: Complain) -> Ref:
    for kind, field in _REFS.items():
        if field not in ref:
            continue
        name = ref[field]
        if kind is RefKind.COMMIT and not _COMMIT.fullmatch(name):
            complain(("ref", field), f"{name!r} is no whole commit", "write all 40 digits: git rev-parse")
        elif kind is RefKind.SEMVER and version_range(name) is None:
            complain(("ref", field), f"{name!r} is no range of versions", "such as ^1.2, ~1.2.3 or >=1.2 <2")
        elif kind in {RefKind.BRANCH, RefKind.TAG} and _NO_NAME.search(name):
            complain(("ref", field), f"{name!r} can be no {field}", "write its name alone, such as main")
        return Ref(kind, name)
    return Ref()


def _below(written: str, complain: Complain) -> str:
    parts = [part for part in written.split("/") if part not in {"", "."}]
    if written.startswith("/") or ".." in parts or "\0" in written:
        complain(
            ("path",), f"{written!r} leads out of the repository", "name a directory in it, such as site"
        )
    return "/".join(parts)


def _file(given: Mapping[str, Any], where: tuple[str, ...], resolve: Resolve) -> str:
    return resolve(given[where[-1]], where) if given.get(where[-1]) else ""


def _secret(git: Mapping[str, Any], field: str, instead: str, complain: Complain) -> str:
    """Where a secret is that a field names, which stands in the place of another field."""
    if field not in git:
        return ""
    if instead in git:
        complain((field,), f"{field} and {instead} do not go together", "keep one")
    return str(git[field]["secret"]["file"])


def _verification(
    verify: Mapping[str, Any], ref: Mapping[str, str], resolve: Resolve, complain: Complain
) -> Verification:
    tag = verify.get("of") == "tag"
    if tag and not {"tag", "semver"} & ref.keys():
        complain(
            ("verify", "of"), "only a tag has a signature of a tag", "name one in ref, or write of: commit"
        )
    return Verification(
        tag=tag,
        allowed_signers=_file(verify, ("verify", "allowedSigners"), resolve),
        openpgp_keys=_file(verify, ("verify", "openPGPKeys"), resolve),
    )
