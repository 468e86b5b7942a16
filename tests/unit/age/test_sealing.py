"""What is encrypted for somebody is opened by them, and by nobody else, who is told whom it is for."""

import base64
import io

import pyrage
import pytest

from reconciler.age.header import Stanza, binary, named, stanzas, whom
from reconciler.age.identities import identities_in
from reconciler.age.recipients import recipient
from reconciler.age.sealing import is_sealed, open_stream, opened, seal_stream, sealed
from reconciler.model.secrets import SecretError, SecretMissing


@pytest.mark.parametrize("form", ["armored", "named", "binary", "one line", "indented"])
def test_each_recipient_opens_it_however_it_is_written(alice, bob, key, everybody, form):
    made = sealed(b"hunter2", everybody, naming=form == "named")
    content = {
        "binary": binary(made.encode()),
        "one line": base64.b64encode(binary(made.encode())),
        "indented": made.replace("\n", "\n      ").encode(),
    }.get(form, made.encode())
    assert [opened(content, [one]) for one in (alice, bob, key)] == [b"hunter2"] * 3
    assert opened(content, [alice, bob]) == b"hunter2"
    assert is_sealed(content) == (form != "one line")


def test_what_it_says_to_everybody(everybody, key):
    made = sealed(b"hunter2", everybody).encode()
    assert named(made) == tuple(one.label for one in everybody)
    assert everybody[2].label == str(everybody[2].stanza)
    assert [one.sort for one in stanzas(made)] == ["X25519", "X25519", "ssh-ed25519"]
    plain = sealed(b"hunter2", everybody, naming=False).encode()
    assert named(plain) == ()
    tag = key.public.split()[1]
    assert (
        whom(stanzas(plain), ())
        == f"2 recipients of the sort X25519, {recipient(f'ssh-ed25519 {tag}').label}"
    )
    assert whom([Stanza("X25519")], ()) == "a recipient of the sort X25519"
    assert whom([], ()) == "nobody"


def test_nobody_else_opens_it_and_is_told_whom_it_is_for(alice, bob, key, everybody):
    made = sealed(b"hunter2", [everybody[0]]).encode()
    with pytest.raises(
        SecretMissing, match=rf"it is for {alice.public}; tried: {bob.public} \(\), ssh-ed25519 \S+"
    ) as no:
        opened(made, [bob, key])
    assert "froyo secrets recipients add" in no.value.hint
    with pytest.raises(SecretMissing, match=f"no identity here to open it, which is for {alice.public}"):
        opened(made, [])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"hunter2", "nothing that age has encrypted"),
        (b"\xff\xfe", "nothing that age has encrypted"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n!\n-----END AGE ENCRYPTED FILE-----", "it is damaged"),
    ],
)
def test_what_is_none_is_said_to_be_none(alice, content, why):
    with pytest.raises(SecretError, match=why):
        opened(content, [alice])


def test_what_is_more_than_a_ciphertext_is_told_to_be_written_without_that(alice):
    with pytest.raises(SecretError) as no:
        opened(b"{secret: {age: YWdl}}", [alice])
    assert no.value.hint == "what stands here is the ciphertext alone, without {secret: {age: …}}"


def test_what_is_damaged_or_has_a_passphrase_is_said_to_be_so(alice, everybody):
    made = bytearray(binary(sealed(b"hunter2", everybody).encode()))
    made[-1] ^= 1
    with pytest.raises(SecretError, match="it is damaged"):
        opened(bytes(made), [alice])
    with pytest.raises(SecretError, match="with a passphrase"):
        opened(pyrage.passphrase.encrypt(b"hunter2", "sesame"), [alice])


def test_it_is_for_somebody():
    with pytest.raises(SecretError, match="it is for nobody"):
        sealed(b"hunter2", [])


def test_what_is_large_is_not_held_in_memory(alice, bob, everybody):
    source, ciphertext, plain = io.BytesIO(b"x" * 200_000), io.BytesIO(), io.BytesIO()
    seal_stream(source, ciphertext, everybody[:1])
    made = ciphertext.getvalue()
    open_stream(io.BytesIO(made), plain, [alice], made[:4096])
    assert plain.getvalue() == b"x" * 200_000
    with pytest.raises(SecretMissing, match="a recipient of the sort X25519"):
        open_stream(io.BytesIO(made), io.BytesIO(), [bob], made[:4096])
    with pytest.raises(SecretError, match="it is damaged"):
        open_stream(io.BytesIO(made[:-1]), io.BytesIO(), [alice], made[:4096])


class Full(io.BytesIO):
    def write(self, _):
        raise OSError(28, "No space left on device")


def test_a_full_disk_is_no_damage(alice, everybody):
    ciphertext = io.BytesIO()
    seal_stream(io.BytesIO(b"x" * 200_000), ciphertext, everybody[:1])
    with pytest.raises(OSError, match="No space left"):
        open_stream(io.BytesIO(ciphertext.getvalue()), Full(), [alice], b"")


def test_identities_are_of_age_or_of_ssh(alice, ssh_keys):
    text = f"# created: today\n\n{alice.secret}\n{ssh_keys['ed25519']}{ssh_keys['rsa']}"
    found = identities_in(text, "age.key")
    assert [one.public.split()[0][:12] for one in found] == ["ssh-ed25519", "ssh-rsa", alice.public[:12]]
    assert [one.public for one in identities_in(ssh_keys["pem"], "pem")] == [found[1].public]
    assert all(alice.secret not in repr(one) for one in found)
    assert found[0].public == " ".join(ssh_keys["ed25519.pub"].split()[:2])
    content = sealed(b"hunter2", [recipient(found[1].public)])
    assert opened(content.encode(), found[1:2]) == b"hunter2"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("locked", "locked: it has a passphrase"),
        ("ecdsa", "no private key that age opens with"),
        ("ed25519.pub", "ed25519.pub:1: this is no identity"),
    ],
)
def test_what_is_no_identity_of_ssh(ssh_keys, name, why):
    with pytest.raises(SecretError, match=why):
        identities_in(ssh_keys[name], name)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no identity"),
        ("# nothing\n", "holds no identity"),
        ("\nAGE-SECRET-KEY-1QQ\n", "k:2: this is no identity"),
        ("AGE-PLUGIN-YUBIKEY-1QQ", "of a plugin"),
        ("AGE-SECRET-KEY-PQ-1QQ", "of a sort that is not known"),
        ("age-encryption.org/v1\n-> scrypt", "k is encrypted itself"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\n", "k is encrypted itself"),
    ],
)
def test_what_is_no_identity(text, why):
    with pytest.raises(SecretError, match=why) as wrong:
        identities_in(text, "k")
    assert "AGE-SECRET-KEY-1QQ" not in str(wrong.value)


def test_what_is_for_very_many_is_not_tried(alice, everybody, monkeypatch):
    content = sealed(b"hunter2", everybody).encode()
    monkeypatch.setattr("reconciler.age.sealing.MOST", 2)
    with pytest.raises(SecretError, match="more than 2 recipients"):
        opened(content, [alice])
