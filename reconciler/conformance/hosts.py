"""A real host as the world of a package: a directory of it, or all of it, where scripts of the cases see to the rest.

Invariant: what a case has made there is gone when the next one begins, as far as the scripts know of it; a snapshot is
what they show.
"""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import shlex
import tarfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from froyo_provider.testing.memory import Node, digest_of
from reconciler.conformance.cases import PREPARED, SHOWN, HostCases, World
from reconciler.conformance.scratch import ScratchWorld, send_body
from reconciler.conformance.worlds import CannotHave, Unprepared
from reconciler.engine.round.performing import parted
from reconciler.errors import ErrorClass, RunnerError
from reconciler.model.calls import Call, Failure, Reply
from reconciler.plugins.calls import CALLS
from reconciler.runtime import AskOutside
from reconciler.targets.session import Session

PATIENCE = 300.0
"""Seconds for a script."""
_TYPES = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "directory", tarfile.SYMTYPE: "symlink"}
_TAR_TYPES = {name: kind for kind, name in _TYPES.items()}
_SHOWING = "printf '%s' \"$({script}\n)\"; printf '\\0'"


@contextlib.asynccontextmanager
async def scratch_on(session: Session) -> AsyncIterator[str]:
    """A directory of the host that is the kit's alone, and goes in the end.

    Raises:
        RunnerError: there can be none.
    """
    made = await _script(session, 'at=$(mktemp -d /srv/froyo-kit-XXXXXXXX) && chmod 755 "$at" && echo "$at"')
    root = made.decode().strip()
    try:
        yield root
    finally:
        await _script(session, deletion(root, f"rm -rf -- {shlex.quote(root)}"))


def deletion(root: str, script: str) -> str:
    """A script that deletes what is below a directory, but nothing that a case has left mounted there."""
    mounted = f"grep -qF {shlex.quote(f' {root}/')} /proc/self/mounts"
    told = shlex.quote(
        f"something is mounted below {root}: nothing there is deleted; umount it, and delete {root}"
    )
    return f"if {mounted}; then echo {told} >&2; exit 1; fi\n{script}"


class HostFiles(ScratchWorld):
    """Files in a directory of the host; see `scratch`."""

    async def _replace(self, nodes: dict[str, Node]) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name, node in nodes.items():
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode, entry.uid, entry.gid = (
                    _TAR_TYPES[node.type],
                    node.mode,
                    node.uid,
                    node.gid,
                )
                entry.size, entry.linkname = len(node.content), self.here(node.to)
                tar.addfile(entry, io.BytesIO(node.content))
        whose = "--same-owner" if self._chowns else "--no-same-owner"
        cleared = deletion(self._root, f"cd {shlex.quote(self._root)} && find . -mindepth 1 -delete")
        try:
            await _script(self._session, f"{cleared} && tar -xp {whose} -f -", packed.getvalue())
        except RunnerError as error:
            raise CannotHave(f"its files cannot be made: {error}") from error

    async def _nodes(self) -> dict[str, Node]:
        packed = await _script(
            self._session, f"cd {shlex.quote(self._root)} && tar -c --numeric-owner -f - ."
        )
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            return {
                entry.name.removeprefix("./"): self._node(tar, entry) for entry in tar if entry.name != "."
            }

    def _node(self, tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Node:
        content = tar.extractfile(entry) if entry.isfile() else None
        return Node(
            _TYPES.get(entry.type, "other"),
            entry.mode,
            entry.uid if self._chowns else 0,
            entry.gid if self._chowns else 0,
            content.read() if content else b"",
            self.there(entry.linkname) if entry.issym() else "",
        )


class HostWorld:
    """All of a host, for cases that say how to bring it to where they begin, and how to bring it back.

    Args:
        session: with the host.
        ask: makes what the controller makes by itself.
        cases: with their scripts.
        scratch: a directory of the host, which scripts know as $KIT, and which is empty at first.
    """

    def __init__(self, session: Session, ask: AskOutside, cases: HostCases, scratch: str) -> None:
        self._session = session
        self._ask_outside = ask
        self._cases = cases
        self._env = {"KIT": scratch, "DEBIAN_FRONTEND": "noninteractive"}
        self._bodies: dict[str, bytes] = {digest_of(b""): b""}
        self._lasting: list[str] = []

    def add_body(self, content: bytes) -> None:
        """See LivingWorld."""
        self._bodies[digest_of(content)] = content

    async def restore(self, world: World) -> None:
        """See LivingWorld."""
        await self._forget()
        for script in self._cases.clean:
            with contextlib.suppress(RunnerError):  # what it was to take away may not be there
                await self._run(script)
        for script in world.get(PREPARED, {}).values():
            if script:
                try:
                    await self._run(f"set -e\n{script}")
                except RunnerError as error:
                    raise Unprepared(f"it cannot be prepared: {error}") from error

    async def snapshot(self) -> World:
        """See LivingWorld."""
        shown = await self._run("\n".join(_SHOWING.format(script=one) for one in self._cases.look.values()))
        texts = shown.decode(errors="replace").split("\0")
        return {
            SHOWN: {name: text for name, text in zip(self._cases.look, texts, strict=False) if text},
        }

    async def replies(self, calls: list[Call]) -> list[Reply]:
        """See LivingWorld."""
        return await parted(calls, self._ask, self._outside)

    async def _ask(self, calls: Sequence[Call]) -> list[Reply]:
        """What the host answers. Calls of a name are asked for together, and none before one that it comes behind."""
        if any(CALLS[call.name].reading for call in calls):
            await self._forget()
        found: list[Reply] = []
        for name, run in itertools.groupby(calls, key=lambda call: call.name):
            items = []
            for call in run:
                await send_body(self._session, self._bodies, call)
                items.append(dict(call.args))
                if CALLS[name].lasting and "id" in call.args:
                    self._lasting.append(call.args["id"])
            longest = max(item.get("timeout_ms", 0) for item in items) / 1000
            found += await self._session.command(name, items, timeout=longest + PATIENCE)
        return found

    async def _outside(self, calls: Sequence[Call]) -> list[Reply]:
        return [await self._session.ask_outside(call, self._ask_outside) for call in calls]

    async def _forget(self) -> None:
        """As the engine does at the end of a round: what is asked for again from now on is done again."""
        forgotten, self._lasting = self._lasting, []
        if forgotten:
            await self._session.command("exec.forget", [{"id": one} for one in dict.fromkeys(forgotten)])

    async def _run(self, script: str) -> bytes:
        return await _script(self._session, script, env=self._env)


async def _script(
    session: Session, script: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> bytes:
    """What a script of the shell prints on the host.

    Raises:
        RunnerError: it fails; with the last of what it said.
    """
    item: dict[str, Any] = {
        "argv": ["/bin/sh", "-c", script],
        "env": dict(env or {}),
        "stdin": base64.b64encode(stdin).decode(),
        "timeout_ms": int(PATIENCE * 1000),
        "max_output": 4 << 20,
    }
    [reply] = await session.command("exec", [item], timeout=PATIENCE + 10)
    if isinstance(reply, Failure):
        raise RunnerError(reply.message, error_class=reply.error_class, code=reply.code)
    value = reply.value
    if value["exit"] != 0:
        said = base64.b64decode(value["stderr"]).decode(errors="replace").strip().splitlines()
        status = value["signal"] or f"exit status {value['exit']}"
        raise RunnerError(
            f"{status}: {said[-1] if said else 'it says nothing'}",
            error_class=ErrorClass.PERMANENT,
            code="tool_failed",
        )
    return base64.b64decode(value["stdout"])
