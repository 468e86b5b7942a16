"""The kind Package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from managers import MANAGERS
from simulation import Share, forecast, in_words
from transaction import carried_out
from wishes import change_of, wishes_of

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
    batch,
    call_unless,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wishes import Json

    from froyo_provider.model import ActionName


class Package(Provider):
    """Packages of the target's package manager, by their names."""

    async def find(self) -> list[Found]:
        """What somebody has installed. Not in which version: whoever upgrades a host does not want it put back."""
        listed = await call_unless({"not_supported"}, "pkg.list")
        if listed is None:  # there is no package manager
            return []
        return [
            Found(one["name"], {"package": one["name"], **({"hold": True} if one["hold"] else {})})
            for one in listed["packages"]
        ]

    async def read(self, wanted: list[Resource]) -> list[Actual | Fault]:
        """What is installed; and of what differs, what would come of putting it right."""
        asked = [(one, wish) for one in wanted for wish in wishes_of(one)]
        answers = await batch("pkg.query", [wish.question() for _, wish in asked])
        states: dict[str, Json] = {one.address: {"packages": {}} for one in wanted}
        failed: dict[str, Fault] = {}
        for (one, wish), answer in zip(asked, answers, strict=True):
            if isinstance(answer, CallError):
                failed.setdefault(one.address, without_manager(answer))
            else:
                states[one.address]["manager"] = answer.pop("manager")
                states[one.address]["packages"][wish.name] = answer
        shares = []
        for one in wanted:
            if one.address in failed:
                continue
            share, state = share_of(one, states[one.address]), states[one.address]
            if wrong := share.stopped(state["packages"]):
                state["obstacles"] = wrong
            elif share.known:
                shares.append(share)
        try:
            outlook = await forecast(shares)
        except CallError as error:
            failed |= {share.address: error for share in shares if share.moves}
        else:
            for address, wrong in outlook.wrong.items():
                states[address]["obstacles"] = wrong
            for address, changes in outlook.brings.items():
                states[address]["brings"] = [in_words(change) for change in changes]
        return [failed.get(one.address) or seen(one, states[one.address]) for one in wanted]

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> list[Operation]:
        """What is to be done about each."""
        return [planned(one, now) for one, now in zip(wanted, actual, strict=True)]

    def absence(self, resource: Resource) -> Resource:
        """The packages are removed; their configuration stays, as with `apt-get remove`."""
        fields = {"package", "packages", "removes", "hold"}  # what is on hold by us may go
        kept = {key: value for key, value in resource.spec.items() if key in fields}
        resource.spec = kept | {"state": "absent"}
        return resource

    async def apply_all(self, operations: list[Operation]) -> Sequence[Result | Fault]:
        """One transaction of the package manager."""
        return await carried_out(operations)

    async def destroy_all(self, operations: list[Operation]) -> Sequence[Result | Fault]:
        """One transaction of the package manager."""
        return await carried_out(operations)


def without_manager(error: CallError) -> Fault:
    """What to do where there is no package manager; of a call that is not supported one is told about file systems."""
    if error.code != "not_supported":
        return error
    return PermanentError(f"{error.message}; linux.pkg knows {', '.join(MANAGERS)}")


def share_of(one: Resource, state: Json) -> Share:
    """What is to be done for one instance."""
    changes = {}
    for wish in wishes_of(one):
        change, _ = change_of(wish, state["packages"][wish.name])
        if change:
            changes[wish.name] = (wish, change)
    manager = MANAGERS[state["manager"]]
    return Share(one.address, manager, changes, one.spec.get("recommends"), one.spec.get("removes", ()))


def seen(one: Resource, state: Json) -> Actual:
    """What is known of one."""
    found, manager = state["packages"].values(), MANAGERS[state["manager"]]
    kept = sorted({path for package in found for path in package.pop("kept", ())})
    remark = ""
    if kept:
        beside = ", ".join(f"{path} ({path}{manager.beside})" for path in kept)
        remark = f"configuration kept as it was, beside what the package brought: {beside}"
    watch = [*manager.status]
    for told in state.get("obstacles", ()):
        watch += told["subjects"]
    if one.spec.get("state") == "latest":
        watch += manager.sources
    return Actual(
        any(package["exists"] for package in found), state, tuple(dict.fromkeys(watch)), remark[:2000]
    )


def planned(one: Resource, now: Actual) -> Operation:
    """What is to be done about one."""
    diffs: list[FieldDiff] = []
    done: list[Json] = []
    for wish in wishes_of(one):
        found = now.state["packages"][wish.name]
        change, differs = change_of(wish, found)
        diffs += differs
        if change:
            done.append(wish.to_json() | {"seen": found.get("version", ""), "choice": change.target})
    obstacles = [{"call": "exec.run", **told} for told in now.state.get("obstacles", ())]
    if not done:
        return Operation("none", diffs)
    if brings := now.state.get("brings"):
        diffs.append(FieldDiff("brings", None, brings))
    blobs = [wish["body"]["digest"] for wish in done if wish["body"] is not None]
    payload = {"wishes": done} | {key: one.spec[key] for key in ("recommends", "removes") if key in one.spec}
    gone = one.spec.get("state") in {"absent", "purged"}
    action: ActionName = "delete" if gone else "update" if now.exists else "create"
    return Operation(action, diffs, payload, blobs=blobs, slow=True, obstacles=obstacles)
