"""What differs between the attributes that are declared and those that there are, and how it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import FieldDiff, Resource

if TYPE_CHECKING:
    from collections.abc import Collection

Json: TypeAlias = "dict[str, Any]"

SETID = 0o6000
"""The setuid and setgid bits."""


def octal(mode: str) -> str:
    """A mode as the target writes it."""
    return f"{int(mode, 8):04o}"


def number_of(account: str | int) -> int | None:
    """The number that a user or group is declared by; None if it is by name."""
    return int(account) if isinstance(account, int) or account.isdecimal() else None


def attribute_diffs(spec: Json, state: Json) -> list[FieldDiff]:
    """Which of the declared attributes differ."""
    diffs = []
    mode = spec.get("mode")
    if mode is not None and int(mode, 8) != int(state["mode"], 8):
        diffs.append(FieldDiff("mode", state["mode"], octal(mode)))
    for field, key in (("owner", "uid"), ("group", "gid")):
        wanted = spec.get(field)
        if wanted is None or wanted == state[field]:
            continue
        number = number_of(wanted)
        if number is None:
            diffs.append(FieldDiff(field, state[field], wanted))
        elif number != state[key]:
            diffs.append(FieldDiff(field, str(state[key]), str(wanted)))
    return diffs


def undress(spec: Json, state: Json, diffs: list[FieldDiff], ignored: Collection[str]) -> str:
    """The mode that a file keeps where none is declared, with a difference for what it loses.

    Setuid and setgid were set by whoever owned it: with another owner they would lend that one's rights to a program
    which the former owner chose. So they go with the owner, as with chown.
    """
    old = int(state["mode"], 8)
    mode = old & ~SETID
    if mode == old or not any(
        diff.field in {"owner", "group"} and diff.field not in ignored for diff in diffs
    ):
        return str(state["mode"])
    if "mode" not in spec:
        diffs.append(FieldDiff("mode", state["mode"], f"{mode:04o}"))
    return f"{mode:04o}"


def new_attributes(spec: Json) -> list[FieldDiff]:
    """The declared attributes of what is not there yet."""
    diffs = [FieldDiff("mode", None, octal(spec["mode"]))] if "mode" in spec else []
    return diffs + [FieldDiff(field, None, str(spec[field])) for field in ("owner", "group") if field in spec]


def body_of(state: Json) -> Json:
    """The content that is there, as a diff shows it."""
    return {key: state[key] for key in ("digest", "size", "text") if key in state}


def preimage_of(path: str, state: Json) -> Json | None:
    """The content that would be lost."""
    return {"path": path, "digest": state["digest"], "size": state["size"]} if "digest" in state else None


def ignored_fields(one: Resource) -> Collection[str]:
    """What is to be left alone. Whichever field the content comes from, it is the content."""
    ignored = frozenset(one.ignore)
    return ignored | {"content"} if ignored & {"contentBase64", "source"} else ignored


def anything_left(diffs: list[FieldDiff], ignored: Collection[str]) -> bool:
    """Mark the differences that are to be left alone; whether others remain."""
    # Whether it exists at all is a difference that carries the others with it.
    everything = "state" in ignored and any(diff.field == "state" for diff in diffs)
    for diff in diffs:
        diff.ignored = everything or diff.field in ignored
    return not all(diff.ignored for diff in diffs)
