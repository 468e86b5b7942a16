"""The accounts of a modelled target: /etc/passwd and /etc/group, as useradd and its like keep them.

A change is all there or not there at all; who makes one holds a lock, and others are told who it is. A new account gets
the next number that is free. With a user goes the group of the same name, where nobody else is in it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.sim.files import canonical_digest

Json = dict[str, Any]

FIRST = 1000
ABSENT: Json = {"exists": False, "state": canonical_digest(["absent"])}


@dataclass(frozen=True, slots=True)
class User:
    """A line of /etc/passwd, and what /etc/shadow says beside it."""

    uid: int
    gid: int
    comment: str = ""
    home: str = ""
    shell: str = "/bin/sh"
    locked: bool = True
    home_missing: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A line of /etc/group."""

    gid: int
    members: frozenset[str] = frozenset()


class Refusal(Exception):
    """What is answered where something cannot be done."""

    def __init__(self, code: str, message: str, error_class: str = "permanent", subject: str = "") -> None:
        super().__init__(message)
        subjects = [subject] if subject else []
        self.error = {"class": error_class, "code": code, "message": message, "subjects": subjects}


@dataclass(slots=True)
class Accounts:
    """See the module.

    Attributes:
        told: of each account that has become another one, such as `user:ann`, and of the files of accounts.
        users, groups: by name.
        locked_by: who changes accounts just now, or "".
        unmade: why nothing can be written, or "".
    """

    told: Callable[[str, Json | None], None]
    unmade: Callable[[], str]
    users: dict[str, User] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    locked_by: str = ""

    # --- what can be asked ------------------------------------------------------------------------------------

    def look(self, call: str, item: Json) -> Json:
        """A reading call."""
        noun = call.partition(".")[0]
        wanted = item.get("wanted", {})
        found = self.described(noun, item[noun], wanted)
        obstacles = [why.error for why in self._in_the_way(noun, item[noun], wanted)]
        return found | ({"obstacles": obstacles} if obstacles else {})

    def described(self, noun: str, name: str, wanted: Json) -> Json:
        """How an account is."""
        if noun == "group":
            group = self.groups.get(name)
            if group is None:
                return dict(ABSENT)
            return {"exists": True, "gid": group.gid, "state": canonical_digest([group.gid])}
        user = self.users.get(name)
        if user is None:
            return dict(ABSENT)
        listed = sorted(group for group, one in self.groups.items() if name in one.members)
        primary = next((group for group, one in self.groups.items() if one.gid == user.gid), str(user.gid))
        reply: Json = {"exists": True, "uid": user.uid, "gid": user.gid, "group": primary, "groups": listed}
        reply |= {"comment": user.comment, "home": user.home, "shell": user.shell}
        reply |= {"locked": user.locked, "expires": "never"}
        reply["state"] = canonical_digest(reply)
        reply["password"] = "none"
        if wanted.get("create_home"):
            reply["home_missing"] = user.home_missing
        return reply

    def _in_the_way(self, noun: str, name: str, wanted: Json) -> list[Refusal]:
        """What keeps an account from being as it is wanted."""
        found = []
        if wanted.get("absent") and noun == "group" and name in self.groups:
            of = [one for one, user in sorted(self.users.items()) if user.gid == self.groups[name].gid]
            found += [Refusal("taken", f"it is the group of {one}", subject=f"user:{one}") for one in of[:1]]
        for number, known in (("uid", self.users), ("gid", self.groups)):
            for other, one in sorted(known.items()):
                mine = (noun, name) == ({"uid": "user", "gid": "group"}[number], other)
                if number in wanted and not mine and getattr(one, number) == wanted[number]:
                    told = f"{number} {wanted[number]} is that of {other}"
                    subject = f"{'user' if number == 'uid' else 'group'}:{other}"
                    found.append(Refusal("taken", told, subject=subject))
        for group in (wanted.get("group"), *wanted.get("groups", ())) if noun == "user" else ():
            if group is not None and group not in self.groups:
                found.append(
                    Refusal("unknown_owner", f"there is no group {group}", "transient", f"group:{group}")
                )
        return found

    # --- what can be done -------------------------------------------------------------------------------------

    def do(self, call: str, item: Json, by: Json | None = None) -> Json:
        """One item of a writing call, as a result on the wire; `by` is None for one of our runners."""
        try:
            return {"ok": {"changed": self._do(call, item, by)}}
        except Refusal as refusal:
            return {"error": refusal.error}

    def _do(self, call: str, item: Json, by: Json | None) -> bool:
        noun, _, verb = call.partition(".")
        name = item[noun]
        before = self.described(noun, name, {})
        if item.get("expect", before["state"]) != before["state"]:
            raise Refusal("conflict", f"{name} is not any more what it was", "conflict")
        if self.locked_by and by is None:
            raise Refusal("locked", f"accounts are being changed by {self.locked_by}", "transient")
        if why := self.unmade():
            raise Refusal("read_only", why, "transient")
        wanted = {"absent": True} if verb == "remove" else item
        if by is None and (obstacles := self._in_the_way(noun, name, wanted)):
            raise obstacles[0]
        users, groups = dict(self.users), dict(self.groups)
        if verb == "members":
            self.groups[name] = replace(self.groups[name], members=frozenset(item["members"]))
        elif verb == "remove":
            self._remove(noun, name)
        elif noun == "group":
            gid = item.get("gid", self.groups[name].gid if name in self.groups else self._free("gid"))
            members = self.groups[name].members if name in self.groups else frozenset()
            self.groups[name] = Group(gid, members)
            for who, user in self.users.items():  # groupmod gives them their group's new number
                if name in groups and user.gid == groups[name].gid:
                    self.users[who] = replace(user, gid=gid)
        else:
            self._ensure(name, item)
        changed = False
        for scheme, then, now in (
            ("user", _with_groups(users, groups), _with_groups(self.users, self.groups)),
            ("group", groups, self.groups),
        ):
            for one in sorted({*then, *now}):
                if then.get(one) != now.get(one):
                    changed = True
                    self.told(f"{scheme}:{one}", by)
        return changed

    def _remove(self, noun: str, name: str) -> None:
        if noun == "group":
            self.groups.pop(name, None)
            return
        user = self.users.pop(name, None)
        for group, one in list(self.groups.items()):
            if name in one.members:
                self.groups[group] = replace(one, members=one.members - {name})
        own = self.groups.get(name)
        theirs = own is not None and any(other.gid == own.gid for other in self.users.values())
        if user is not None and own is not None and own.gid == user.gid and not own.members and not theirs:
            del self.groups[name]

    def _ensure(self, name: str, item: Json) -> None:
        if name not in self.users:
            number = item.get("uid", self._free("uid"))
            if "group" not in item:
                if name not in self.groups:
                    self.groups[name] = Group(number if not self._has("gid", number) else self._free("gid"))
                gid = self.groups[name].gid
            else:
                gid = self.groups[item["group"]].gid
            missing = not item.get("create_home", False)
            self.users[name] = User(number, gid, home=f"/home/{name}", home_missing=missing)
        one = self.users[name]
        fields = {key: item[key] for key in ("uid", "comment", "home", "shell", "locked") if key in item}
        if "group" in item:
            fields["gid"] = self.groups[item["group"]].gid
        if item.get("create_home"):
            fields["home_missing"] = False
        self.users[name] = replace(one, **fields)
        for group, known in list(self.groups.items()):
            if group in item.get("groups", ()):
                self.groups[group] = replace(known, members=known.members | {name})
            elif item.get("exact"):
                self.groups[group] = replace(known, members=known.members - {name})

    def _free(self, number: str) -> int:
        found = FIRST
        while self._has(number, found):
            found += 1
        return found

    def _has(self, number: str, value: int) -> bool:
        known = self.users if number == "uid" else self.groups
        return any(getattr(one, number) == value for one in known.values())


def _with_groups(users: dict[str, User], groups: dict[str, Group]) -> dict[str, Any]:
    """Users, each with the groups that list it."""
    return {
        name: (user, sorted(group for group, one in groups.items() if name in one.members))
        for name, user in users.items()
    }
