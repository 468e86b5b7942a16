"""Where a command's knowledge comes from: the daemon when there is one, else the store, in the same documents."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from reconciler.api.client import Client, Document, Silent
from reconciler.app.places import Places, places
from reconciler.cli.phrases import nobody_looks
from reconciler.core.visible import one_line, visible
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.cli.terminal import Terminal


def must_be_files(where: Places, instead: str) -> None:
    """See that the store is in the state directory.

    Args:
        where: where it is.
        instead: what does it on a server, as a clause.

    Raises:
        UsageError: it is on a server.
    """
    if where.address is not None:
        raise UsageError(
            f"the store is on a server, {where.address}: {instead}; "
            "`froyo store copy` makes one on this machine of it"
        )


BEGINNING = 5.0
"""Seconds that whoever has the store gets to say that it can be asked. What runs once and ends never does."""


class Asking:
    """Asks whoever knows.

    Args:
        where: the controller's directories.

    Attributes:
        daemon: the daemon's API; None where none runs, or it does not answer.
        silent: what there is to say of a daemon that runs and does not answer.
    """

    def __init__(self, where: Places) -> None:
        self.where = where
        self.silent: Silent | None = None
        client = Client(where.socket)
        self.daemon: Client | None = client if client.alive() else None

    @classmethod
    def of(cls, state: str | None) -> Asking:
        """For the state directory of the command line, or of the environment."""
        return cls(places(os.environ, state=state))

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Document:
        """The answer to a question; from the store, too, where the daemon does not answer within `timeout` seconds.

        Raises:
            UsageError: it makes no sense, or nothing is known at all.
        """
        if self.daemon is not None:
            try:
                return self.daemon.get(path, query, timeout=timeout)
            except Silent as error:
                self.daemon, self.silent = None, error
                told = f"{error}. This is what the store in {self.where.kept_in} knows"
                print(f"froyo: {one_line(told)}", file=sys.stderr)
        return asyncio.run(self._from_store(path, query or {}))

    async def _from_store(self, path: str, query: Mapping[str, str]) -> Document:
        from reconciler.api.answers import answer
        from reconciler.api.backend import StoreKnowledge
        from reconciler.app.opening import reading

        self.must_have_store()
        async with reading(self.where) as (store, runtime):
            return await answer(StoreKnowledge(store, now=runtime.now), path, query)

    def say_if_nobody_looks(self, screen: Terminal) -> None:
        """Tell a person beside the answer that it comes from the store, and may be old."""
        if self.daemon is None and self.silent is None and not screen.quiet:
            for line in screen.wrapped(nobody_looks(visible(self.where.kept_in))):
                screen.note(line)

    def must_have_store(self) -> None:
        """See that something is known.

        Raises:
            UsageError: nothing was ever applied here.
        """
        if not self.where.has_store:
            raise UsageError(
                f"nothing is known yet: there is no store in {self.where.state}; run `froyo apply DIR` or "
                "`froyo up DIR` first, or name another place with --state"
            )

    def need_daemon(self, instead: str) -> Client:
        """The daemon's API.

        Args:
            instead: what to do without a daemon, as the end of a sentence.

        Raises:
            UsageError: none runs.
            Silent: one does, and does not answer.
        """
        self.must_not_be_silent()
        if self.daemon is None:
            raise UsageError(f"no daemon listens on {self.where.socket}; {instead}")
        return self.daemon

    def must_not_be_silent(self) -> None:
        """See that what is to be changed is not changed behind a daemon's back: one that just begins is waited for.

        Raises:
            Silent: a daemon runs, and does not answer.
        """
        if self.silent is not None:
            raise self.silent
        client, end = Client(self.where.socket), time.monotonic() + BEGINNING
        while self.daemon is None and self.where.is_in_use and time.monotonic() < end:
            if client.alive():
                self.daemon = client
            else:
                time.sleep(0.05)
