"""The calls that the controller makes by itself, as the engine's Runtime is given them.

    outside = Outside(now=time.time)
    reply = await outside(Call("http.get", {"url": "http://127.0.0.1/"}), session.reach)

Invariant: whatever comes of it is a reply. Who may make which is decided before (`plugins/capabilities.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.errors import RunnerError
from reconciler.model.calls import Call, Failure, Ok, Reply
from reconciler.outside.dialing import Dial, dial
from reconciler.outside.unanswered import Unanswered
from reconciler.runtime import Reach

FORWARDED = ".forwarded"
"""The end of the name of a call that is made from where the target is."""


class Outside:
    """See the module.

    Args:
        now: seconds since the epoch.
        directly: connects from this machine.
    """

    def __init__(self, *, now: Callable[[], float], directly: Dial = dial) -> None:
        self._now = now
        self._directly = directly

    async def __call__(self, call: Call, reach: Reach) -> Reply:
        """The reply to a call.

        Args:
            call: one that the controller makes.
            reach: opens a TCP connection from where the target is.

        Raises:
            TransportError: the session to the target was lost meanwhile.
        """
        try:
            return Ok(await self._answer(call, reach))
        except Unanswered as error:
            return error.failure
        except RunnerError as error:
            return Failure(error.error_class, error.code, str(error))

    async def _answer(self, call: Call, reach: Reach) -> dict[str, Any]:
        name = call.name.removesuffix(FORWARDED)
        open_ = self._directly if name == call.name else reach
        if name == "tcp.connect":
            from reconciler.outside import tcp

            return await tcp.connect(call.args, open_, now=self._now)
        # aiohttp is expensive to import, and most have no probes.
        from reconciler.outside import http

        return await http.get(call.args, open_, now=self._now)
