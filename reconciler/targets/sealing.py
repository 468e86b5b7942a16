"""Secrets on their way: what a session says to a target that has some, and what it hears from it.

Invariant: above this nobody has seen the value of a secret, nor a digest by which one could be guessed: what goes out
gets the values in the place of their marks here, and what comes in the other way round (`core/vault.py`). A session
with a target that has no secrets does not come here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from reconciler.errors import ErrorClass, RunnerError
from reconciler.model.calls import Failure, Ok, Reply
from reconciler.model.names import Digest
from reconciler.model.secrets import SecretError
from reconciler.targets.frames import canonical
from reconciler.targets.observation import Observation

if TYPE_CHECKING:
    from reconciler.core.vault import TargetSecrets

Items = list[dict[str, Any]]
Batch = list[dict[str, Any]]
Send = Callable[[Items], Awaitable[list[Reply]]]
Observe = Callable[[Batch | None, str | None], Awaitable[Observation]]


async def command(secrets: TargetSecrets, items: Items, send: Send) -> list[Reply]:
    """Have a command done with secrets in it. An item that may not have them is answered without being sent.

    Args:
        secrets: of the target.
        items: of the command.
        send: has it done.
    """
    sent: Items = []
    replies: list[Reply | None] = []
    for item in items:
        try:
            sent.append(secrets.revealed(item))
            replies.append(None)
        except SecretError as error:
            replies.append(Failure(ErrorClass.PERMANENT, "no_secret", _said(error)))
    answers = iter(await send(sent) if sent else ())
    return [
        sealed(secrets, item, next(answers)) if reply is None else reply
        for item, reply in zip(items, replies, strict=True)
    ]


def sealed(secrets: TargetSecrets, item: dict[str, Any], reply: Reply) -> Reply:
    """A reply without secrets in it."""
    if isinstance(reply, Ok):
        return Ok(secrets.sealed(item, reply.value))
    return replace(reply, message=secrets.sealed(item, reply.message))


class SealedLooks:
    """What a session with secrets has observed.

    The target digests its replies as they are. The one who asks knows them, and their digest, with marks in them.
    """

    def __init__(self) -> None:
        self._batches: dict[str, Batch] = {}
        self._digests: dict[str, tuple[str, str]] = {}

    async def observe(
        self, secrets: TargetSecrets, key: str, batch: Batch | None, digest: str | None, observe: Observe
    ) -> Observation:
        """Have a batch of looks done; see `Session.observe`.

        Args:
            secrets: of the target.
            key: names the batch.
            batch: what to ask, or None for what was asked before.
            digest: of the replies that the caller has.
            observe: asks the target.
        """
        asked = self._batches.get(key, ()) if batch is None else batch
        mine, theirs = self._digests.get(key, (None, None))
        try:
            revealed = None if batch is None else [_revealed(secrets, group) for group in batch]
        except SecretError as error:
            raise RunnerError(_said(error), error_class=ErrorClass.PERMANENT, code="no_secret") from None
        seen = await observe(revealed, theirs if mine == digest else None)
        if batch is not None:
            self._batches[key] = batch
        if seen.replies is None:
            return replace(seen, digest=Digest(str(digest)))
        replies = [
            [sealed(secrets, *one) for one in zip(group["items"], answers, strict=True)]
            for group, answers in zip(asked, seen.replies, strict=True)
        ]
        found = _digest(replies)
        self._digests[key] = found, seen.digest
        same = found == digest
        return Observation(found, unchanged=same, replies=None if same else replies)


def _revealed(secrets: TargetSecrets, group: dict[str, Any]) -> dict[str, Any]:
    return {**group, "items": [secrets.revealed(item) for item in group["items"]]}


def _digest(replies: Sequence[Sequence[Reply]]) -> Digest:
    """Of replies, as a target computes it."""
    groups = b",".join(b"[%s]" % b",".join(canonical(one.wire()) for one in group) for group in replies)
    return Digest("sha256:" + hashlib.sha256(b"[%s]" % groups).hexdigest())


def _said(error: SecretError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
