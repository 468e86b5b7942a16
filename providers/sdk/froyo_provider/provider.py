"""What an author writes: one class per kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from froyo_provider.calls import gather
from froyo_provider.defects import each
from froyo_provider.faults import Fault, PermanentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from froyo_provider.model import Actual, Found, Operation, Rehearsal, Resource, Result


class Provider:
    """Keeps one kind of resource as declared.

    A plugin.py defines one subclass per kind of its manifest. The kind is the class's name, unless `kind`
    says another one; classes whose name begins with an underscore are not providers but what providers share.

    It is a pure coroutine: it has no file, no network, no clock and no memory from one phase to the next.
    What it wants to know or to do it asks of the target, with `call`, `batch` and `gather`. While reading it
    may only look; while planning it may not even do that.
    """

    kind: ClassVar[str] = ""
    rehearsal: ClassVar[Rehearsal | None] = None
    """What an instance goes through before it is needed. The first use of anything in it costs as much again as all
    that follows; a kind whose repairs ought to take next to no time has this done early."""

    async def read(self, wanted: list[Resource]) -> Sequence[Actual | Fault]:
        """How the world is.

        Args:
            wanted: what is declared for one target.

        Returns:
            One for each of `wanted`, in their order.
        """
        raise NotImplementedError

    async def find(self) -> Sequence[Found]:
        """What there is of this kind on the target that somebody may want to declare (`froyo import`).

        As `read`, it may only look. Left as it is, the kind is one of which nothing can be found.

        Returns:
            What a person has put there, in an order that stays; not what every such machine has anyway.
        """
        raise NotImplementedError

    def plan(self, wanted: list[Resource], actual: list[Actual]) -> Sequence[Operation | Fault]:
        """What would have to be done. No calls.

        Args:
            wanted: what is declared for one target.
            actual: one for each of `wanted`, as `read` found it.

        Returns:
            One for each of `wanted`, in their order.
        """
        raise NotImplementedError

    async def apply(self, operation: Operation) -> Result:
        """Do one operation that is more than the calls of its plan. Those of other resources run concurrently.

        Args:
            operation: `address`, `action` and `payload`, as planned.
        """
        raise NotImplementedError

    async def apply_all(self, operations: list[Operation]) -> Sequence[Result | Fault]:
        """Do all that is to be done at once for one target: each by itself, unless the kind can do many in one go.

        A kind whose manifest says `transaction: true` is written so that it does. What this raises has befallen all of
        them.

        Args:
            operations: as planned; no refreshes.

        Returns:
            One for each of `operations`, in their order; a Fault in the place of one that failed.
        """
        return await gather(*(each(self.apply, operation) for operation in operations))

    async def refresh(self, operation: Operation) -> Result:
        """Do once what is to be done because something else has changed, such as to reload.

        For kinds whose manifest says `refresh: true`. It may be asked for again with the same `id`, when nobody knows
        whether it was done.

        Args:
            operation: its action is `refresh`, and its payload `{"spec", "id", "causes"}`: the resource's spec, a name
                for this refresh, and the addresses of what has changed.
        """
        raise PermanentError(f"{operation.address} cannot be refreshed: its provider does not know how")

    def absence(self, resource: Resource) -> Resource:
        """What is declared in the place of something that is to go, so that there is nothing of it any more.

        It is what `read` and `plan` get then; where the resource `restores` a body, that is to be there instead.

        Args:
            resource: as it was last declared, with nothing to be ignored: that was said of what is there no more.
        """
        raise PermanentError(f"{resource.kind} cannot be removed: its provider does not know how")

    async def destroy(self, operation: Operation) -> Result:
        """Do one operation that takes away what is no longer declared; unless said otherwise, as `apply` does it.

        Args:
            operation: as planned for the resource's `absence`.
        """
        return await self.apply(operation)

    async def destroy_all(self, operations: list[Operation]) -> Sequence[Result | Fault]:
        """Take away all that is to go at once from one target; as `apply_all` does it.

        Args:
            operations: as planned for the resources' `absence`.

        Returns:
            One for each of `operations`, in their order; a Fault in the place of one that failed.
        """
        return await gather(*(each(self.destroy, operation) for operation in operations))
