"""The kind Repository: where packages come from, and by whose key that is known."""

from __future__ import annotations

import hashlib
import posixpath
from typing import TYPE_CHECKING, Any, TypeAlias

from apt import APT
from managers import MANAGERS
from programs import Programs, end_of, held_by
from sources import says_the_same, spec_of

from froyo_provider import (
    Actual,
    CallError,
    Fault,
    FieldDiff,
    Found,
    Operation,
    PermanentError,
    Provider,
    Resource,
    Result,
    ThrottledError,
    TransientError,
    batch,
    call,
    call_unless,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from manager import Manager

    from froyo_provider.model import ActionName

Json: TypeAlias = "dict[str, Any]"

LISTS = "/var/lib/apt/lists"
DIRECTORY = "/etc/apt/sources.list.d"
KEYS = "/etc/apt/keyrings"
QUOTED = '\\|{}[]<>"^~_=!@#$%^&*'
"""What apt writes otherwise in the names of its lists."""
PLACE = {"owner": "root", "group": "root", "mode": "0644"}
WAIT_MS = 2000
TEXT_MAX = 65536
"""Bytes of a file that is read to see what it says."""


class Repository(Provider):
    """A source of packages: a file in the form of deb822, its key, and the lists that were fetched from it."""

    async def find(self) -> list[Found]:
        """The sources that somebody has put there in this form, as far as there would be nothing to do about them."""
        changed = await call_unless({"not_supported", "enoent"}, "pkg.changed", path=DIRECTORY)
        if changed is None:  # there is no dpkg, or no apt
            return []
        files = [posixpath.basename(one["path"]) for one in changed["files"]]
        names = [file.removesuffix(".sources") for file in files if file.endswith(".sources")]
        paths = [f"{DIRECTORY}/{name}.sources" for name in names] + [f"{KEYS}/{name}.asc" for name in names]
        stats = await batch("file.stat", [{"path": path, "text_max": TEXT_MAX} for path in paths])
        texts, keys = stats[: len(names)], stats[len(names) :]
        specs: list[Json] = []
        wanted: list[Resource] = []
        for name, text, key in zip(names, texts, keys, strict=True):
            spec = None if isinstance(text, CallError) else spec_of(name, text.get("text", ""))
            if spec is None:
                continue
            asked, own = dict(spec), spec.get("signedBy") == f"{KEYS}/{name}.asc"
            if own and not isinstance(key, CallError) and "text" in key:
                del spec["signedBy"], asked["signedBy"]
                spec["key"] = key["text"]
                asked["body"] = {"digest": key["digest"], "size": key["size"]}
            specs.append(spec)
            wanted.append(Resource("", "Repository", "", asked))
        return [
            Found(spec["repository"], spec)
            for spec, one, now in zip(specs, wanted, await self.read(wanted), strict=True)
            if isinstance(now, Actual) and planned(one, now).action == "none"
        ]

    async def read(self, wanted: list[Resource]) -> list[Actual | Fault]:
        """What is in the files, and whether the lists are there."""
        questions = [question for one in wanted for question in questions_of(one)]
        listing, *stats = [
            *await batch("dir.list", [{"path": LISTS}]),
            *await batch("file.stat", questions),
        ]
        if isinstance(listing, CallError):
            if listing.code != "enoent":
                return [listing for _ in wanted]
            name = (await call("pkg.manager"))["manager"]
            if name != APT.name:
                return [elsewhere(one, MANAGERS[name]) for one in wanted]
            listing = {"entries": []}
        names = [entry["name"] for entry in listing["entries"]]
        found: list[Actual | Fault] = []
        answers = iter(stats)
        for one in wanted:
            own = [next(answers) for _ in questions_of(one)]
            failed = next((answer for answer in own if isinstance(answer, CallError)), None)
            found.append(failed or seen(one, own, names))  # type: ignore[arg-type] # none of them failed
        return found

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """What is to be done about each."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """Neither the file nor the key is there."""
        resource.spec = {"repository": resource.spec["repository"], "state": "absent"}
        return resource

    async def apply(self, operation: Operation) -> Result:
        """Write the files, then fetch the lists of this source and no other."""
        changed = False
        for one in operation.payload["calls"]:
            changed |= (await call(one["call"], **one["args"]))["changed"]
        manager = await call("pkg.manager")
        if holder := manager.get("holder"):
            raise ThrottledError(held_by(holder), retry_after_ms=WAIT_MS)
        run = Programs(APT)
        await run(*APT.refresh[:-1], *only(operation.payload["source"]), "update")
        if run.failed:
            raise TransientError(f"{run.failed}:\n{end_of([*run.complaint, *run.errors])}")
        return Result(changed=True, output=end_of(run.said))


def elsewhere(one: Resource, manager: Manager) -> Fault:
    """What to declare where there is no apt."""
    source = manager.source.format(one.spec["repository"])
    return PermanentError(f"a Repository is apt's, and here is {manager.name}: declare {source}")


def only(source: str) -> tuple[str, ...]:
    """The options by which apt looks at one source alone, and keeps the lists of the others."""
    return (
        *("-o", f"Dir::Etc::SourceList={source}", "-o", "Dir::Etc::SourceParts=-"),
        *("-o", "APT::Get::List-Cleanup=false", "-o", "APT::Update::Error-Mode=any"),
    )


def source_of(one: Resource) -> str:
    """Its file."""
    return posixpath.join(DIRECTORY, f"{one.spec['repository']}.sources")


def key_of(one: Resource) -> str:
    """The file of its key."""
    return posixpath.join(KEYS, f"{one.spec['repository']}.asc")


def text_of(one: Resource) -> str:
    """What is to be in its file."""
    spec = one.spec
    fields = {
        "Types": spec.get("types", ["deb"]),
        "URIs": spec["uris"],
        "Suites": spec["suites"],
        "Components": spec.get("components", []),
        "Architectures": spec.get("architectures", []),
    }
    lines = [f"{field}: {' '.join(values)}\n" for field, values in fields.items() if values]
    if "body" in spec:
        lines.append(f"Signed-By: {key_of(one)}\n")
    elif "signedBy" in spec:
        lines.append(f"Signed-By: {spec['signedBy']}\n")
    if spec.get("trusted"):
        lines.append("Trusted: yes\n")
    return "".join(lines)


def is_absent(one: Resource) -> bool:
    """Whether there is to be nothing of it."""
    return bool(one.spec.get("state") == "absent")


def digest_of(text: str) -> str:
    """As the target has it."""
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def questions_of(one: Resource) -> list[Json]:
    """What to ask about its file and its key."""
    gone: Json = {"wanted": {"type": "absent"}, "text_max": TEXT_MAX}
    if is_absent(one):
        return [{"path": source_of(one), **gone}, {"path": key_of(one), **gone}]
    wanted = {"type": "file", "digest": digest_of(text_of(one)), **PLACE}
    key = (
        {"type": "file", "digest": one.spec["body"]["digest"], **PLACE}
        if "body" in one.spec
        else {"type": "absent"}
    )
    return [
        {"path": source_of(one), "wanted": wanted, "text_max": TEXT_MAX},
        {"path": key_of(one), "wanted": key},
    ]


def quoted(uri: str, suite: str) -> str:
    """What the names of its lists begin with."""
    flat = suite.endswith("/")
    place = uri.partition("://")[2] if "://" in uri else uri.partition(":")[2]
    place = place.rpartition("@")[2]
    place = posixpath.join(place, suite.removeprefix("/") if flat else f"dists/{suite}/")
    text = "".join(f"%{ord(one):02x}" if one in QUOTED or not " " < one < "\x7f" else one for one in place)
    return text.replace("/", "_")


def fetched(one: Resource, names: Sequence[str]) -> bool:
    """Whether there are lists of each of its suites."""
    wanted = [quoted(uri, suite) for uri in one.spec["uris"] for suite in one.spec["suites"]]
    return all(any(name.startswith(prefix) for name in names) for prefix in wanted)


def seen(one: Resource, own: list[Json], names: Sequence[str]) -> Actual:
    """What is known of one."""
    source, key = own
    state: Json = {"source": source, "key": key, "fetched": is_absent(one) or fetched(one, names)}
    found = [told for stat in own for told in stat.pop("obstacles", ())]
    obstacles = [told for told in found if told["subjects"] != [f"path:{KEYS}"]]  # that directory is made
    watch = [f"path:{source_of(one)}", f"path:{key_of(one)}", f"path:{LISTS}/"]
    if obstacles:
        state["obstacles"] = obstacles
        watch += [
            subject for told in obstacles for subject in told["subjects"] if subject.startswith("path:")
        ]
    return Actual(source["exists"], state, tuple(dict.fromkeys(watch)))


def file_diffs(field: str, now: Json, digest: str, text: str | None, size: int) -> list[FieldDiff]:
    """How a file differs from what is to be in it, and who is to have it."""
    diffs = []
    after: Json = {"digest": digest, "size": size} | ({} if text is None else {"text": text})
    before = (
        {key: now[key] for key in ("digest", "size", "text") if key in now}
        if now.get("type") == "file"
        else None
    )
    if before is None or before["digest"] != digest:
        diffs.append(FieldDiff(field, before, after))
    if before is not None:
        for name, value in PLACE.items():
            if now[name] != value:
                diffs.append(FieldDiff(f"{field}.{name}", now[name], value))
    return diffs


def planned(one: Resource, now: Actual) -> Operation:
    """What is to be done about one."""
    state = now.state
    calls: list[Json] = []
    diffs: list[FieldDiff] = []
    obstacles = [{"call": "file.write", **told} for told in state.get("obstacles", ())]
    if is_absent(one):
        for field, path in (("source", source_of(one)), ("key", key_of(one))):
            if state[field]["exists"]:
                before = {
                    key: state[field][key] for key in ("digest", "size", "text") if key in state[field]
                } or state[field]["type"]
                diffs.append(FieldDiff(field, before, None))
                calls.append({"call": "file.remove", "args": {"path": path, "expect": state[field]["state"]}})
        return Operation("delete" if calls else "none", diffs, calls=calls, obstacles=obstacles)
    blobs = []
    if "body" in one.spec:
        body = one.spec["body"]
        if wrong := file_diffs("key", state["key"], body["digest"], None, body["size"]):
            diffs += wrong
            blobs.append(body["digest"])
            calls.append({"call": "dir.ensure", "args": {"path": KEYS}})
            calls.append(written(key_of(one), state["key"], {"blob": body["digest"], "size": body["size"]}))
    text = text_of(one)
    if says_the_same(state["source"].get("text", ""), text):
        text = state["source"]["text"]
    if wrong := file_diffs("source", state["source"], digest_of(text), text, len(text.encode())):
        diffs += wrong
        calls.append(written(source_of(one), state["source"], {"text": text}))
    if not state["fetched"]:
        diffs.append(FieldDiff("lists", None, "fetched"))
    if not diffs:
        return Operation("none")
    action: ActionName = "update" if now.exists else "create"
    return Operation(
        action, diffs, {"calls": calls, "source": source_of(one)}, blobs=blobs, slow=True, obstacles=obstacles
    )


def written(path: str, now: Json, content: Json) -> Json:
    """The call by which a file gets what is to be in it."""
    return {"call": "file.write", "args": {"path": path, **content, **PLACE, "expect": now["state"]}}
