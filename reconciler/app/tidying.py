"""What was fetched for sources that are no more: it goes when they are forgotten, and after a week in any case."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from reconciler.errors import FroyoError
from reconciler.telemetry.log import get_logger
from watchers.git.leftovers import discard, own_directory, sweep

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.model.names import SourceName
    from reconciler.runtime import Runtime
    from reconciler.store.store import Store

LANE = "git"
log = get_logger("froyo")


async def forget_repository(places: Places, runtime: Runtime, source: str) -> None:
    """A source is forgotten, and what was fetched for it of no use; nothing happens where it was none in git."""
    await runtime.offload(LANE, partial(discard, own_directory(places.repositories, source)))


async def tidy(places: Places, runtime: Runtime, store: Store, served: Collection[SourceName]) -> None:
    """Remove what was fetched for sources that are not on record, and not served, and was not used for a week."""
    try:
        known = {one.source for one in await store.revisions()} | (await store.load_source_states()).keys()
        gone = await runtime.offload(
            LANE, partial(sweep, places.repositories, known | {*served}, now=runtime.now())
        )
    except (FroyoError, OSError) as error:
        log.warning("what was fetched for former sources is left", why=str(error))
        return
    if gone:
        log.info("what was fetched for former sources is gone", repositories=len(gone))
