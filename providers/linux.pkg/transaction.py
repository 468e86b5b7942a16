"""What is to be done at once, as one transaction of the package manager.

What came of it is looked at afterwards: no exit status says which of ten packages are installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manager import INSTALL, PURGE, REMOVE
from managers import MANAGERS
from programs import Programs, end_of, held_by
from simulation import Share, forecast, steps
from wishes import SPOOL, Wish, change_of

from froyo_provider import (
    CallError,
    ConflictError,
    Fault,
    Operation,
    PermanentError,
    Result,
    ThrottledError,
    batch,
    call,
)

if TYPE_CHECKING:
    from manager import Manager, Verb
    from wishes import Json

WAIT_MS = 2000
"""How long to wait for whoever holds the lock, before looking again."""


async def carried_out(operations: list[Operation]) -> list[Result | Fault]:
    """Do all of them at once; a fault in the place of each that is not as it should be afterwards."""
    found = await call("pkg.manager")
    if holder := found.get("holder"):
        raise ThrottledError(held_by(holder), retry_after_ms=WAIT_MS)
    manager = MANAGERS[found["manager"]]
    run = Programs(manager)
    before = now = await looked_at(operations)
    if found["interrupted"] and manager.repair:
        await run(*manager.repair)
        now = await looked_at(operations)
    fresh = not found["stale"] or not any(
        change_of(wish, now[wish.name])[0].verb == INSTALL for one in operations for wish in wishes_in(one)
    )
    if not fresh:
        await run(*manager.refresh)
        now = await looked_at(operations)
    results: dict[str, Result | Fault] = {}
    if fresh and not found["interrupted"]:
        results |= moved(operations, now)
    shares = shares_of(manager, [one for one in operations if one.address not in results], now)
    # A name that is not known may be taken for a pattern.
    for share in shares:
        if wrong := share.stopped(now, fetched=True):
            results[share.address] = PermanentError(wrong[0]["message"])
    bringing = shares = [share for share in shares if share.address not in results]
    results |= await brought(bringing)
    shares = [share for share in shares if share.address not in results]
    outlook = await forecast(shares)
    for address, wrong in outlook.wrong.items():
        results[address] = PermanentError(wrong[0]["message"])
    shares = [share for share in shares if share.address not in results]
    removing = any(share.named(REMOVE, PURGE) or share.removes for share in shares)
    lifted = held_of(shares, now) if manager.relock else []
    if lifted:
        await run(*manager.marks["unhold"](dict.fromkeys(lifted, "")))
    for step in steps(shares):
        await run(*manager.step(step, removing=removing))
    await mark(run, shares, operations, lifted)
    await taken_away(bringing)
    after = await looked_at(operations)
    return [results.get(one.address) or result_of(one, before, after, run) for one in operations]


def files_of(share: Share) -> list[Wish]:
    """What is installed from files."""
    return [
        wish for wish, change in share.changes.values() if change.verb == INSTALL and wish.body is not None
    ]


async def brought(shares: list[Share]) -> dict[str, Result | Fault]:
    """Bring the files that are installed from, and see that each is what it is said to be; a fault where it is not."""
    results: dict[str, Result | Fault] = {}
    for share in shares:
        for wish in files_of(share):
            body = wish.body or {}
            await call("dir.ensure", path=SPOOL, mode="0755", owner="root", group="root")
            await call("file.write", path=wish.file, blob=body["digest"], size=body["size"], mode="0644")
            told = await call("pkg.simulate", install=[wish.file])
            names = {(one["name"].partition(":")[0], one.get("to")) for one in told["changes"]}
            if not told.get("error") and (wish.name.partition(":")[0], wish.version) not in names:
                results[share.address] = PermanentError(
                    f"what is to be installed is not {wish.name} {wish.version}"
                )
    return results


async def taken_away(shares: list[Share]) -> None:
    """Nobody needs the files any more."""
    await batch("file.remove", [{"path": wish.file} for share in shares for wish in files_of(share)])


def wishes_in(operation: Operation) -> list[Wish]:
    """What was planned."""
    return [
        Wish(one["name"], one["state"], one["version"], one["hold"], one["ignored"], body=one["body"])
        for one in operation.payload["wishes"]
    ]


async def looked_at(operations: list[Operation]) -> dict[str, Json]:
    """What `pkg.query` says of every package, by its name."""
    wishes = [wish for one in operations for wish in wishes_in(one)]
    answers = await batch("pkg.query", [wish.question() for wish in wishes])
    found = {}
    for wish, answer in zip(wishes, answers, strict=True):
        if isinstance(answer, CallError):
            raise answer
        del answer["manager"]
        found[wish.name] = answer
    return found


def moved(operations: list[Operation], found: dict[str, Json]) -> dict[str, Result | Fault]:
    """What is not as it was when it was planned."""
    results: dict[str, Result | Fault] = {}
    for one in operations:
        for wish, planned in zip(wishes_in(one), one.payload["wishes"], strict=True):
            change, _ = change_of(wish, found[wish.name])
            now = found[wish.name].get("version", "")
            if now != planned["seen"] or (change.verb == INSTALL and change.target != planned["choice"]):
                results[one.address] = ConflictError(f"{wish.name} has moved since it was looked at")
    return results


def shares_of(manager: Manager, operations: list[Operation], found: dict[str, Json]) -> list[Share]:
    """What is to be done, by instance."""
    shares = []
    for one in operations:
        changes = {}
        for wish in wishes_in(one):
            change, _ = change_of(wish, found[wish.name])
            if change:
                changes[wish.name] = (wish, change)
        shares.append(
            Share(
                one.address, manager, changes, one.payload.get("recommends"), one.payload.get("removes", ())
            )
        )
    return shares


def held_of(shares: list[Share], now: dict[str, Json]) -> list[str]:
    """What is on hold and to be changed all the same, as somebody says who wants it on hold, or not."""
    return [
        name
        for share in shares
        for name, (_, change) in share.changes.items()
        if change.verb and now[name]["hold"]
    ]


async def mark(run: Programs, shares: list[Share], operations: list[Operation], lifted: list[str]) -> None:
    """What follows from what was done: what is on hold, and what counts as installed for the sake of others.

    Args:
        run: the programs.
        shares: what was done.
        operations: all that was to be.
        lifted: what was on hold, and was taken off for the time.
    """
    changes = [(name, wish, change) for share in shares for name, (wish, change) in share.changes.items()]
    wanted: list[tuple[Verb, list[str]]] = [
        ("mend", [name for name, wish, change in changes if change.verb == INSTALL and change.mends]),
        ("tidy", [name for name, _, change in changes if change.verb in {REMOVE, PURGE}]),
        ("free", [name for name, wish, change in changes if change.verb == INSTALL and not wish.hold]),
        ("manual", [name for name, _, change in changes if change.manual and not change.verb]),
        ("unhold", [name for name, _, change in changes if change.hold is False and name not in lifted]),
        (
            "hold",
            [name for name, wish, change in changes if change.hold or (wish.hold and name in lifted)],
        ),
    ]
    wanted = [(verb, names) for verb, names in wanted if names and verb in run.manager.marks]
    if not wanted:
        return
    now = await looked_at(operations)
    for verb, names in wanted:
        await run(*run.manager.marks[verb]({name: now[name].get("version", "") for name in names}))


def result_of(
    operation: Operation, before: dict[str, Json], after: dict[str, Json], run: Programs
) -> Result | Fault:
    """What came of one, from a look at it."""
    wishes = wishes_in(operation)
    left = [wish for wish in wishes if change_of(wish, after[wish.name])[0].verb]
    if left and run.failed:
        what = ", ".join(f"{wish.name} is {after[wish.name]['state']}" for wish in left)
        return PermanentError(
            f"{run.failed}, and {what}:\n{end_of(run.complaint_about([wish.name for wish in left]))}"
        )
    changed = any(before[wish.name] != after[wish.name] for wish in wishes)
    return Result(changed, end_of(run.about([wish.name for wish in wishes])))
