"""A ciphertext is opened once, and what it holds is forgotten when nobody here may open it any more."""

import pytest

from reconciler.age import opening as module
from reconciler.age.opening import Opening
from reconciler.age.sealing import sealed
from reconciler.model.secrets import IDENTITIES, Encrypted, KeyRef, SecretError, SecretMissing

OPENER = KeyRef("Secret", "shop", "froyo-age", "age.key")


@pytest.fixture
def counted(monkeypatch):
    calls, real = [], module.opened
    monkeypatch.setattr(module, "opened", lambda *given: calls.append(1) or real(*given))
    return calls


def test_it_is_opened_once(alice, bob, everybody, counted):
    had = {None: [alice], OPENER: [bob]}
    opening = Opening(had.__getitem__)
    one = Encrypted(sealed(b"hunter2\n", everybody).encode())
    assert [opening.read(one) for _ in range(3)] == ["hunter2"] * 3
    assert len(counted) == 1
    there = Encrypted(one.content, identity=OPENER)
    assert (one.place, there.place) == (IDENTITIES, "Secret:shop/froyo-age")
    assert opening.read(there) == "hunter2"
    assert len(counted) == 2  # for another one's eyes
    had[None] = [bob]
    assert opening.read(one) == "hunter2"
    assert len(counted) == 3
    had[None] = []
    with pytest.raises(SecretMissing, match="there is no identity here"):
        opening.read(one)
    assert opening.read(there) == "hunter2"
    assert len(counted) == 4


def test_so_much_is_remembered_and_no_more(alice, everybody, counted, monkeypatch):
    monkeypatch.setattr(module, "MOST", 100)
    opening = Opening(lambda _: [alice])
    many = [Encrypted(sealed(b"x" * 40, everybody[:1]).encode()) for _ in range(3)]
    for one in (*many, many[1], many[2], many[0]):
        assert opening.read(one) == "x" * 40
    assert len(counted) == 4


def test_what_is_no_secret_is_said_to_be_none(alice, everybody):
    opening = Opening(lambda _: [alice])
    for content, why in (
        (b"\xff" * 10, "no text in UTF-8"),
        (b"x" * 70_000, "holds 70000 bytes"),
        (b"a\0b", "a NUL"),
    ):
        one = Encrypted(sealed(content, everybody).encode(), path="a.age")
        with pytest.raises(SecretError, match=f"a.age.*{why}"):
            opening.read(one)
    with pytest.raises(SecretError, match=r"^a.age: this is nothing that age"):
        opening.read(Encrypted(b"hunter2", path="a.age"))
    with pytest.raises(SecretError, match=r"^this is nothing that age"):
        opening.read(Encrypted(b"hunter2"))
    assert "hunter2" not in repr(Encrypted(b"hunter2"))
