"""What a test wants to know of a store once its daemon is gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from reconciler.runtime import Runtime, ThreadLanes
from reconciler.store.store import Store


async def _no_target(target: object) -> object:
    raise AssertionError(f"nothing here connects to {target}")


def damages(state: Path) -> list[str]:
    """What is wrong with the database itself, with its audit chain, and with its promises; empty if nothing is."""

    async def look() -> list[str]:
        lanes = ThreadLanes()
        try:
            store = await Store.open(state / "froyo.db", runtime=Runtime(connect=_no_target, offload=lanes))
            try:
                found = await store.damages()
                await store.verify_audit()
            finally:
                await store.close()
        finally:
            lanes.close()
        return list(found)

    return asyncio.run(look())
