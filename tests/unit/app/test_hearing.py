"""The secret that a webhook is held to: a real one, or the daemon does not begin."""

import asyncio
import contextlib
from types import SimpleNamespace

import aiohttp
import pytest

from reconciler.app.hearing import Webhook
from reconciler.app.places import places
from reconciler.errors import UsageError


@pytest.fixture
def where(tmp_path):
    found = places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / "s")})
    found.secrets.mkdir(parents=True)
    return found


@pytest.mark.parametrize(
    ("text", "mode", "why"),
    [
        (None, 0o600, "there is no file"),
        ("", 0o600, "hook is empty, and everybody knows that"),
        ("known", 0o644, "others can get at it"),
    ],
)
def test_what_is_no_secret_is_refused(where, text, mode, why):
    if text is not None:
        (where.secrets / "hook").write_text(text)
        (where.secrets / "hook").chmod(mode)
    with pytest.raises(UsageError, match=why):
        Webhook("0", "hook", where)


async def test_the_secret_may_be_exchanged_and_without_one_nobody_is_heard(where):
    secret = where.secrets / "hook"
    secret.write_text("one\n")
    secret.chmod(0o600)
    webhook = Webhook("0", "hook", where)
    heard = []
    daemon = SimpleNamespace(sources=SimpleNamespace(sooner=lambda: heard.append(1)))
    serving = asyncio.create_task(webhook.task(daemon))
    url = f"http://127.0.0.1:{webhook.port}/hook"

    async def told(token):
        async with (
            aiohttp.ClientSession() as client,
            client.post(url, headers={"X-Gitlab-Token": token}) as answer,
        ):
            return answer.status

    try:
        while True:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                assert await told("one") == 202
                break
        secret.write_text("two\n")
        assert [await told("one"), await told("two")] == [403, 202]
        secret.unlink()
        assert await told("two") == 403
        assert len(heard) == 2
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving
        webhook.close()
