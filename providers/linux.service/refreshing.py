"""What is done to a Service when it is notified: once for each refresh, however often that is asked for."""

from __future__ import annotations

import hashlib

from freshness import verb
from orders import PASSING, RUNS, described, order
from scopes import NOBODY_THERE, unit_in

from froyo_provider import CallError, Operation, PermanentError, Result, TransientError, call


async def refreshed(operation: Operation) -> Result:
    """Reload or restart it, if it runs, or would if it had not failed.

    Raises:
        Fault: it cannot be done, or not now.
    """
    spec = operation.payload["spec"]
    try:
        unit = await call("unit.query", unit=unit_in(spec, spec["unit"]))
    except CallError as error:
        if spec.get("scope") != "user" or error.code not in NOBODY_THERE:
            raise
        return Result(changed=False, output=f"{error}: there is nothing to refresh")
    failed = unit["active"] == "failed" or unit["sub"] == "auto-restart"
    if unit["active"] in PASSING and not failed and unit["type"] != "oneshot":
        # Perhaps as it is restarted for this refresh already, on behalf of somebody who was cut off.
        raise TransientError(f"{spec['unit']} is {described(unit)}")
    if unit["active"] not in RUNS and not (failed and spec.get("state") == "running"):
        return Result(
            changed=False, output=f"{spec['unit']} is {unit['active']}: there is nothing to refresh"
        )
    # What a unit is to do is read when it is started, and not when it reads its own files again.
    files = any(cause.split("/", 2)[1] == "Unit" for cause in operation.payload["causes"])
    what = "restart" if failed else verb(spec, can_reload=unit["can_reload"] and not files)
    if what == "reload" and not unit["can_reload"]:
        raise PermanentError(
            f"{spec['unit']} cannot reload: it has no ExecReload; `onRefresh: restart` restarts it"
        )
    actions, output = [what], ""
    if unit["need_reload"]:
        actions.append("daemon-reload")
    if unit["result"] == "start-limit-hit":
        # What it failed for may have been mended by what it is notified of.
        actions.append("reset-failed")
        output = f"the start limit of {spec['unit']} had been hit, and was reset"
    once = {
        "id": operation.payload["id"],
        "alone": hashlib.sha256(operation.address.encode()).hexdigest()[:32],
    }
    done = await call("unit.control", **order(spec, actions, **once))
    return Result(done["changed"], output)
