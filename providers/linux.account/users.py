"""The kind User."""

from __future__ import annotations

from typing import TYPE_CHECKING

import people
from accounts import IN_SYNC, _Account, in_the_way, mark_ignored, removal

from froyo_provider import Actual, Fault, FieldDiff, Operation, PermanentError, Resource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts import Json

    from froyo_provider import Found

ARGUMENTS = {
    "uid": "uid",
    "group": "group",
    "home": "home",
    "createHome": "create_home",
    "shell": "shell",
    "comment": "comment",
    "locked": "locked",
    "expires": "expires",
    "linger": "linger",
}
"""Fields as the calls have them."""
LINGERERS = "path:/var/lib/systemd/linger"
"""Where logind keeps who lingers, a file each."""
SHORTEST_HASH = 20
"""What is shorter is a password, or a mistake."""


class User(_Account):
    """A user of the file /etc/passwd."""

    async def find(self) -> list[Found]:
        """Those of people."""
        return await people.users()

    def wish(self, one: Resource) -> Json:
        """What a user is to be, as the calls take it."""
        spec = one.spec
        if spec.get("state") == "absent":
            return {"absent": True}
        asked: Json = {
            argument: spec[field]
            for field, argument in ARGUMENTS.items()
            if field in spec and field not in one.ignore
        }
        if "group" in asked:
            asked["group"] = str(asked["group"])
        for field in ("groups", "exactGroups"):
            if field in spec and field not in one.ignore:
                asked |= {"groups": sorted(spec[field]), "exact": field == "exactGroups"}
        if "body" in spec and "passwordHash" not in one.ignore:
            asked["blob"] = spec["body"]["digest"]
        if "createHome" not in spec and not spec.get("system", False) and "createHome" not in one.ignore:
            asked["create_home"] = True
        return asked

    def watched(self, one: Resource) -> list[str]:
        """Who lingers is kept in a file of its own."""
        return [f"{LINGERERS}/{one.spec['name']}"] if "linger" in one.spec else []

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """Compare field by field."""
        return [self.plan_one(one, now) for one, now in zip(wanted, actual, strict=True)]

    def plan_one(self, one: Resource, now: Actual) -> Operation:
        """What a User takes."""
        spec, state = one.spec, now.state
        if spec.get("state") == "absent":
            more = {"home": True} if spec.get("removeHome") else {}
            return removal(one, now, "user", **more)
        if "body" in spec and spec["body"]["size"] < SHORTEST_HASH:
            raise PermanentError(
                f"the passwordHash of {spec['name']} is too short for one; `mkpasswd` and `openssl passwd -6` make one"
            )
        diffs = changes(spec, state) if now.exists else creation(spec)
        if not diffs:
            return IN_SYNC
        if not mark_ignored(diffs, one):
            return Operation("none", diffs)
        args: Json = {"user": spec["name"], "expect": state["state"], **self.wish(one)}
        if now.exists:
            if spec.get("moveHome"):
                args["move_home"] = True
        elif spec.get("system"):
            args["system"] = True
        return Operation(
            "update" if now.exists else "create",
            diffs,
            calls=[{"call": "user.ensure", "args": args}],
            blobs=[args["blob"]] if "blob" in args else [],
            slow=True,
            obstacles=in_the_way("user.ensure", state),
        )


def creation(spec: Json) -> list[FieldDiff]:
    """The declared fields of who is not there yet."""
    diffs = [FieldDiff("state", "absent", "present")]
    fields = (
        "uid",
        "group",
        "groups",
        "exactGroups",
        "home",
        "shell",
        "comment",
        "locked",
        "expires",
        "linger",
    )
    diffs += [FieldDiff(field, None, spec[field]) for field in fields if field in spec]
    if "body" in spec:
        diffs.append(FieldDiff("passwordHash", None, "as declared"))
    return diffs


def changes(spec: Json, state: Json) -> list[FieldDiff]:
    """Which of the declared fields differ."""
    diffs = [
        FieldDiff(field, state[field], spec[field])
        for field in ("uid", "home", "shell", "comment")
        if field in spec and spec[field] != state[field]
    ]
    group = spec.get("group")
    if group is not None and str(group) not in {state["group"], str(state["gid"])}:
        diffs.append(FieldDiff("group", state["group"], str(group)))
    diffs += group_changes(spec, state)
    if state.get("home_missing"):
        diffs.append(FieldDiff("createHome", "missing", "made"))
    there_is = state["password"] if "body" in spec else "wanted"
    if there_is != "wanted":
        before = "another" if there_is == "set" else None
        diffs.append(FieldDiff("passwordHash", before, "as declared"))
    if "locked" in spec and spec["locked"] != state["locked"] and locking_matters(spec, state):
        diffs.append(FieldDiff("locked", state["locked"], spec["locked"]))
    diffs += [
        FieldDiff(field, state[field], spec[field])
        for field in ("expires", "linger")
        if field in spec and spec[field] != state[field]
    ]
    return diffs


def locking_matters(spec: Json, state: Json) -> bool:
    """Where there is no password behind the lock, nobody comes in without it either, and it cannot be taken away."""
    return spec["locked"] or "body" in spec or state["password"] in {"set", "wanted"}


def group_changes(spec: Json, state: Json) -> list[FieldDiff]:
    """Which groups are missing, and with `exactGroups` which are too many; the primary one counts as had."""
    listed = set(state["groups"])
    had = listed | {state["group"]}
    if "groups" in spec:
        wanted = set(spec["groups"])
        if not wanted <= had:
            return [FieldDiff("groups", sorted(listed), sorted(listed | wanted))]
    if "exactGroups" in spec:
        wanted = set(spec["exactGroups"])
        if not wanted <= had or not listed - {state["group"]} <= wanted:
            return [FieldDiff("exactGroups", sorted(listed), sorted(wanted))]
    return []
