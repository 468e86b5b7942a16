"""The SDK's target in memory, as a host of providers asks it."""

from __future__ import annotations

from froyo_provider.testing import memory
from froyo_provider.testing.memory import Json, Node, body, canonical_digest, digest_of
from reconciler.model.calls import Call, Reply
from reconciler.targets.parsing import reply as reply_of

__all__ = ["Json", "MemoryHost", "Node", "body", "canonical_digest", "digest_of"]


class MemoryHost(memory.MemoryHost):
    """For a `Harness`, and for a host of providers: those take calls by the list."""

    async def __call__(self, calls: list[Call]) -> list[Reply]:
        return [reply_of(self.reply({"call": call.name, "args": call.args})) for call in calls]
