"""Whom something is for: public keys, one a line, as age itself reads them."""

import pytest

from reconciler.age.header import named, stanzas
from reconciler.age.recipients import Recipient, in_order, listed, recipient, recipients_in
from reconciler.age.sealing import sealed
from reconciler.model.secrets import SecretError


def test_a_file_has_one_a_line_and_says_whose_it_is(alice, bob, ssh_keys):
    text = f"# alice\n{alice.public}\n\n# nobody\n\n{bob.public}\n{ssh_keys['rsa.pub']}{alice.public}\n"
    first, second, third = recipients_in(text, "r")
    assert (first, second) == (Recipient(alice.public, "alice"), Recipient(bob.public))
    assert (third.comment, third.text) == ("rsa@lab", " ".join(ssh_keys["rsa.pub"].split()[:2]))
    assert list(listed([first, second])) == [f"{alice.public}  alice", bob.public]


@pytest.mark.parametrize(
    "text", ["hunter2", "age1abc", "ssh-ed25519 AAAA", "ssh-rsa !", "x" * 100, "ecdsa-sha2-nistp256 AAAA"]
)
def test_what_is_none_is_told_with_its_place(text):
    with pytest.raises(SecretError, match=r"r:2: .* is no recipient"):
        recipients_in(f"# x\n{text}\n", "r")


def test_an_identity_is_secret_and_no_recipient(alice):
    with pytest.raises(SecretError, match="this is an identity") as wrong:
        recipient(alice.secret)
    assert alice.secret not in str(wrong.value)


@pytest.mark.parametrize(("begin", "sort"), [("age1tag1", "tag"), ("age1tagpq1", "tagpq")])
def test_hardware_has_sorts_of_its_own(monkeypatch, begin, sort):
    monkeypatch.setattr("reconciler.age.recipients._key", lambda text: text)
    assert recipient(f"{begin}qqq").stanza.sort == sort


def test_one_of_hardware_that_is_written_wrong_is_none():
    with pytest.raises(SecretError, match="is no recipient"):
        recipient("age1tag1qqqq")


def test_whether_it_is_for_just_those(alice, bob, key, everybody):
    def made(recipients, *, naming=True):
        content = sealed(b"x", recipients, naming=naming).encode()
        return stanzas(content), named(content)

    first, second, ssh = everybody
    assert in_order(*made(everybody), list(reversed(everybody)))
    assert in_order(*made([first], naming=False), [second])  # nobody can tell
    assert not in_order(*made([first]), [second])
    assert not in_order(*made(everybody), [first, ssh])
    assert not in_order(*made([first]), [first, ssh])
    assert not in_order(*made([first, second], naming=False), [first])
    other = recipient(f"ssh-ed25519 {key.public.split()[1]}")
    assert in_order(*made([ssh], naming=False), [other])
