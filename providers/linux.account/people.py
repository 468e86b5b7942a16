"""The accounts of people, as they would be declared: what a distribution numbers from 1000 on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import CallError, Found, batch, call

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = "dict[str, Any]"

PEOPLE = range(1000, 60_000)
"""The numbers that are given to people, and to nothing that a package brings (Debian policy, 9.2.2)."""


async def users() -> list[Found]:
    """Users. What their passwords are is nobody's business, and is left as it is."""
    known = await _people("users", "uid")
    wanted = {"create_home": True, "linger": True}  # what is only said where it is asked for
    replies = await batch("user.stat", [{"user": name, "wanted": wanted} for name in known])
    return [
        _user(name, reply)
        for name, reply in zip(known, replies, strict=True)
        if not isinstance(reply, CallError) and reply["exists"]
    ]


async def groups() -> list[Found]:
    """Groups, without those that a user has for himself: they come with him."""
    everybody = (await call("facts", only=["users"]))["facts"].get("users", {})
    return [
        Found(name, {"name": name, "gid": gid})
        for name, gid in (await _people("groups", "gid")).items()
        if name not in everybody
    ]


async def keys() -> list[Found]:
    """Keys that let people in, and root."""
    known = ["root", *await _people("users", "uid")]
    replies = await batch("key.list", [{"user": name} for name in known])
    return [
        _key(name, one)
        for name, reply in zip(known, replies, strict=True)
        if not isinstance(reply, CallError)
        for one in reply["keys"]
    ]


def _key(user: str, one: Json) -> Found:
    comment = " ".join(one["key"].split()[2:])
    spec: Json = {"user": user, "key": one["key"]}
    if one["options"]:
        spec["options"] = _options(one["options"])
    return Found(f"{user}-{comment or 'key'}", spec)


def _options(text: str) -> list[str]:
    """Options one by one: they are parted by commas that are not within quotes."""
    found, quoted = [""], False
    for index, character in enumerate(text):
        if character == '"' and text[index - 1 : index] != "\\":
            quoted = not quoted
        if character == "," and not quoted:
            found.append("")
        else:
            found[-1] += character
    return found


async def _people(section: str, number: str) -> dict[str, int]:
    """Those with a number that is a person's, by name."""
    known = (await call("facts", only=[section]))["facts"].get(section, {})
    return {name: one[number] for name, one in sorted(known.items()) if one[number] in PEOPLE}


def _user(name: str, state: Json) -> Found:
    remark = "that there is a password is not said: passwordHash declares one"
    return Found(name, dict(_fields(name, state)), remark if state.get("password") == "set" else "")


def _fields(name: str, state: Json) -> Iterator[tuple[str, Any]]:
    yield "name", name
    yield "uid", state["uid"]
    if state["group"] != name:
        yield "group", state["group"]
    if state["groups"]:
        yield "groups", state["groups"]
    yield "home", state["home"]
    if state.get("home_missing"):
        yield "createHome", False
    yield "shell", state["shell"]
    if state["comment"]:
        yield "comment", state["comment"]
    if state.get("locked"):
        yield "locked", True
    if state.get("linger"):
        yield "linger", True
    if state.get("expires", "never") != "never":
        yield "expires", state["expires"]
