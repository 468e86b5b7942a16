"""Lets the objects of a namespace go whatever was to be removed for them: the way out, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.app.watching import definitions
from reconciler.errors import UsageError
from watchers.kubernetes.finalizers import Finalizers
from watchers.kubernetes.listing import Unlisted, Unserved, changed, listed

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.model.cluster import ClusterPlace


async def release(place: ClusterPlace, places: Places) -> int:
    """Take the finalizer off all objects of a namespace; of how many.

    Args:
        place: the namespace.
        places: where the installed packages are.

    Raises:
        UsageError: it could not be taken off some.
    """
    known = Finalizers()
    try:
        known.note(await listed(place.namespace, definitions(places)))
    except Unserved as error:
        known.note(error.found)  # of those that there are not there is nothing to release
    except Unlisted as error:
        raise UsageError(f"nothing was released: {error}") from error
    due = known.due(())
    failed = await changed(known, due)
    if failed:
        path, why = next(iter(failed.items()))
        raise UsageError(f"{len(failed)} of {len(due)} objects were not released, such as {path}: {why}")
    return len(due)
