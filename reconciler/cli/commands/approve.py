"""`froyo approve`."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

import typer

from reconciler.cli.asking import Asking
from reconciler.cli.options import NoColor, Output, Quiet, State, Verbose
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.steering import person
from reconciler.cli.terminal import terminal
from reconciler.core.reasons import ASKS
from reconciler.core.visible import one_line
from reconciler.errors import UsageError
from reconciler.model.conditions import Reason
from reconciler.model.envelope import envelope
from reconciler.model.names import Address

EXAMPLES = (
    ("froyo approve web-1/File/motd --reason 'replaced by the package'", "what is held about one resource"),
    ("froyo approve --all --reason 'web-3 is retired'", "everything that waits"),
    ("froyo approve web-1/File/old --reason unused", "also: remove an orphan (froyo get orphans)"),
)


def command(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="OBJECT...", help="What waits, or is an orphan.")
    ] = None,
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept for an audit.")],
    everything: Annotated[bool, typer.Option("--all", help="Everything that waits; never orphans.")] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Have done what waits for a person: removals, what is held at first contact, and what policies want approved.

    An approval holds for exactly what get and plan show: when the declaration or what is on the target changes, it has
    to be given again. Where no daemon runs, the next apply does it.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    if bool(what) == everything:
        raise UsageError("name what to approve, or say --all; see: froyo get")
    if not reason.strip():
        raise UsageError("an approval needs a reason that others understand")
    asking = Asking.of(state)
    found = _waiting(asking, what or [])
    asking.must_not_be_silent()
    by, done, already = person(os.environ), [], []
    if not found:
        pass
    elif asking.daemon is not None:
        request = {"addresses": found, "by": by, "reason": reason}
        accepted = asking.daemon.post("/v1/approve", request)
        done, already = accepted["addresses"], accepted["already"]
    else:
        from reconciler.cli.writing import approve

        addresses = [Address(one) for one in found]
        done, already = asyncio.run(approve(asking.where, addresses, by=by, reason=reason))
    if output.is_document:
        done_now = {"addresses": done, "already": already}
        emit(screen, envelope("Approved", **done_now), output)
        return 0
    then = "" if asking.daemon is not None else "; no daemon runs, so the next froyo apply does it"
    if not done and not already:
        screen.say("nothing waits for anybody")
    if done:
        screen.say(f"approved {_named(done)}{then}")
    if already:
        screen.say(f"approved before, and still to be done: {_named(already)}{'' if done else then}")
    if unseen := [address for address in found if address not in done and address not in already]:
        screen.note(f"not approved, since not looked at yet: {', '.join(map(one_line, unseen))}")
    return 0


def _named(addresses: list[str]) -> str:
    return one_line(addresses[0]) if len(addresses) == 1 else count(len(addresses), "resource")


def _waiting(asking: Asking, what: list[str]) -> list[str]:
    """What waits, or of what is named, what waits or is an orphan.

    Raises:
        UsageError: something that is named does neither.
    """
    reasons = {str(reason) for reason in ASKS}
    if not what:
        every = asking.get("/v1/resources", {})["items"]
        return [view["address"] for view in every if view["reason"] in reasons]
    found: dict[str, None] = {}
    orphans = [view["address"] for view in asking.get("/v1/orphans")["items"]]
    for name in what:
        every = asking.get("/v1/resources", {"what": name})["items"] if name not in orphans else []
        mine = [view["address"] for view in every if view["reason"] in reasons]
        mine += [address for address in orphans if address == name]
        if not mine and (denied := [view for view in every if view["reason"] == Reason.POLICY_DENIED]):
            why = f"{denied[0]['address']}: {one_line(denied[0]['message'])}"
            raise UsageError(f"{why}; that is for nobody to approve: change the policy, or what is declared")
        if not mine:
            raise UsageError(f"{name}: nothing there waits for anybody; see: froyo get, froyo get orphans")
        found.update(dict.fromkeys(mine))
    return list(found)
