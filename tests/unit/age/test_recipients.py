"""Whom something is for: public keys, one a line, as age itself reads them."""

import io

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from reconciler.age.header import named, stanzas
from reconciler.age.identities import identities_in
from reconciler.age.recipients import Recipient, in_order, listed, recipient, recipients_in
from reconciler.age.sealing import opened, seal_stream, sealed
from reconciler.model.secrets import SecretError, SecretMissing


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


@pytest.mark.parametrize(
    "spoil", [str.lower, lambda one: f" {one[4:]}", lambda one: one.replace("T", "B", 1)]
)
def test_an_identity_that_was_spoiled_on_its_way_is_not_told_either(alice, spoil):
    with pytest.raises(SecretError) as wrong:
        recipients_in(spoil(alice.secret), "r")
    assert spoil(alice.secret)[20:30] not in f"{wrong.value} {wrong.value.hint}"


def test_what_is_no_text_is_no_identity_and_is_not_told(alice):
    with pytest.raises(SecretError, match="FROYO_AGE_KEY is no text") as wrong:
        identities_in(f"{alice.secret[:-1]}\udcff", "FROYO_AGE_KEY")
    assert alice.secret[20:30] not in f"{wrong.value} {wrong.value.hint}"


def bech32(begin, data):
    """Bytes as age writes public keys."""
    value, digits = int.from_bytes(data) << (-len(data) * 8 % 5), []
    digits += [value >> (5 * place) & 31 for place in reversed(range(-(-len(data) * 8 // 5)))]
    head = [ord(one) >> 5 for one in begin] + [0] + [ord(one) & 31 for one in begin]
    check = 1
    for digit in [*head, *digits, *[0] * 6]:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ digit
        for bit, mixed in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= mixed if top >> bit & 1 else 0
    digits += [(check ^ 1) >> (5 * place) & 31 for place in reversed(range(6))]
    return f"{begin}1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[digit] for digit in digits)


def of_hardware(sort):
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    if sort == "p256tag":
        return bech32("age1tag", key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint))
    whole = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return bech32("age1tagpq", MLKEM768PrivateKey.generate().public_key().public_bytes_raw() + whole)


@pytest.mark.parametrize("sort", ["p256tag", "mlkem768p256tag"])
def test_what_is_for_hardware_says_so(sort, alice):
    to = [recipient(of_hardware(sort)) for _ in range(2)]
    content = sealed(b"hunter2", to).encode()
    assert [one.sort for one in stanzas(content)] == [sort, sort]
    assert in_order(stanzas(content), named(content), to)
    assert not in_order(stanzas(content), named(content), [recipient(of_hardware(sort)), to[1]])
    assert max(map(len, named(content))) < 80
    with pytest.raises(SecretMissing, match="no identity here opens it"):
        opened(content, [alice])


def test_what_holds_against_a_quantum_computer_is_for_such_alone(alice):
    to = [recipient(of_hardware("mlkem768p256tag")), recipient(alice.public)]
    with pytest.raises(SecretError, match="is for such recipients alone") as no:
        sealed(b"hunter2", to)
    assert no.value.hint == "keep them in a file of their own"
    with pytest.raises(SecretError, match="is for such recipients alone"):
        seal_stream(io.BytesIO(b"hunter2"), io.BytesIO(), to)
    content = sealed(b"hunter2", [recipient(of_hardware("p256tag")), to[1]]).encode()
    assert opened(content, [alice]) == b"hunter2"


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
