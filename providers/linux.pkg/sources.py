"""What a file of apt's sources in the form of deb822 says, however it is written."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = "dict[str, Any]"

LISTS = {
    "types": "types",
    "uris": "uris",
    "suites": "suites",
    "components": "components",
    "architectures": "architectures",
}
"""Fields of words, and as what they are declared."""


def meaning(text: str) -> dict[str, list[str]] | None:
    """The one source of a file, by field; None where it is not one, or is none that is in force."""
    fields: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in text.rstrip("\n").split("\n"):
        if line.startswith("#"):
            continue
        if line[:1] in {" ", "\t"} and line.strip() and last is not None:
            last += line.split()
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or name in fields:
            return None
        last = fields[name] = value.split()
    if fields.pop("enabled", ["yes"]) != ["yes"]:
        return None
    return fields


def says_the_same(text: str, wanted: str) -> bool:
    """Whether two files are one source."""
    return meaning(text) is not None and meaning(text) == meaning(wanted)


def spec_of(name: str, text: str) -> Json | None:
    """A file's source as it would be declared; None where that cannot be said in these words."""
    fields = meaning(text)
    if fields is None:
        return None
    spec: Json = {"repository": name}
    spec |= {LISTS[field]: fields.pop(field) for field in LISTS if field in fields}
    signed, trusted = fields.pop("signed-by", []), fields.pop("trusted", [])
    if (
        fields
        or not {"types", "uris", "suites"} <= spec.keys()
        or len(signed) > 1
        or trusted not in ([], ["yes"])
    ):
        return None
    if spec["types"] == ["deb"]:
        del spec["types"]
    if signed:
        spec["signedBy"] = signed[0]
    return spec | ({"trusted": True} if trusted else {})
