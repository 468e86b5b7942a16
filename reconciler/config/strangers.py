"""Documents of no kind that is known: what is missing, or what was meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.config.schemas import Kinds
from reconciler.core.suggest import closest, did_you_mean


def meant_kind(kind: str, kinds: Kinds) -> str:
    """The kind that is meant by a name that is none; itself where nothing is like it."""
    return closest(kind, [name for _, name in kinds.known]) or kind


def strange_kind(value: Mapping[str, Any], kinds: Kinds) -> tuple[tuple[str, ...], str, str, bool]:
    """What is wrong with a document of no known kind: path, message, hint, and whether it is about a key."""
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(kind, str) or not isinstance(api_version, str):
        missing = "kind" if isinstance(api_version, str) else "apiVersion"
        versions = sorted(version for version, name in kinds.known if name == kind)
        return _missing(
            value, missing, f"add apiVersion: {versions[0]}" if versions and not api_version else ""
        )
    known = kinds.known
    versions = [version for version, name in known if name == kind]
    if versions:
        hint = did_you_mean(api_version, versions) or f"there is one in {', '.join(sorted(versions))}"
        return ("apiVersion",), f"there is no {kind} in {api_version}", hint, False
    own = [name for version, name in known if version == api_version]
    names = own or [name for _, name in known]
    hint = did_you_mean(kind, names) or (f"there are {', '.join(sorted(own))}" if own else "")
    return ("kind",), f"there is no kind {kind} in {api_version}", hint, False


def _missing(value: Mapping[str, Any], missing: str, known: str) -> tuple[tuple[str, ...], str, str, bool]:
    if (given := value.get(missing)) is not None:
        return (missing,), f"{missing} is text", "" if isinstance(given, list | dict) else "quote it", False
    meant = closest(missing, [key for key in value if key not in {"metadata", "spec"}])
    hint = (
        f"write {missing} for {meant}"
        if meant
        else known or "add it, name the file in .froyoignore, or name it as the body of some manifest"
    )
    return (meant,) if meant else (), f"this is no manifest: it has no {missing}", hint, True
