"""The key with which secrets are digested: made when the first one is read, and nobody else's."""

import stat
import subprocess
import sys
from dataclasses import replace

import pytest

from reconciler.app.places import places
from reconciler.app.secrets import Secrets, as_declared
from reconciler.core.redaction import MASK, Redactor
from reconciler.model.names import Digest, TargetName
from reconciler.model.secrets import KeyRef, Secret, SecretError
from reconciler.model.target import LocalTransport, SshTransport, Target


@pytest.fixture
def where(tmp_path):
    found = places({"HOME": str(tmp_path), "FROYO_STATE": str(tmp_path / "state")})
    secret = tmp_path / "db"
    secret.write_text("hunter2-hunter2\n")
    secret.chmod(0o600)
    return found


@pytest.fixture
def db(tmp_path):
    return Secret(str(tmp_path / "db"))


def test_the_key_is_made_with_the_first_secret_and_stays(where, db):
    first = Secrets(where)
    assert not where.secrets_key.exists()
    mark = first.vault.mark(db)
    assert stat.S_IMODE(where.secrets_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(where.state.stat().st_mode) == 0o700
    assert Secrets(where).vault.mark(db) == mark
    where.secrets_key.unlink()
    assert Secrets(where).vault.mark(db) != mark
    assert [one.name for one in where.state.iterdir()] == ["secrets.key"]


def test_one_that_somebody_else_has_made_meanwhile_counts(where, db, monkeypatch):
    import reconciler.app.secrets as module

    real = module.os.link

    def late(fresh, path):
        path.write_bytes(b"t" * 32)
        path.chmod(0o600)
        real(fresh, path)

    monkeypatch.setattr(module.os, "link", late)
    Secrets(where).vault.mark(db)
    assert where.secrets_key.read_bytes() == b"t" * 32


def test_a_secret_that_is_named_by_no_absolute_path_is_in_the_state_directory(where, db, tmp_path):
    where.secrets.mkdir(parents=True)
    (tmp_path / "db").rename(where.secrets / "db")
    assert Secrets(where).vault.mark(Secret("db"))


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (b"k" * 32, 0o640, "is none: others can read it"),
        (b"k" * 32, 0o620, "others can write there"),
        (b"k" * 31, 0o600, "is not whole"),
    ],
)
def test_a_key_that_is_none_is_not_used(where, db, content, mode, message):
    where.state.mkdir(mode=0o700)
    where.secrets_key.write_bytes(content)
    where.secrets_key.chmod(mode)
    with pytest.raises(SecretError, match=message):
        Secrets(where).vault.mark(db)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (None, 0o440, "FROYO_SECRETS_KEY_FILE says where it is"),
        (b"k" * 32, 0o444, "is none: others can read it"),
        (b"k" * 31, 0o440, "is not whole"),
        (b"k" * 32, 0o440, ""),
    ],
)
def test_a_key_that_is_given_is_never_made_and_may_be_its_groups(where, db, tmp_path, content, mode, message):
    given = tmp_path / "given.key"
    if content is not None:
        given.write_bytes(content)
        given.chmod(mode)
    there = replace(where, given_key=given)
    if message:
        with pytest.raises(SecretError) as caught:
            Secrets(there).vault.mark(db)
        assert message in f"{caught.value.message} {caught.value.hint}"
        assert given.exists() is (content is not None)
    else:
        assert Secrets(there).vault.mark(db) != Secrets(where).vault.mark(db)
    assert where.secrets_key.exists() is not bool(message)


def test_where_none_can_be_made_that_is_said(where, db):
    where.state.parent.mkdir(exist_ok=True)
    where.state.write_text("a file")
    with pytest.raises(SecretError, match=r"secrets\.key, cannot be had: "):
        Secrets(where).vault.mark(db)


def test_a_log_is_told_of_each_secret(where, db):
    redactor = Redactor()
    Secrets(where, redactor).vault.mark(db)
    assert redactor.text("it is hunter2-hunter2") == f"it is {MASK}"


def test_from_the_first_secret_on_no_memory_gets_into_a_core_file(where, db):
    script = (
        "import resource, sys\n"
        "from reconciler.app.places import places\n"
        "from reconciler.app.secrets import Secrets\n"
        "from reconciler.model.secrets import Secret\n"
        "limits = lambda: resource.getrlimit(resource.RLIMIT_CORE)\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (limits()[1],) * 2)\n"
        "secrets = Secrets(places({'HOME': '/', 'FROYO_STATE': sys.argv[1]}))\n"
        "before = limits()\n"
        "secrets.vault.mark(Secret(sys.argv[2]))\n"
        "print(before[1] == limits()[1], limits()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(where.state), db.file], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "0"]


def test_an_error_names_what_is_declared_and_no_path_that_this_process_alone_has():
    def target(transport):
        return Target(TargetName("web-1"), {}, transport, Digest(""))

    key, hosts = KeyRef("Secret", "web", "ssh", "id"), KeyRef("ConfigMap", "web", "ssh", "hosts")
    declared = target(SshTransport(host="h", identity_file=str(key), known_hosts=str(hosts)))
    found = target(SshTransport(host="h", identity_file="/proc/self/fd/2", known_hosts="/proc/self/fd/22"))
    assert as_declared("/proc/self/fd/2: no key; /proc/self/fd/22: none", declared, found) == (
        "the key id of the Secret ssh: no key; the key hosts of the ConfigMap ssh: none"
    )
    plain = target(SshTransport(host="h", identity_file="/etc/id"))
    assert as_declared("/etc/id: no key", plain, plain) == "/etc/id: no key"
    here = target(LocalTransport())
    assert as_declared("gone", here, here) == "gone"
