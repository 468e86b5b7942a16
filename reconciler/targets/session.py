"""A session with one target: what the engine uses to look at it and to change it.

    session = await Session.open(target, runtime=runtime, on_event=noticed)
    replies = await session.command("file.stat", [{"path": "/etc/motd"}])
    await session.close()

Everything on it is multiplexed over one channel, so any number of calls may be under way. A session that is
lost fails every call with TransportError and stays lost; the owner opens another one.

Invariants: the replies to a command are as many as its items, in order, whatever went wrong on the target; a
call that is cancelled here is cancelled there. It must not know what the engine makes of a reply.

There is a method for each thing that is wanted of a target, and so it is longer than a module should be; what goes on
below is in `link`.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from reconciler.built import advice
from reconciler.errors import ErrorClass, FrameTooLarge, RemoteProtocolError, RunnerError, TransportError
from reconciler.model.blob import Blob
from reconciler.model.calls import Call, Failure, Reply
from reconciler.model.fence import Fence
from reconciler.model.names import Digest, TargetName
from reconciler.model.target import LocalTransport, Target
from reconciler.runtime import AskOutside, Runtime
from reconciler.targets import sealing
from reconciler.targets.bodies import Bodies, decode_piece
from reconciler.targets.gathering import Gathered, gathered
from reconciler.targets.link import Link, PendingCommand
from reconciler.targets.messages import CommandEvent, Done, Failed, Ready
from reconciler.targets.observation import Observation, observation
from reconciler.targets.settings import SessionSettings
from reconciler.targets.watch import UNWATCHED, WatchEvent, WatchStatus, watch_event, watch_status

if TYPE_CHECKING:
    from reconciler.core.vault import TargetSecrets

OnEvent = Callable[[WatchEvent], None]
FenceOf = Callable[[TargetName], Fence | None]
SecretsOf = Callable[[TargetName], "TargetSecrets | None"]


def no_secrets(_target: TargetName) -> None:
    """Of a world without any."""


def no_fence(_target: TargetName) -> None:
    """Of who holds no lease, and so changes nothing."""


_TOO_LARGE = "request_too_large"
"""What was not even sent."""
_NOT_KEPT = frozenset({"blob_missing", "no_space"})
"""Where a body may not be at the target although it was sent: there may have been no room for it."""

_OF_ANOTHER_VERSION = frozenset({"unknown_command", "bad_request"})
_BATCH = 5000
"""Items of one frame: their replies must fit into a frame too."""
_LOOK = 60.0
"""Seconds for a look at something, unless the caller says otherwise."""


class Session:
    """See the module. Made by `open`.

    Attributes:
        target: whom it is with.
        ready: what the runner said of itself.
        watching: how well is watched at the moment.
    """

    def __init__(
        self,
        target: Target,
        link: Link,
        ready: Ready,
        *,
        bodies: Bodies,
        on_event: OnEvent,
        secrets: SecretsOf,
    ) -> None:
        self.target = target
        self.ready = ready
        self.watching = UNWATCHED
        self._link = link
        self._bodies = bodies
        self._on_event = on_event
        self._secrets_of = secrets
        self._sealed = sealing.SealedLooks()
        self._batches: dict[str, list[dict[str, Any]]] = {}
        self._remembers_since = asyncio.get_running_loop().time()
        self._watch: PendingCommand | None = None

    @classmethod
    async def open(
        cls,
        target: Target,
        *,
        runtime: Runtime,
        on_event: OnEvent,
        settings: SessionSettings | None = None,
        secrets: SecretsOf = no_secrets,
        fence: FenceOf = no_fence,
    ) -> Session:
        """Start a runner on the target and wait until it is ready.

        Args:
            target: which one.
            runtime: gives the connection and the threads.
            on_event: called on the loop with what `watch` notices. It must not wait.
            settings: see there.
            secrets: gives the secrets that a target may have.
            fence: gives the lease under which the controller works on a target.

        Raises:
            TransportError: the target cannot be reached, or no runner starts there; says why and what to do.
        """
        settings = settings or SessionSettings()
        channel = await runtime.connect(target)
        link = Link(channel, where=target.name, settings=settings)
        ready = await link.start()
        if (lease := fence(target.name)) is not None:
            link.fence(lease)
        local = isinstance(target.transport, LocalTransport)
        bodies = Bodies(link, offload=runtime.offload, compress=not local)
        return cls(target, link, ready, bodies=bodies, on_event=on_event, secrets=secrets)

    @property
    def passed_over(self) -> str:
        """The places on the target that the runner could not be run from, and why, before one where it could."""
        return self._link.passed_over

    @property
    def estranged(self) -> bool:
        """Whether it ended since runner and controller do not understand each other."""
        return self._link.estranged

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._link.closed

    async def wait_closed(self) -> str:
        """Why it ended, once it has."""
        return await self._link.wait_closed()

    async def close(self) -> None:
        """End it, and the runner with it. May be called twice; never raises."""
        await self._link.close()

    async def reach(self, host: str, port: int) -> socket.socket:
        """A TCP connection to `host`:`port` as the target reaches it. The caller sees to the time.

        Raises:
            RunnerError: nobody answers there, or it is not allowed to ask.
            TransportError: the session is lost.
        """
        return await self._link.reach(host, port)

    async def ask_outside(self, call: Call, ask: AskOutside) -> Reply:
        """Have the controller make a call by itself for this target, with its secrets if it has any.

        Args:
            call: such as `http.get`.
            ask: makes it.
        """
        secrets = self._secrets
        if secrets is None:
            return await ask(call, self.reach)

        async def send(items: list[dict[str, Any]]) -> list[Reply]:
            return [await ask(Call(call.name, item), self.reach) for item in items]

        (reply,) = await sealing.command(secrets, [dict(call.args)], send)
        return reply

    # --- Commands -------------------------------------------------------------------------------------

    async def command(
        self,
        name: str,
        items: list[dict[str, Any]],
        *,
        options: dict[str, Any] | None = None,
        timeout: float = _LOOK,
        repeatable: bool = False,
    ) -> list[Reply]:
        """Have a command done.

        What does not fit into one frame is asked for in parts: how much that is, users of the target decide.

        Args:
            name: such as `file.stat`.
            items: one reply each, in order. What fails for one does not concern the others.
            options: that concern all of them.
            timeout: seconds, here as on the target. What is not done by then is answered with `deadline`.
            repeatable: whether it may be done once more where its reply does not fit into a frame.

        Raises:
            TransportError: the session is lost.
        """
        send = partial(self._command, name, options=options, timeout=timeout, repeatable=repeatable)
        secrets = self._secrets
        return await (send(items) if secrets is None else sealing.command(secrets, items, send))

    @property
    def _secrets(self) -> TargetSecrets | None:
        """What the target may have, as of now."""
        return self._secrets_of(self.target.name)

    def holds_secret(self, content: bytes) -> bool:
        """Whether what was read on the target has one of its secrets in it, and so must not be kept."""
        secrets = self._secrets
        return secrets is not None and secrets.holds(content.decode(errors="surrogateescape"))

    async def _command(
        self,
        name: str,
        items: list[dict[str, Any]],
        *,
        options: dict[str, Any] | None,
        timeout: float,
        repeatable: bool,
    ) -> list[Reply]:
        replies: list[Reply] = []
        waiting = [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
        while waiting:
            batch = waiting.pop(0)
            try:
                answer = await self._link.call(name, batch, options=options, timeout=timeout)
            except FrameTooLarge as error:
                answer = Failed(0, Failure(ErrorClass.PERMANENT, _TOO_LARGE, str(error)))
            if isinstance(answer, Failed) and len(batch) > 1 and _divides(answer, repeatable=repeatable):
                middle = len(batch) // 2
                waiting[:0] = batch[:middle], batch[middle:]
            elif isinstance(answer, Failed):
                replies += [replace(answer.failure, whole=True) for _ in batch]
            else:
                self._note_missing(batch, answer.results)
                replies += answer.results
        return replies

    def _note_missing(self, items: list[dict[str, Any]], replies: list[Reply]) -> None:
        for item, reply in zip(items, replies, strict=True):
            if isinstance(reply, Failure) and reply.code in _NOT_KEPT and "blob" in item:
                self._bodies.forget(item["blob"])

    @property
    def remembers_since(self) -> float:
        """Loop time since when the runner may know a content without reading it again."""
        return self._remembers_since

    async def forget_digests(self) -> None:
        """Have every content read when it is looked at next, be its times as they were.

        Raises:
            TransportError: the session is lost.
        """
        await self.command("digests.forget", [{}])
        self._remembers_since = asyncio.get_running_loop().time()

    async def observe(
        self,
        key: str,
        batch: list[dict[str, Any]] | None,
        digest: str | None,
        *,
        timeout: float = _LOOK,
    ) -> Observation:
        """Have a batch of looks done, and hear of it only what is new.

        The runner remembers a batch under its key, so that it is sent once a session.

        Args:
            key: the caller's name for the batch.
            batch: `[{"command": …, "items": […]}…]`, or None for the one that was given for this key before.
            digest: of the replies that the caller has; they are not sent again if they are the same.
            timeout: seconds.

        Raises:
            RunnerError: the runner refuses the batch, or no batch is known for this key.
            RemoteProtocolError: it answers with something else than was asked for; the session is being ended.
            TransportError: the session is lost.
        """
        secrets = self._secrets
        if secrets is None:
            return await self._observe(key, timeout, batch, digest)
        return await self._sealed.observe(secrets, key, batch, digest, partial(self._observe, key, timeout))

    async def _observe(
        self, key: str, timeout: float, batch: list[dict[str, Any]] | None, digest: str | None
    ) -> Observation:
        known = self._batches.get(key)
        if batch is None:
            batch = known
        sends = batch is not None and batch != known
        reply = await self._observe_once(key, batch if sends else None, digest, timeout)
        unknown = isinstance(reply, Failure) and reply.code == "unknown_key"
        if unknown and batch is not None and not sends:
            reply = await self._observe_once(key, batch, digest, timeout)
        if isinstance(reply, Failure):
            self._batches.pop(key, None)
            self._refuse("observe", reply)
        try:
            seen = observation(reply.value, batch=batch, digest=digest)
        except RemoteProtocolError as error:
            self._give_up("observe", error)
        if batch is not None:
            self._batches[key] = batch
        return seen

    async def _observe_once(
        self, key: str, batch: list[dict[str, Any]] | None, digest: str | None, timeout: float
    ) -> Reply:
        options: dict[str, Any] = {"key": key}
        if batch is not None:
            options["batch"] = batch
        if digest is not None:
            options["digest"] = digest
        (reply,) = await self._command("observe", [{}], options=options, timeout=timeout, repeatable=False)
        return reply

    async def facts(self, only: Collection[str] = ()) -> Gathered:
        """What the target is, as of now.

        Args:
            only: the sections that are wanted; none for all.

        Raises:
            RunnerError: the target does not say.
            TransportError: the session is lost.
        """
        item = {"only": sorted(only)} if only else {}
        (reply,) = await self.command("facts", [item], timeout=_LOOK)
        if isinstance(reply, Failure):
            self._refuse("facts", reply)
        try:
            return gathered(reply.value)
        except RemoteProtocolError as error:
            self._give_up("facts", error)

    # --- Bodies ---------------------------------------------------------------------------------------

    async def send_blob(self, blob: Blob) -> None:
        """Have a body on the target, for a command that names it. Sent once a session.

        Raises:
            SnapshotGone: its content cannot be had any more.
            TransportError: the session is lost.
        """
        secrets = self._secrets
        await self._bodies.send(blob if secrets is None else secrets.body(blob))

    async def read_file(
        self, path: str, *, size: int | None = None, timeout: float = _LOOK
    ) -> tuple[bytes, Digest]:
        """A file's content and its digest, all of it in memory.

        Args:
            path: of the file.
            size: bytes that are wanted at most: a file may have grown, and a runner may say what it likes.
            timeout: seconds.

        Raises:
            RunnerError: it cannot be read.
            RemoteProtocolError: the answer does not say what was sent; the session is being ended.
            TransportError: the session is lost.
        """
        pieces: list[bytes] = []
        item: dict[str, Any] = {"path": path}
        if not isinstance(self.target.transport, LocalTransport):
            item["encoding"] = "gzip"
        if size is not None:
            item["length"] = size
        taken = 0

        def take(chunk: CommandEvent) -> None:
            nonlocal taken
            piece = decode_piece(chunk.data)
            taken += len(piece)
            if size is not None and taken > size:
                raise RemoteProtocolError("it sends more of a file than it was asked for", kind="bad_field")
            pieces.append(piece)

        answer = await self._link.call("file.read", [item], timeout=timeout, on_event=take)
        reply = answer.failure if isinstance(answer, Failed) else answer.results[0]
        if isinstance(reply, Failure):
            self._refuse(f"file.read {path}", reply)
        body = b"".join(pieces)
        digest = Digest(f"sha256:{hashlib.sha256(body).hexdigest()}")
        if "digest" not in reply.value:
            self._give_up("file.read", RemoteProtocolError("it has no proper 'digest'", kind="bad_field"))
        if digest != reply.value["digest"]:
            raise TransportError(
                f"{self.target.name}: {path} did not arrive as it was sent; it is read again"
            )
        return body, digest

    # --- Watching -------------------------------------------------------------------------------------

    async def watch(self, subjects: Collection[str]) -> WatchStatus:
        """Have these subjects watched from now on, instead of those before.

        When it returns, every change from then on is given to `on_event`. A path with a trailing slash stands
        for the entries of the directory too. What the target cannot watch is in the status.

        Raises:
            RunnerError: the target does not watch at all.
            TransportError: the session is lost.
        """
        armed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def noticed(said: CommandEvent) -> None:
            if said.event == "changed":
                secrets = self._secrets
                data = said.data if secrets is None else secrets.sealed({}, said.data)
                self._on_event(watch_event(data))
            elif said.event == "progress":
                self.watching = watch_status(said.data)
                if not armed.done():
                    armed.set_result(None)

        watch = await self._link.begin("watch", [], options={"subjects": sorted(subjects)}, on_event=noticed)
        self._watch = watch
        try:
            waiting: list[asyncio.Future[Any]] = [armed, watch.answer]
            await asyncio.wait(waiting, timeout=_LOOK, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            watch.cancel()
            raise
        if watch.answer.done():
            answer = watch.answer.result()
            if isinstance(answer, Failed):
                self._refuse("watch", answer.failure)
        elif armed.done():
            watch.answer.add_done_callback(lambda answer: self._watch_ended(watch, answer))
        else:
            watch.cancel()
            raise TransportError(f"{self.target.name}: watch was not answered within {_LOOK:g} s")
        return self.watching

    def _watch_ended(self, watch: PendingCommand, answer: asyncio.Future[Done | Failed]) -> None:
        """A watch that ends without being replaced leaves a gap that only a look at everything can fill."""
        if answer.cancelled() or answer.exception() is not None or watch is not self._watch or self.closed:
            return
        ended = answer.result()
        why = ended.failure.message if isinstance(ended, Failed) else "the target stopped watching"
        self.watching = WatchStatus(watching=0, mode="none", degraded=why)
        self._on_event(WatchEvent(changes=(), overflow=True))

    def _give_up(self, command: str, error: RemoteProtocolError) -> NoReturn:
        """End the session: a runner that answers something else than it was asked is of no use any more."""
        message = f"its answer to `{command}` is none: {error}{advice(about='runner')}"
        self._link.give_up(message)
        raise RemoteProtocolError(f"{self.target.name}: {message}", kind=error.kind) from error

    def _refuse(self, what: str, failure: Failure) -> NoReturn:
        later = failure.retry_after_ms
        why = failure.message + (advice(about="runner") if failure.code in _OF_ANOTHER_VERSION else "")
        raise RunnerError(
            f"{self.target.name}: {what}: {why}",
            error_class=failure.error_class,
            code=failure.code,
            retry_after=None if later is None else later / 1000,
        )


def _divides(answer: Failed, *, repeatable: bool) -> bool:
    """Whether what failed would not have with fewer items."""
    code = answer.failure.code
    return code == _TOO_LARGE or (repeatable and code == "reply_too_large")
