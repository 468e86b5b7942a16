"""What is asked of a cluster about what objects refer to."""

import pytest

from reconciler.model.secrets import KeyRef, SecretError
from watchers.kubernetes.listing import Unlisted
from watchers.kubernetes.referred import Referred


@pytest.mark.parametrize(
    "name", ["../../other/secrets/db", "a/b", ".", "..", "a?watch=1", "a#b", "", "a" * 254]
)
async def test_what_could_be_more_than_a_name_is_asked_for_nowhere(name, monkeypatch):
    monkeypatch.setattr("watchers.kubernetes.referred.connected", lambda: pytest.fail("it was asked for"))
    referred = Referred()
    for one in (referred.have, referred.path):
        with pytest.raises(SecretError, match="can be no name of a Secret"):
            await one(KeyRef("Secret", "web", name, "password"))
    await referred.close()


async def test_no_namespace_has_more_followed_than_some(monkeypatch):
    def nowhere():
        raise Unlisted("no cluster is named")

    monkeypatch.setattr("watchers.kubernetes.referred.connected", nowhere)
    monkeypatch.setattr("watchers.kubernetes.referred.MOST", 2)
    referred = Referred()
    for name in ("a", "b", "a"):
        with pytest.raises(SecretError, match="no cluster is named"):
            await referred.have(KeyRef("Secret", "web", name, "k"))
    with pytest.raises(SecretError, match="the Secret c is not followed: 2 others of web are"):
        await referred.have(KeyRef("Secret", "web", "c", "k"))
    with pytest.raises(SecretError, match="no cluster is named"):
        await referred.have(KeyRef("ConfigMap", "web2", "c", "k"))
    await referred.close()
