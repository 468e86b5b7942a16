"""A loop of its own for who leaves connections behind.

aiohttp closes a connection whose answer is under way, as that of a watch, and waits for none of them: TLS takes its
leave, and waits for the other side to do so, too. A loop that ends before leaves a socket to the garbage collector.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Coroutine
from typing import Any


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run something in a loop of its own, and close at once what connections are left of it."""
    loop = _ConnectionsLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            runner.run(main)
        finally:
            # What is left under way breaks off by that, and says so; nobody waits for it any more.
            loop.set_exception_handler(lambda _loop, _context: None)
            runner.run(loop.drop())


class _ConnectionsLoop(asyncio.SelectorEventLoop):
    """A loop that knows which connections it has made."""

    def __init__(self) -> None:
        super().__init__()
        self._made: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """As for every loop."""
        transport, protocol = await super().create_connection(*args, **kwargs)
        self._made.add(transport)
        return transport, protocol

    async def drop(self) -> None:
        """Close what is left of them, and wait until that is done."""
        for transport in list(self._made):
            transport.abort()
        await asyncio.sleep(0)  # their sockets are closed in the next turn
