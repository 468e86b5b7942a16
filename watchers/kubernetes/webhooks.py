"""What the API server keeps for the operator's webhook: the Secret with its certificate, and whom it believes.

Invariant: nothing is written that says what is there already, and nothing that somebody else has written meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp

from watchers.kubernetes import rights
from watchers.kubernetes.certificates import Certificate, make, uninformed
from watchers.kubernetes.listing import Unlisted, connected

SECRET = "froyo-webhook"  # noqa: S105 - what it is called
CONFIGURATION = "froyo-operator"
SERVICE = "froyo-webhook"
GIVEN = "manifests/base/admission.yaml gives it"
_CONFIGURATIONS = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def names_of(namespace: str) -> list[str]:
    """By which the API server calls the webhook."""
    return [f"{SERVICE}.{namespace}.svc", f"{SERVICE}.{namespace}.svc.cluster.local"]


async def certificate(namespace: str, now: float) -> Certificate:
    """The certificate to show: the one that is kept, or a new one, which is then kept and told the API server.

    Args:
        namespace: of the operator.
        now: seconds since the epoch.

    Raises:
        Unlisted: there is none, and why.
    """
    moment = datetime.fromtimestamp(now, UTC)
    try:
        async with connected() as session:
            found = await _kept(session, namespace, names_of(namespace), moment)
            await _told(session, found)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise Unlisted(str(error) or "no answer in time") from error
    return found


async def _kept(
    session: aiohttp.ClientSession, namespace: str, names: Sequence[str], now: datetime
) -> Certificate:
    where = f"api/v1/namespaces/{namespace}/secrets/{SECRET}"
    while True:
        async with session.get(where) as response:
            if response.status == 404:
                raise Unlisted(f"there is no Secret {SECRET} in {namespace}: {GIVEN}")
            await _refused(response, rights.Right("get", "", "secrets"), namespace)
            secret = await response.json()
        before = Certificate.of(secret.get("data") or {})
        if before is not None and before.serves(names, now):
            return before
        made = make(names, now, before)
        secret["data"] = made.data
        async with session.put(where, json=secret) as response:
            if response.status == 409:  # another operator was sooner: its one counts
                continue
            await _refused(response, rights.Right("update", "", "secrets"), namespace)
        return made


async def _told(session: aiohttp.ClientSession, found: Certificate) -> None:
    where, group = f"{_CONFIGURATIONS}/{CONFIGURATION}", "admissionregistration.k8s.io"
    kind = "validatingwebhookconfigurations"
    async with session.get(where) as response:
        if response.status == 404:
            return  # nobody wants to ask
        await _refused(response, rights.Right("get", group, kind), "the whole cluster")
        patch = uninformed(await response.json(), found.authorities)
    if patch:
        headers = {"Content-Type": "application/json-patch+json"}
        async with session.patch(where, json=patch, headers=headers) as response:
            await _refused(response, rights.Right("patch", group, kind), "the whole cluster")


async def _refused(response: aiohttp.ClientResponse, right: rights.Right, where: str) -> None:
    if response.status == 403:
        raise Unlisted(rights.in_words([right], where, GIVEN))
    if response.status >= 400:
        raise Unlisted(f"{right}: {response.status} {(await response.text())[:300]}")
