"""The pages of a simulation, which answer well or ill, at once or late, whoever asks."""

import asyncio
import random

from reconciler.errors import ErrorClass
from reconciler.model.calls import Call, Failure, Ok, Reply
from reconciler.model.names import TargetName


class Pages:
    """See the module.

    Args:
        seed: of what is left to chance.

    Attributes:
        trouble: whether they answer ill, and late.
        well: by machine and URL, when the question was put that was last answered well.
    """

    def __init__(self, seed: int) -> None:
        self.trouble = True
        self.well: dict[tuple[TargetName, str], float] = {}
        self._random = random.Random(f"{seed}/pages")

    async def ask(self, name: TargetName, call: Call) -> Reply:
        """What a page says.

        Args:
            name: for which machine it is asked.
            call: the question.
        """
        loop, url, random_ = asyncio.get_running_loop(), str(call.args["url"]), self._random
        begun, ill = loop.time(), self.trouble and random_.random() < 0.4
        await asyncio.sleep(random_.choice([0.01, 0.01, 3.0, 9.0]) if self.trouble else 0.01)
        if ill and random_.random() < 0.5:
            return Failure(ErrorClass.TRANSIENT, "no_connection", f"{url}: connection refused")
        if not ill:
            self.well[name, url] = begun
        answer = {"status": 503 if ill else 200, "reason": "", "headers": [], "body": "", "truncated": False}
        return Ok(answer | {"elapsed_ms": 5})
