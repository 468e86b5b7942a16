"""What a controller opens ciphertexts with: files that nobody else can read, or what its environment has had."""

import asyncio
import os
from dataclasses import replace

import pytest

from reconciler.age.identities import generated
from reconciler.age.recipients import recipient
from reconciler.age.sealing import sealed
from reconciler.app import identities
from reconciler.app.places import own_identity, places
from reconciler.app.secrets import Secrets
from reconciler.core.redaction import MASK, Redactor
from reconciler.errors import UsageError
from reconciler.model.secrets import IDENTITIES, Encrypted, KeyRef, SecretError, SecretMissing

ALICE, BOB = generated(), generated()
ONE = Encrypted(sealed(b"hunter2 hunter2", [recipient(ALICE.public)]).encode())
DEADLINE = 30


@pytest.fixture(autouse=True)
def nothing_taken(monkeypatch):
    monkeypatch.setattr(identities, "_taken", [])


def where(tmp_path, **environ):
    return places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / "state"), **environ})


def keep(path, *made, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name("fresh")
    fresh.write_text("".join(f"{one.secret}\n" for one in made))
    fresh.chmod(mode)
    fresh.rename(path)
    return path


def test_a_persons_own_file_is_found(tmp_path):
    redactor = Redactor()
    secrets = Secrets(where(tmp_path), redactor)
    with pytest.raises(SecretMissing, match="no identity here to open it"):
        secrets.vault.mark(ONE)
    keep(tmp_path / ".config/froyo/age.key", BOB)
    with pytest.raises(SecretMissing, match=f"tried: {BOB.public}"):
        secrets.vault.mark(ONE)
    keep(tmp_path / ".config/froyo/age.key", BOB, ALICE)
    assert secrets.vault.mark(ONE).startswith("[secret:")
    assert redactor.text(f"{ALICE.secret} hunter2 hunter2") == f"{MASK} {MASK}"
    assert own_identity({"XDG_CONFIG_HOME": "/c"}) == (
        own_identity({"HOME": "/c"}).parents[2] / "froyo/age.key"
    )


def test_files_that_are_named_have_to_be_there_and_to_be_secret(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    secrets = Secrets(where(tmp_path, FROYO_AGE_KEY_FILE=f"{first}{os.pathsep}{second}"))
    keep(tmp_path / ".config/froyo/age.key", ALICE)
    keep(first, BOB)
    with pytest.raises(SecretMissing, match=f"there is no file {second}, which FROYO_AGE_KEY_FILE names"):
        secrets.vault.mark(ONE)
    keep(second, ALICE, mode=0o640)
    with pytest.raises(SecretError, match=r"no identity: .*others can get at it") as no:
        secrets.vault.mark(ONE)
    assert f"chmod 600 {second}" in no.value.hint
    keep(second, ALICE)
    assert secrets.vault.mark(ONE)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has files that are root's")
def test_what_is_roots_its_group_may_read_who_is_somebody_else(tmp_path, monkeypatch):
    path = str(keep(tmp_path / "age.key", ALICE, mode=0o440))
    with pytest.raises(
        UsageError, match="others can get at it"
    ):  # for root it is but a file that others read
        identities.own_identities(where(tmp_path), [path])
    monkeypatch.setattr("watchers.secret_files.os.geteuid", lambda: 65534)
    for mode in (0o440, 0o640, 0o400):
        os.chmod(path, mode)
        assert identities.own_identities(where(tmp_path), [path])[0].public == ALICE.public
    for mode in (0o444, 0o460, 0o450):
        os.chmod(path, mode)
        with pytest.raises(UsageError, match="others can get at it"):
            identities.own_identities(where(tmp_path), [path])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take something from somebody else")
def test_another_ones_file_where_one_is_looked_for_is_passed_over(tmp_path, monkeypatch):
    found = where(tmp_path)
    keep(tmp_path / ".config/froyo/age.key", ALICE)
    others = keep(tmp_path / "etc/age.key", BOB)
    found = replace(found, identities=(others, own_identity({"HOME": str(tmp_path)})))
    monkeypatch.setattr("reconciler.app.identities.os.access", lambda *_: False)
    monkeypatch.setattr("watchers.secret_files.os.geteuid", lambda: 1)
    others.chmod(0o644)
    os.chown(others, 2, 2)
    os.chown(own_identity({"HOME": str(tmp_path)}), 1, 1)
    assert [one.public for one in identities.own_identities(found, [])] == [ALICE.public]


def test_the_environment_may_have_some_and_is_rid_of_them(tmp_path):
    environ = {"FROYO_AGE_KEY": f"{BOB.secret}\n{ALICE.secret}", "HOME": "/"}
    identities.take_from(environ)
    identities.take_from(environ)
    assert environ == {"HOME": "/"}
    assert Secrets(where(tmp_path)).vault.mark(ONE)
    found = identities.own_identities(where(tmp_path), [])
    assert [str(one) for one in found] == [f"{one.public} ($FROYO_AGE_KEY)" for one in (BOB, ALICE)]


def test_who_has_none_is_told_how_one_is_made(tmp_path):
    with pytest.raises(UsageError, match=r"no identity at /etc/froyo/age.key, .*; froyo secrets keygen"):
        identities.own_identities(where(tmp_path), [])
    with pytest.raises(UsageError, match=r"there is no file .*/nowhere"):
        identities.own_identities(where(tmp_path), [str(tmp_path / "nowhere")])
    (tmp_path / "empty").touch(0o600)
    with pytest.raises(UsageError, match="empty holds no identity"):
        identities.own_identities(where(tmp_path), [str(tmp_path / "empty")])


async def test_another_identity_is_noticed(tmp_path):
    keep(tmp_path / ".config/froyo/age.key", BOB)
    secrets = Secrets(where(tmp_path))
    with pytest.raises(SecretMissing):
        secrets.vault.mark(ONE)
    changes = secrets.changes()
    async with asyncio.timeout(DEADLINE):
        path = keep(tmp_path / ".config/froyo/age.key", ALICE)
        assert await anext(changes) == {str(path), IDENTITIES}
    await changes.aclose()
    assert await secrets.known(ONE) == "hunter2 hunter2"


async def test_in_a_cluster_the_namespaces_own_opens_it(tmp_path):
    opener = KeyRef("Secret", "shop", "froyo-age", "age.key")
    there = Encrypted(ONE.content, identity=opener)
    secrets = Secrets(where(tmp_path))
    with pytest.raises(SecretMissing, match="there is no cluster here"):
        await secrets.known(there)

    asked = []

    class Held:
        async def have(self, key):
            asked.append(key)
            return self.read(key)

        def read(self, key):
            assert key == opener
            return ALICE.secret

    secrets.referred = Held()
    assert await secrets.known(there) == "hunter2 hunter2"
    assert asked == [opener]
    with pytest.raises(SecretMissing, match="no identity here"):
        await secrets.known(ONE)


def test_a_new_one_is_never_written_over_another(tmp_path):
    path = tmp_path / "a/b/age.key"
    identities.write_identity(path, ALICE, created="2026-01-01T00:00:00Z")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    text = path.read_text()
    assert text == f"# created: 2026-01-01T00:00:00Z\n# public key: {ALICE.public}\n{ALICE.secret}\n"
    with pytest.raises(UsageError, match="is there already, and is not replaced"):
        identities.write_identity(path, BOB, created="")
    assert path.read_text() == text
    assert [one.name for one in path.parent.iterdir()] == ["age.key"]
    with pytest.raises(UsageError, match="cannot be made"):
        identities.write_identity(path / "c/age.key", BOB, created="")
    with pytest.raises(UsageError, match="the identity cannot be saved"):
        identities.write_identity(tmp_path / ("x" * 300), BOB, created="")
