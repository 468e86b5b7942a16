"""What `observe` is answered with, held to its shape: what a target says is foreign input.

Invariant: an observation has a reply for each item of the batch that was asked, or is unchanged from the digest that
was given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import RemoteProtocolError
from reconciler.model.calls import Reply
from reconciler.model.names import Digest
from reconciler.targets.parsing import reply


@dataclass(frozen=True, slots=True)
class Observation:
    """What a batch of looks has shown.

    Attributes:
        digest: over the replies; equal digests mean equal replies.
        unchanged: the digest is the one that was given, and the replies were not sent.
        replies: of each command of the batch, or None.
    """

    digest: Digest
    unchanged: bool
    replies: list[list[Reply]] | None


def observation(
    said: Mapping[str, Any], *, batch: Sequence[Mapping[str, Any]] | None, digest: str | None
) -> Observation:
    """The value of a result.

    Args:
        said: the result.
        batch: what was asked, as far as it is known.
        digest: that was given.

    Raises:
        RemoteProtocolError: it is malformed, or no answer to that.
    """
    found = said.get("digest")
    if type(found) is not str:
        raise RemoteProtocolError("it has no proper 'digest'", kind="bad_field")
    if said.get("unchanged"):
        if found != digest:
            raise RemoteProtocolError("'unchanged', but not the digest that was given", kind="bad_field")
        return Observation(Digest(found), unchanged=True, replies=None)
    groups = said.get("replies")
    if type(groups) is not list or not all(type(group) is list for group in groups):
        raise RemoteProtocolError("it has no proper 'replies'", kind="bad_field")
    if batch is not None and [len(group) for group in groups] != [len(asked["items"]) for asked in batch]:
        raise RemoteProtocolError("it has not one reply for each item", kind="bad_field")
    return Observation(
        Digest(found), unchanged=False, replies=[[reply(one) for one in group] for group in groups]
    )
