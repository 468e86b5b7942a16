"""What a daemon does about webhooks: whoever knows the secret has all that is remote looked at sooner, and no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from reconciler.api.ports import bound
from reconciler.errors import UsageError
from reconciler.model.secrets import Secret, SecretError
from watchers.secret_files import SecretFiles

if TYPE_CHECKING:
    from reconciler.app.daemon import Daemon
    from reconciler.app.places import Places


class Webhook:
    """A port on which a git server says that somebody has pushed.

    Args:
        listen: where, as `PORT` or `ADDRESS:PORT`.
        file: the secret that is shared with the server; without a slash one of the controller's.
        places: where the secrets are.

    Raises:
        UsageError: that is nowhere to listen, or it is no secret.
    """

    def __init__(self, listen: str, file: str, places: Places) -> None:
        self._files, self._secret = SecretFiles(str(places.secrets)), Secret(file)
        try:
            if not self._read():
                raise UsageError(f"--webhook-secret: {file} is empty, and everybody knows that")
        except SecretError as error:
            raise UsageError(f"--webhook-secret: {error}; {error.hint}".removesuffix("; ")) from error
        self._listening = bound(listen)

    @property
    def port(self) -> int:
        """Where it is heard."""
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
        """Give the port back."""
        self._listening.close()

    async def task(self, daemon: Daemon) -> None:
        """Hear what is said, until cancelled."""
        from reconciler.api.webhooks import serve_webhooks

        clock = asyncio.get_running_loop().time
        await serve_webhooks(self._listening, self._known, daemon.sources.sooner, clock=clock)

    def _read(self) -> str:
        return self._files.read(self._secret)

    def _known(self) -> str | None:
        """The secret as it is now: it may be exchanged while the daemon runs; None while there is none."""
        try:
            return self._read() or None
        except SecretError:
            return None
