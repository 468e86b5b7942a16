"""The kind Group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import people
from accounts import IN_SYNC, _Account, in_the_way, mark_ignored, removal

from froyo_provider import Actual, FieldDiff, Operation, Resource

if TYPE_CHECKING:
    from accounts import Json

    from froyo_provider import Found


class Group(_Account):
    """A group of the file /etc/group."""

    async def find(self) -> list[Found]:
        """Those of people."""
        return await people.groups()

    def wish(self, one: Resource) -> Json:
        """Its number; whether it is a system's group counts when it is made."""
        if one.spec.get("state") == "absent":
            return {"absent": True}
        return {key: one.spec[key] for key in ("gid", "system") if key in one.spec and key not in one.ignore}

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """Compare the number."""
        return [self.plan_one(one, now) for one, now in zip(wanted, actual, strict=True)]

    def plan_one(self, one: Resource, now: Actual) -> Operation:
        """What a Group takes."""
        spec, state = one.spec, now.state
        if spec.get("state") == "absent":
            return removal(one, now, "group")
        if not now.exists:
            diffs = [FieldDiff("state", "absent", "present")]
            if "gid" in spec:
                diffs.append(FieldDiff("gid", None, spec["gid"]))
        elif spec.get("gid", state["gid"]) != state["gid"]:
            diffs = [FieldDiff("gid", state["gid"], spec["gid"])]
        else:
            return IN_SYNC
        if not mark_ignored(diffs, one):
            return Operation("none", diffs)
        args = {"group": spec["name"], "expect": state["state"], **self.wish(one)}
        return Operation(
            "update" if now.exists else "create",
            diffs,
            calls=[{"call": "group.ensure", "args": args}],
            slow=True,
            obstacles=in_the_way("group.ensure", state),
        )
