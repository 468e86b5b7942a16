"""The ways by which a message goes out: it is posted, given to a program, or appended to a file.

Invariants: what is declared names a program or file in a directory of the controller's, and never a path: whoever may
declare an alert runs nothing that an operator has not put there. No secret is part of an error, a command line or an
environment. Whoever takes a message may get it again, with the same id.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reconciler.app.alerts.messages import body_of
from reconciler.app.alerts.programs import NotEnded, run
from reconciler.app.places import must_be_ours
from reconciler.config.alerts import url_trouble
from reconciler.core.vault import SHORTEST
from reconciler.errors import UsageError, why
from reconciler.model.alert import Alert, AlertFormat, CommandOut, FileOut, WebhookOut
from reconciler.model.secrets import SecretError, Whereabouts

if TYPE_CHECKING:
    from reconciler.app.places import Places
    from reconciler.app.secrets import Secrets
    from reconciler.runtime import Runtime

_TAKEN = range(200, 300)
_REFUSED = frozenset({400, 406, 409, 410, 413, 414, 415, 422})
"""What a server says of the message, and not of the moment: the same would be refused again."""
EX_DATAERR = 65
"""The status with which a program refuses a message for what it is (sysexits.h)."""
_SAID = 400
"""Characters of what a program says on its standard error that are told."""


class NotTaken(Exception):
    """A message was not taken.

    Args:
        message: why, for a person. Never a secret.
        refused: it would not be, ever, for what it is.
        retry_after: seconds for which whoever should take it wants to be left alone; 0 where that is not known.
    """

    def __init__(self, message: str, *, refused: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.refused = refused
        self.retry_after = retry_after


class WaysOut:
    """See the module.

    Args:
        places: where the controller keeps things.
        secrets: the controller's.
        runtime: the world.
    """

    def __init__(self, places: Places, secrets: Secrets, runtime: Runtime) -> None:
        self._places = places
        self._secrets = secrets
        self._runtime = runtime

    async def send(self, alert: Alert, said: Mapping[str, Any]) -> None:
        """Have a message taken.

        Args:
            alert: whose.
            said: the message's document.

        Raises:
            NotTaken: it was not.
        """
        way = alert.way
        if isinstance(way, WebhookOut):
            await self._post(alert, way, said)
            return
        line = json.dumps(body_of(alert, AlertFormat.JSON, said), ensure_ascii=True).encode() + b"\n"
        lane = f"alert {alert.name}"
        if isinstance(way, CommandOut):
            await self._runtime.offload(lane, lambda: self._run(way, line))
        else:
            await self._runtime.offload(lane, lambda: self._append(way, line))

    async def _post(self, alert: Alert, way: WebhookOut, said: Mapping[str, Any]) -> None:
        # aiohttp is expensive to import, and most have no webhooks.
        from reconciler.outside.dialing import dial, dial_elsewhere
        from reconciler.outside.posting import post
        from reconciler.outside.unanswered import Unanswered

        body = json.dumps(body_of(alert, way.format, said), ensure_ascii=True).encode()
        headers = {"Idempotency-Key": f'"{said["id"]}"'}
        try:
            url = way.url if isinstance(way.url, str) else await self._secret_url(way.url)
            if way.token is not None:
                headers["Authorization"] = f"Bearer {await self._secrets.known(way.token)}"
            if way.key is not None:
                key = (await self._secrets.known(way.key)).encode()
                headers["X-Signature"] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
        except SecretError as error:
            raise NotTaken(f"{error}; {error.hint}".removesuffix("; ")) from None
        if (trouble := url_trouble(url, secret=way.token is not None)) is not None:
            raise NotTaken(f"webhook.urlFrom: {'; '.join(trouble)}")
        ca = await self._runtime.offload("alerts", lambda: _certificates(way.ca_file)) if way.ca_file else ""
        try:
            dialled = dial_elsewhere if way.elsewhere else dial
            answer = await post(
                url, body, headers, dialled, ca=ca, timeout=way.timeout, now=self._runtime.now
            )
        except Unanswered as error:
            raise NotTaken(error.failure.message) from None
        if answer.status not in _TAKEN:
            raise NotTaken(answer.reason, refused=answer.status in _REFUSED, retry_after=answer.retry_after)

    async def _secret_url(self, secret: Whereabouts) -> str:
        url = (await self._secrets.known(secret)).strip()
        # Whoever is asked may repeat a part of it.
        if len(path := url.partition("://")[2].partition("/")[2]) >= SHORTEST:
            self._secrets.hide(path)
        return url

    def _run(self, way: CommandOut, line: bytes) -> None:
        program = _program(self._places.alert_commands, way.name)
        try:
            status, said = run([str(program), *way.arguments], line, timeout=way.timeout)
        except (OSError, ValueError) as error:
            told = why(error) if isinstance(error, OSError) else str(error)
            raise NotTaken(f"{program} cannot be run: {told}") from None
        except NotEnded:
            raise NotTaken(f"{program} has not ended within {way.timeout:g} s, and was killed") from None
        if status:
            ended = f"{program} ended with {status}" + (f": {said[:_SAID]}" if said else "")
            raise NotTaken(ended, refused=status == EX_DATAERR)

    def _append(self, way: FileOut, line: bytes) -> None:
        directory = self._places.alert_files
        path = directory / way.name
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            must_be_ours(directory.parent)
            must_be_ours(directory)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(path, flags, 0o600)
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode):
                    raise NotTaken(f"{path} is no regular file")
                _append_whole(descriptor, line, found.st_size)
            finally:
                os.close(descriptor)
        except UsageError as error:
            raise NotTaken(str(error)) from None
        except OSError as error:
            link = "; it is a link, and not followed" if error.errno == errno.ELOOP else ""
            raise NotTaken(f"{path} cannot be written: {why(error)}{link}") from None


def _append_whole(descriptor: int, line: bytes, size: int) -> None:
    """Append a line, or nothing of it."""
    try:
        whole = os.write(descriptor, line) == len(line)
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise
    if not whole:
        os.ftruncate(descriptor, size)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _program(directory: Path, name: str) -> Path:
    """A program that an operator has put there, where nobody else can write.

    Raises:
        NotTaken: there is none.
    """
    path = directory / name
    try:
        real = path.resolve(strict=True)
        for one in (directory.parent, directory, real.parent, real):
            must_be_ours(one)
    except OSError:
        raise NotTaken(f"there is no program {path}; an operator has to put it there") from None
    except UsageError as error:
        raise NotTaken(str(error)) from None
    return path


def _certificates(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        told = why(error) if isinstance(error, OSError) else "it holds no certificates in PEM"
        raise NotTaken(f"webhook.caFile: {path} cannot be read: {told}") from None


def shown(alert: Alert) -> str:
    """A way out, for a person: of a URL its host alone, since there may be a token in the rest."""
    way = alert.way
    if isinstance(way, WebhookOut):
        where = urlsplit(way.url).netloc if isinstance(way.url, str) else f"secret {way.url.file}"
        return f"webhook {where} ({way.format.value})"
    return f"command {way.name}" if isinstance(way, CommandOut) else f"file {way.name}"
