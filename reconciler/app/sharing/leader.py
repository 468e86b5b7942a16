"""Who decides what is in force, where several controllers share a store: what a person is told who asks another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.engine.share import Share
    from reconciler.store.store import Store


async def must_lead(share: Share, store: Store, words: str) -> None:
    """See that this controller decides what is in force.

    Args:
        share: what it has of the work.
        store: knows the others.
        words: the command that only the one that leads can carry out.

    Raises:
        UsageError: another one does; says where it runs.
    """
    if share.leads:
        return
    leader = next((one for one in await store.load_controllers() if one.leads), None)
    where = (
        f"the one on {leader.holder.host} (pid {leader.holder.pid})"
        if leader
        else "one of the others, as soon as it is known"
    )
    raise UsageError(
        f"not this controller decides what is in force, but {where}: say it there: froyo {words}"
    )
