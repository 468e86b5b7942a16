"""linux.file: files, directories and symbolic links, kept as they are declared.

Each kind is read with one call an instance, all of them in one round trip, compared field by field, and put
right with few atomic calls, which the plan writes down in full: what is applied is what was shown. A call
carries the digest of the state that the plan saw, so that nothing is written over a world that has moved
meanwhile.

Invariants: what is not declared is left alone. Nothing is removed to make room unless the manifest says
`force`, except a symbolic link in the place of a file whose content is declared; and nothing that has
something in it, except by a Directory that says so. What other manifests manage is never purged.
docs/spec/linux.file.md is normative.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import (
    Actual,
    CallError,
    ConflictError,
    Fault,
    FieldDiff,
    Operation,
    PermanentError,
    Provider,
    Resource,
    Result,
    TransientError,
    batch,
    call,
    gather,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

Json: TypeAlias = "dict[str, Any]"

TEXT_MAX = 65536
"""Bytes of a text that are worth a unified diff to a person."""

TREE_MAX = 50_000
"""Entries below a directory that are looked at; as a listing they still fit a frame."""

SHOWN = 100
"""Entries below a directory that a plan shows one by one."""

WATCHED = 1_000
"""Directories of a tree whose events are asked for; what changes below the others is found by the rescan."""

WATCHED_CHARACTERS = 200_000
"""Of all of their paths together; the host takes some more."""

PATH_MAX = 4095
"""Bytes of a path."""

CHUNK = 1_000
"""Calls that one step makes for a tree."""

HIGHEST_ID = 2**32 - 2
"""The highest user or group number; the one above means "no change" to the kernel."""

SYSTEM = frozenset(
    f"/{name}"
    for name in (
        *(
            "bin",
            "boot",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "media",
            "mnt",
            "opt",
            "proc",
            "root",
        ),
        *("run", "sbin", "sys", "tmp", "usr", "usr/bin", "usr/include", "usr/lib", "usr/lib32", "usr/lib64"),
        *("usr/libexec", "usr/local", "usr/sbin", "usr/share", "usr/src", "var", "var/cache", "var/lib"),
        *("var/lib/dpkg", "var/log", "var/mail", "var/opt", "var/run", "var/spool", "var/tmp"),
    )
)
"""Directories with more in them than any source knows of: what is in them is only touched entry by entry."""

SETID = 0o6000
"""The setuid and setgid bits."""

ABSENT = "sha256:" + hashlib.sha256(b'["absent"]').hexdigest()
"""The state of a path at which there is nothing."""

EMPTY: Json = {"digest": "sha256:" + hashlib.sha256(b"").hexdigest(), "size": 0}
"""What is in a file that is created although no content is declared."""

IN_SYNC = Operation("none")


# --- What is said about the differences ---------------------------------------------------------------


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


# --- What is not done ---------------------------------------------------------------------------------


def described(state: Json) -> str:
    """What is there, for a person."""
    if state["type"] == "symlink":
        return f"a symbolic link to {state['to']}"
    names = {"file": "a regular file", "directory": "a directory"}
    return names.get(state["type"], "a device, a socket or a pipe")


def refuse_in_the_way(what: str, one: Resource, state: Json) -> None:
    """Another type of thing is only touched when the manifest says so, or where it has taken the place of what is ours.

    Of a directory that is so an empty one at most: what is in it was put there by somebody.

    Raises:
        PermanentError: it does not say so.
    """
    spec = one.spec
    if spec.get("removed"):
        raise PermanentError(
            f"{spec['path']} has become {described(state)}; it is left where it is, since that is not what was declared"
        )
    if not spec.get("force") and not (one.owned and state["type"] in {"file", "symlink", "directory"}):
        verb = "removes" if spec.get("state") == "absent" else "replaces"
        empty = " if it is empty" if state["type"] == "directory" else ""
        raise PermanentError(
            f"{spec['path']} is {described(state)}, not {what}; `force: true` {verb} it{empty}"
        )


def refuse_unchangeable(path: str, state: Json, *, replace: bool) -> None:
    """Say before the apply what the kernel would say during it.

    Raises:
        PermanentError: it cannot be changed, or not be replaced.
    """
    if state.get("immutable"):
        raise PermanentError(
            f"{path} differs, and is immutable or append-only on the target; `chattr -i -a` on it makes it"
            " changeable"
        )
    if replace and state.get("mountpoint"):
        raise PermanentError(
            f"{path} differs, and is a mount point, which can be neither replaced nor removed; unmount it, or"
            " declare what is mounted there"
        )


def refuse_system(path: str, what: str) -> None:
    """What makes up a system is not emptied, nor given away as a whole, whatever a manifest says.

    Raises:
        PermanentError: the path is a directory of the system.
    """
    if path in SYSTEM:
        raise PermanentError(
            f"{path} is a directory of the system, where `{what}` is refused; declare what is in it"
        )


# --- What is done -------------------------------------------------------------------------------------


def planned_call(name: str, path: str, **args: Any) -> Json:
    """A call to be made when the operation is applied."""
    return {"call": name, "args": {"path": path, **args}}


def account_arguments(spec: Json, ignored: Collection[str] = ()) -> Json:
    """The declared owner and group as a call takes them."""
    arguments: Json = {}
    for field, key in (("owner", "uid"), ("group", "gid")):
        wanted = spec.get(field)
        if wanted is None or field in ignored:
            continue
        number = number_of(wanted)
        if number is None:
            arguments[field] = wanted
        elif number <= HIGHEST_ID:
            arguments[key] = number
        else:
            raise PermanentError(f"{field}: {wanted} is above {HIGHEST_ID}, the highest number that there is")
    return arguments


def removing_call(path: str, state: Json, *, recursive: bool = False) -> Json:
    """The call that removes what is there."""
    if state["type"] != "directory":
        return planned_call("file.remove", path, expect=state["state"])
    return planned_call("dir.remove", path, expect=state["state"], recursive=recursive)


def removal(one: Resource, state: Json, *extra: FieldDiff, recursive: bool = False) -> Operation:
    """What it takes to have nothing at the path."""
    path = one.spec["path"]
    diffs = [FieldDiff("state", "present", "absent"), *extra]
    if "digest" in state:
        diffs.append(FieldDiff("content", body_of(state), None))
    if not anything_left(diffs, ignored_fields(one)):
        return Operation("none", diffs)
    refuse_unchangeable(path, state, replace=True)
    calls = [removing_call(path, state, recursive=recursive)]
    return Operation("delete", diffs, {"calls": calls}, preimage=preimage_of(path, state))


def creation(one: Resource, now: Actual, fields: list[FieldDiff], make: Json, **more: Any) -> Operation:
    """What it takes to have it where there is nothing, or something of another type.

    Args:
        one: the resource.
        now: what is there; whether that may be replaced has been decided.
        fields: what is said about its content.
        make: the call that makes it.
        **more: of the operation.
    """
    path, state, wanted = one.spec["path"], now.state, one.kind.lower()
    if now.exists:
        diffs = [FieldDiff("type", state["type"], wanted)]
        if state["type"] == "symlink":
            diffs.append(FieldDiff("to", state["to"], None))
        elif state["type"] == "file":
            diffs.append(FieldDiff("content", body_of(state), None))
    else:
        diffs = [FieldDiff("state", "absent", "present")]
    diffs += fields + new_attributes(one.spec)
    # What is ignored is left alone where it is; it has to begin as something, though.
    if not anything_left(diffs, {"state"}.intersection(one.ignore)):
        return Operation("none", diffs)
    calls = [make]
    make["args"]["expect"] = state["state"]
    if not now.exists:
        return Operation("create", diffs, {"calls": calls}, **more)
    refuse_unchangeable(path, state, replace=True)
    if "directory" in {state["type"], wanted}:
        calls.insert(0, removing_call(path, state))
        make["args"]["expect"] = ABSENT
    return Operation("update", diffs, {"calls": calls}, preimage=preimage_of(path, state), **more)


async def perform(calls: Iterable[Json]) -> bool:
    """Make planned calls one after the other; whether any of them changed something."""
    changed = False
    for one in calls:
        reply = await call(one["call"], **one["args"])
        changed |= reply["changed"]
    return changed


def plan_each(
    plan: Callable[[Resource, Actual], Operation], wanted: list[Resource], actual: list[Actual]
) -> list[Operation | Fault]:
    """The plan of each, with a fault in the place of one that cannot be."""
    planned: list[Operation | Fault] = []
    for one, now in zip(wanted, actual, strict=True):
        try:
            planned.append(plan(one, now))
        except Fault as fault:
            planned.append(fault)
    return planned


class _Path(Provider):
    """What the providers of the three kinds share."""

    async def apply(self, operation: Operation) -> Result:
        """Make the calls of the plan."""
        return Result(await perform(operation.payload["calls"]))

    def absence(self, resource: Resource) -> Resource:
        """Nothing at the path, or what was there before; never by `force`, and nothing is ignored."""
        path = resource.spec["path"]
        if resource.restores is not None:
            spec: Json = {"path": path, "body": resource.restores}
        else:
            spec = {"path": path, "state": "absent", "removed": True}
        return replace(resource, spec=spec, ignore=())


# --- File ---------------------------------------------------------------------------------------------


class File(_Path):
    """A regular file."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each. A text travels only when it differs."""
        replies = await batch("file.stat", [file_question(one.spec) for one in wanted])
        return [
            reply if isinstance(reply, CallError) else file_actual(one.spec, reply)
            for one, reply in zip(wanted, replies, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare content and attributes."""
        return plan_each(plan_file, wanted, actual)


def content_matters(spec: Json) -> bool:
    """Whether what is in the file is of interest: where none is declared it may well be a log that grows."""
    return "body" in spec or spec.get("state") == "absent"


def file_question(spec: Json) -> Json:
    """What to ask about a file."""
    if not content_matters(spec):
        return {"path": spec["path"], "digest": False}
    question = {"path": spec["path"]}
    if not is_sensitive(spec):
        # Of a file that is private by now the runner sends no text, unless somebody said that it is none of a secret.
        question["text_max"] = TEXT_MAX
        if "sensitive" in spec:
            question["private"] = True
        if "body" in spec:
            question["unless"] = spec["body"]["digest"]
    return question


def is_sensitive(spec: Json, state: Json | None = None) -> bool:
    """Whether nothing of the content is to be told: as declared, or since a mode gives nothing to group and others."""
    if "sensitive" in spec:
        return bool(spec["sensitive"])
    return any("mode" in one and not int(one["mode"], 8) & 0o077 for one in (spec, state or {}))


def file_actual(spec: Json, reply: Json) -> Actual:
    """What was answered about a file."""
    exists = reply.pop("exists")
    if not content_matters(spec):
        reply.pop("size", None)
    return Actual(exists, reply, (f"path:{spec['path']}",))


def plan_file(one: Resource, now: Actual) -> Operation:
    """What a File takes."""
    spec, state, body = one.spec, now.state, one.spec.get("body")
    if spec.get("state") == "absent":
        if not now.exists:
            return IN_SYNC
        if state["type"] not in ({"file"} if spec.get("removed") else {"file", "symlink"}):
            refuse_in_the_way("a regular file", one, state)
        return removal(one, state)
    if now.exists and state["type"] == "file":
        return file_update(one, state)
    # A link stands for content that somebody else cares for: it gives way to content only.
    if now.exists and (state["type"] != "symlink" or body is None or "content" in ignored_fields(one)):
        refuse_in_the_way("a regular file", one, state)
    fields = [] if body is None else [FieldDiff("content", None, body)]
    body = body or EMPTY
    make = file_write(spec, mode="0644", body=body, sensitive=is_sensitive(spec, state))
    return creation(one, now, fields, make, blobs=[body["digest"]], slow="validate" in make["args"])


def file_update(one: Resource, state: Json) -> Operation:
    """What it takes to put a regular file right."""
    spec, body = one.spec, one.spec.get("body")
    diffs = attribute_diffs(spec, state)
    if body is not None and body["digest"] != state["digest"]:
        diffs.insert(0, FieldDiff("content", body_of(state), body))
    if not diffs:
        return IN_SYNC
    ignored = ignored_fields(one)
    mode = undress(spec, state, diffs, ignored)
    if not anything_left(diffs, ignored):
        return Operation("none", diffs)
    if diffs[0].field != "content" or diffs[0].ignored:
        body = None
    refuse_unchangeable(spec["path"], state, replace=body is not None)
    # The mode is always said: what was planned is what is done, whatever a change of owner does to it on the way.
    write = file_write(spec, mode=mode, body=body, ignored=ignored, sensitive=is_sensitive(spec, state))
    if "state" in state:
        write["args"]["expect"] = state["state"]
    if body is None:
        return Operation("update", diffs, {"calls": [write]})
    if "backup" in spec:
        write["args"]["backup"] = spec["backup"]
    preimage = preimage_of(spec["path"], state)
    more: Json = {"preimage": preimage, "slow": "validate" in write["args"]}
    return Operation("update", diffs, {"calls": [write]}, blobs=[body["digest"]], **more)


def file_write(
    spec: Json, *, mode: str, body: Json | None, ignored: Collection[str] = (), sensitive: bool = False
) -> Json:
    """The call that puts a file in place, or only its attributes right.

    Args:
        spec: of the File.
        mode: where none is declared, or it is to be left alone.
        body: the new content; None leaves it as it is.
        ignored: fields to be left alone.
        sensitive: whether what a validation says of the content is not to be told.
    """
    if "mode" in spec and "mode" not in ignored:
        mode = octal(spec["mode"])
    arguments = {"mode": mode, **account_arguments(spec, ignored)}
    if body is not None:
        arguments |= {"blob": body["digest"], "size": body["size"]}
        if "validate" in spec:
            arguments["validate"] = spec["validate"]
            if sensitive:
                arguments["sensitive"] = True
    return planned_call("file.write", spec["path"], **arguments)


# --- Symlink ------------------------------------------------------------------------------------------


class Symlink(_Path):
    """A symbolic link."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each."""
        replies = await batch("file.stat", [{"path": one.spec["path"]} for one in wanted])
        return [
            reply
            if isinstance(reply, CallError)
            else Actual(reply.pop("exists"), reply, (f"path:{one.spec['path']}",))
            for one, reply in zip(wanted, replies, strict=True)
        ]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare where it points to, and whose it is."""
        return plan_each(plan_symlink, wanted, actual)


def plan_symlink(one: Resource, now: Actual) -> Operation:
    """What a Symlink takes."""
    spec, state = one.spec, now.state
    if now.exists and state["type"] != "symlink":
        refuse_in_the_way("a symbolic link", one, state)
    if spec.get("state") == "absent":
        return removal(one, state) if now.exists else IN_SYNC
    to = spec["to"]
    if not now.exists or state["type"] != "symlink":
        link = planned_call("link.ensure", spec["path"], to=to, **account_arguments(spec))
        return creation(one, now, [FieldDiff("to", None, to)], link)
    diffs = attribute_diffs(spec, state)
    if state["to"] != to:
        diffs.insert(0, FieldDiff("to", state["to"], to))
    if not diffs:
        return IN_SYNC
    ignored = ignored_fields(one)
    if not anything_left(diffs, ignored):
        return Operation("none", diffs)
    refuse_unchangeable(spec["path"], state, replace=True)
    arguments = {"to": to, "expect": state["state"], **account_arguments(spec, ignored)}
    if "to" in ignored:
        arguments["to"] = state["to"]
    # It is another link that takes its place: whose it is has to be said.
    if "owner" not in arguments:
        arguments.setdefault("uid", state["uid"])
    if "group" not in arguments:
        arguments.setdefault("gid", state["gid"])
    return Operation("update", diffs, {"calls": [planned_call("link.ensure", spec["path"], **arguments)]})


# --- Directory ----------------------------------------------------------------------------------------


class Directory(_Path):
    """A directory, and where wanted the tree below it."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """One `file.stat` each, and one `dir.list` where it matters what is inside."""
        listed = [one for one in wanted if inside_matters(one.spec)]
        stats, listings = await gather(
            batch("file.stat", [{"path": one.spec["path"]} for one in wanted]),
            batch("dir.list", [directory_question(one.spec) for one in listed]),
        )
        inside = {one.address: listing for one, listing in zip(listed, listings, strict=True)}
        found: list[Actual | Fault] = []
        for one, stat in zip(wanted, stats, strict=True):
            try:
                found.append(directory_actual(one, stat, inside.get(one.address)))
            except Fault as fault:
                found.append(fault)
        return found

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare attributes, its own and those of what is below."""
        return plan_each(plan_directory, wanted, actual)

    async def apply(self, operation: Operation) -> Result:
        """Make the calls of the plan, then put right what is below."""
        payload = operation.payload
        await refuse_to_take_along(payload.get("spared", ()))
        # Looked at before anything is done: if it is not as planned, nothing is.
        changes = await planned_changes(payload["tree"]) if "tree" in payload else []
        changed = await perform(payload["calls"])
        if changes:
            changed |= await put_right(payload["tree"]["path"], changes)
        return Result(changed)


def inside_matters(spec: Json) -> bool:
    """Whether it is of interest what is inside."""
    return bool(spec.get("purge") or "recursive" in spec or spec.get("state") == "absent")


def directory_question(spec: Json) -> Json:
    """What to ask about what is inside."""
    if spec.get("state") == "absent":
        return {"path": spec["path"], "limit": TREE_MAX}
    return {"path": spec["path"], "limit": TREE_MAX, "recursive": True}


def is_path(text: str) -> bool:
    """Whether a directory can be named so: a tree can be deeper than any path, and then its depths have none."""
    return len(text.removesuffix("/").encode(errors="surrogateescape")) <= PATH_MAX


def managed_below(one: Resource) -> list[str]:
    """What other manifests manage below the directory, relative to it."""
    start = len(one.spec["path"]) + 1
    return [path[start:] for path in one.managed]


def directory_actual(one: Resource, stat: Json | CallError, listing: Json | CallError | None) -> Actual:
    """What was answered about a directory."""
    spec, path = one.spec, one.spec["path"]
    if isinstance(stat, CallError):
        raise stat
    exists = stat.pop("exists")
    if listing is None or not exists or stat["type"] != "directory":
        return Actual(exists, stat, (f"path:{path}",))
    if isinstance(listing, CallError):
        raise listing
    if spec.get("state") == "absent":
        others = {name.partition("/")[0] for name in managed_below(one)}
        names = [entry["name"] for entry in listing["entries"] if entry["name"] not in others]
        stat["entries"] = names[:SHOWN]
        return Actual(exists, stat, (f"path:{path}/",))
    rules, ignored_rules = tree_rules(spec, one.ignore)
    entries, managed = whole(path, listing), managed_below(one)
    changes, visited = look_below(rules, managed, entries)
    if changes:
        stat["tree"] = {"total": len(changes), "digest": digest_of(changes), "first": changes[:SHOWN]}
    if ignored_rules:
        stat["ignored"] = look_below(ignored_rules, managed, entries)[0][:SHOWN]
    # With the slash, a path stands for what is directly in it, too.
    below = (f"{path}/{name}/" for name in visited[:WATCHED])
    watch = [f"path:{path}/"]
    room = WATCHED_CHARACTERS
    for name in filter(is_path, below):
        room -= len(name)
        if room < 0:
            break
        watch.append(f"path:{name}")
    return Actual(exists, stat, tuple(watch))


def plan_directory(one: Resource, now: Actual) -> Operation:
    """What a Directory takes."""
    spec, state, path = one.spec, now.state, one.spec["path"]
    for field in ("purge", "recursive"):
        if spec.get(field):
            refuse_system(path, field)
    if now.exists and state["type"] != "directory":
        refuse_in_the_way("a directory", one, state)
    if spec.get("state") == "absent":
        return directory_removal(one, state) if now.exists else IN_SYNC
    if not now.exists or state["type"] != "directory":
        mode = octal(spec.get("mode", "0755"))
        return creation(one, now, [], planned_call("dir.ensure", path, mode=mode, **account_arguments(spec)))
    ignored = ignored_fields(one)
    diffs = attribute_diffs(spec, state)
    payload: Json = {"calls": []}
    if anything_left(diffs, ignored):
        refuse_unchangeable(path, state, replace=False)
        # The mode is always said: a change of owner would clear setgid.
        mode = octal(spec["mode"]) if "mode" in spec and "mode" not in ignored else state["mode"]
        arguments = {"mode": mode, "expect": state["state"], **account_arguments(spec, ignored)}
        payload["calls"].append(planned_call("dir.ensure", path, **arguments))
    if "tree" in state:
        tree = state["tree"]
        diffs += tree_diffs(tree["first"], more=tree["total"] - len(tree["first"]))
        payload["tree"] = {
            "path": path,
            "digest": tree["digest"],
            "managed": managed_below(one),
            "rules": tree_rules(spec, ignored)[0],
        }
    for diff in tree_diffs(state.get("ignored", ())):
        diff.ignored = True
        diffs.append(diff)
    if not diffs:
        return IN_SYNC
    return Operation("update" if payload["calls"] or "tree" in payload else "none", diffs, payload)


def directory_removal(one: Resource, state: Json) -> Operation:
    """What it takes to have no directory."""
    spec, path = one.spec, one.spec["path"]
    if state["type"] != "directory":
        return removal(one, state)
    entries = state["entries"]
    if entries and not spec.get("force"):
        some = ", ".join(entries[:5]) + (" and more" if len(entries) > 5 else "")
        if spec.get("removed"):
            raise PermanentError(f"{path} is not empty ({some}); it is left where it is until it is")
        raise PermanentError(f"{path} is not empty ({some}); `force: true` removes it with everything in it")
    if spec.get("force"):
        refuse_system(path, "force")
    extra = [FieldDiff("entries", entries, None)] if entries else []
    operation = removal(one, state, *extra, recursive=bool(spec.get("force")))
    if operation.action != "none":
        operation.payload["spared"] = list(one.managed)
    return operation


async def refuse_to_take_along(spared: Sequence[str]) -> None:
    """A directory is not removed while there is something in it that another manifest manages.

    Raises:
        TransientError: there is. Where that is to go too, it will have gone the next time.
    """
    found = await batch("file.stat", [{"path": path, "digest": False} for path in spared])
    for path, stat in zip(spared, found, strict=True):
        if not isinstance(stat, CallError) and stat["exists"]:
            raise TransientError(
                f"{path} is still in it, and managed by another manifest; declare it absent as well"
            )


# --- What is below a directory ------------------------------------------------------------------------


def whole(path: str, listing: Json) -> list[Json]:
    """The entries of a tree, all of them.

    Raises:
        PermanentError: it was not seen whole, so that nothing is known of it.
    """
    if listing["truncated"]:
        raise PermanentError(
            f"{path} has more than {TREE_MAX} entries below it, too many for `purge` and `recursive`;"
            " declare the directories in it that matter"
        )
    entries: list[Json] = listing["entries"]
    return entries


def look_below(rules: Json, managed: Iterable[str], entries: Iterable[Json]) -> tuple[list[Json], list[str]]:
    """What is wrong below a directory, and the directories in it that are its own concern.

    What another manifest manages, a mount point, and what is excepted is left alone with all below it.

    Args:
        rules: the fields `purge`, `recursive` and `except`.
        managed: what other manifests manage, relative to the directory.
        entries: of the listing: a directory comes before what is in it.
    """
    purge = bool(rules.get("purge"))
    wanted = wanted_below(rules.get("recursive", {}))
    excepted = Globs(rules.get("except", ()))
    kept = set(managed)
    for entry in entries:
        if entry.get("mountpoint") or excepted.match(entry["name"]):
            kept.add(entry["name"])
    leading = {above for name in kept for above in ancestors(name)}
    changes: list[Json] = []
    visited: list[str] = []
    closed = set()
    for entry in entries:
        name, found = entry["name"], entry["type"]
        if name.rpartition("/")[0] in closed or name in kept:
            closed.add(name)
        elif purge and name not in leading:
            closed.add(name)
            changes.append({"name": name, "type": found, "purge": True})
        else:
            if found == "directory":
                visited.append(name)
            diffs = attribute_diffs(wanted[found], entry) if found in wanted else []
            if found == "file":
                undress(wanted.get(found, {}), entry, diffs, ())
            if diffs:
                differs = [[diff.field, diff.before, diff.after] for diff in diffs]
                changes.append({"name": name, "type": found, "mode": entry["mode"], "differs": differs})
    return changes, visited


def wanted_below(recursive: Json) -> dict[str, Json]:
    """The attributes that are declared for each type of file."""
    owners: Json = {field: recursive[field] for field in ("owner", "group") if field in recursive}
    wanted: dict[str, Json] = {"file": dict(owners), "directory": dict(owners), "symlink": owners}
    for found, field in (("file", "fileMode"), ("directory", "directoryMode")):
        if field in recursive:
            wanted[found]["mode"] = recursive[field]
    return {found: attributes for found, attributes in wanted.items() if attributes}


def ancestors(name: str) -> Iterable[str]:
    """The directories on the way to a name, nearest first."""
    while (name := name.rpartition("/")[0]) != "":
        yield name


def tree_rules(spec: Json, ignore: Collection[str]) -> tuple[Json, Json]:
    """What is declared for what is below: what counts, and what is only shown as it is to be ignored."""
    counts: Json = {"recursive": {}}
    ignored: Json = {"recursive": {}}
    if spec.get("purge"):
        (ignored if "purge" in ignore else counts)["purge"] = True
    for field, value in spec.get("recursive", {}).items():
        left = "recursive" in ignore or f"recursive.{field}" in ignore
        (ignored if left else counts)["recursive"][field] = value
    anything = ignored["recursive"] or "purge" in ignored
    excepted = {"except": spec["except"]} if "except" in spec else {}
    return counts | excepted, ignored | excepted if anything else {}


def tree_diffs(changes: Iterable[Json], *, more: int = 0) -> list[FieldDiff]:
    """What is wrong below, entry by entry, and how many more there are."""
    diffs = []
    for change in changes:
        where = f"entries[{change['name']}]"
        if "purge" in change:
            diffs.append(FieldDiff(where, change["type"], None))
        for field, before, after in change.get("differs", ()):
            diffs.append(FieldDiff(f"{where}.{field}", before, after))
    if more:
        diffs.append(FieldDiff("entries", f"{more} more differ", "as declared"))
    return diffs


def digest_of(changes: list[Json]) -> str:
    """What tells one list of changes from another."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()


async def planned_changes(tree: Json) -> list[Json]:
    """What is wrong below the directory, which is what the plan saw.

    Raises:
        ConflictError: it is not.
    """
    path = tree["path"]
    listing = await call("dir.list", path=path, limit=TREE_MAX, recursive=True)
    changes, _ = look_below(tree["rules"], tree["managed"], whole(path, listing))
    if digest_of(changes) != tree["digest"]:
        raise ConflictError(f"what is below {path} is not what the plan saw")
    return changes


async def put_right(path: str, changes: list[Json]) -> bool:
    """Remove what is to go, then give the rest its attributes; whether anything changed.

    Raises:
        Fault: the first of what went wrong, after everything was tried.
    """
    calls: dict[str, list[Json]] = {"file.remove": [], "dir.remove": [], "file.write": [], "dir.ensure": []}
    links: list[Json] = []
    for change in changes:
        item: Json = {"path": f"{path}/{change['name']}"}
        if "purge" in change:
            if change["type"] == "directory":
                calls["dir.remove"].append({**item, "recursive": True})
            else:
                calls["file.remove"].append(item)
            continue
        after = {field: value for field, _, value in change["differs"]}
        item |= account_arguments(after)
        if change["type"] == "symlink":
            links.append(item)
        else:
            # A change of owner would clear more than was planned.
            item["mode"] = after.get("mode", change["mode"])
            calls["file.write" if change["type"] == "file" else "dir.ensure"].append(item)
    replies = []
    for name, items in calls.items():
        replies += await in_chunks(name, items)
    # A link is only made anew as what it is.
    stats = await in_chunks("file.stat", [{"path": item["path"]} for item in links])
    still = [
        {**item, "to": stat["to"], "expect": stat["state"]}
        for item, stat in zip(links, stats, strict=True)
        if not isinstance(stat, CallError) and stat.get("type") == "symlink"
    ]
    replies += await in_chunks("link.ensure", still)
    # What has gone meanwhile owes nothing.
    failed = [reply for reply in replies if isinstance(reply, CallError) and reply.code != "enoent"]
    if failed:
        raise failed[0]
    return any(not isinstance(reply, CallError) and reply["changed"] for reply in replies)


async def in_chunks(name: str, items: list[Json]) -> list[Json | CallError]:
    """The same call for many items, a bounded number of them at a time."""
    replies: list[Json | CallError] = []
    for start in range(0, len(items), CHUNK):
        replies += await batch(name, items[start : start + CHUNK])
    return replies


Match: TypeAlias = "Callable[[str], object]"


class Globs:
    """Globs over relative paths; a match takes time in proportion to glob times path."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._names: list[Match] = []
        self._paths: list[list[Match | None]] = []
        for pattern in patterns:
            # What is below an excepted entry is excepted with it.
            parts = pattern.removesuffix("/**").strip("/").split("/")
            compiled: list[Match | None] = [
                None if part == "**" else re.compile(fnmatch.translate(part)).match for part in parts
            ]
            if len(compiled) == 1 and compiled[0] is not None and "/" not in pattern:
                self._names.append(compiled[0])
            else:
                self._paths.append(compiled)

    def match(self, name: str) -> bool:
        """Whether any of them matches the entry itself."""
        parts = name.split("/")
        return any(match(parts[-1]) for match in self._names) or any(
            matches_path(components, parts) for components in self._paths
        )


def matches_path(components: list[Match | None], parts: list[str]) -> bool:
    """Whether a path is as the components say, of which None stands for any run of parts."""
    at = index = 0
    back: tuple[int, int] | None = None
    while index < len(parts):
        component = components[at] if at < len(components) else None
        if at < len(components) and component is None:
            back = (at, index)
            at += 1
        elif component is not None and component(parts[index]):
            at += 1
            index += 1
        elif back is not None:
            back = (back[0], back[1] + 1)
            at, index = back[0] + 1, back[1]
        else:
            return False
    return all(component is None for component in components[at:])
