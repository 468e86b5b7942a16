"""Files that `sops` itself has written, with age: what they hold, and what is wrong with those that were changed.

Made by sops 3.13.3 from plain texts that stand in `EXPECTED`, with the key beside them, which is for these tests alone.
"""

import re
from pathlib import Path

import pytest

from reconciler.age.identities import generated, identities_in
from reconciler.age.opening import Opening
from reconciler.age.sops import parsed, values
from reconciler.model.secrets import Encrypted, Sealing, SecretError, SecretMissing

HERE = Path(__file__).parent / "sops"
OWN = identities_in((HERE / "age.key").read_text(), "age.key")
EXPECTED = {
    "values.enc.yaml": {
        "db.user": "shop",
        "db.password": "hunter2hunter2",
        "db.port": "5432",
        "db.ratio": "0.25",
        "db.tls": "True",
        "hosts.0.name": "a.example.org",
        "hosts.0.token": "0123456789abcdef",
        "hosts.1": "fedcba9876543210",
        "smtp.server": "mail.example.org",
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    },
    "values.enc.json": {
        "db.password": "hunter2hunter2",
        "db.port": "5432",
        "db.list.0": "first of many",
        "db.list.1.deep": "second of many",
    },
    "values.enc.env": {"DB_PASSWORD": "hunter2hunter2", "MULTI": "one line\nand another"},
    "whole.txt": {"data": "whole file, of some lines\nthe second one\n"},
    "only.enc.yaml": {"db.password": "hunter2hunter2"},
    "vars.yaml": {
        "spec.values.db.user": "a-long-user",
        "spec.values.db.password": "hunter2hunter2",
        "spec.values.tokens.0": "0123456789abcdef",
    },
}


def content(name):
    return (HERE / name).read_bytes()


@pytest.mark.parametrize("name", EXPECTED)
def test_they_hold_what_was_encrypted(name):
    found = values(name, content(name), OWN)
    assert {".".join(key): value.decode() for key, value in found.items()} == EXPECTED[name]


def test_a_key_leads_to_a_value_also_where_it_has_dots_in_it():
    file = parsed("values.enc.yaml", content("values.enc.yaml"))
    assert file.at("db.password")[0] == ("db", "password")
    assert file.at("smtp.server")[0] == ("smtp.server",)
    assert file.at("hosts.0.token")[0] == ("hosts", "0", "token")
    assert file.at("hosts")[0] == ("hosts",)
    assert file.at("") == ((), file.tree)
    assert file.at("region_unencrypted") == (("region_unencrypted",), "eu-1")
    for wrong in ("nothing", "db.nothing", "db.password.x", "hosts.7", "smtp.x"):
        with pytest.raises(SecretError, match=rf"there is no {wrong} in values.enc.yaml"):
            file.at(wrong)
    whole = parsed("whole.txt", content("whole.txt"))
    assert whole.at("")[0] == ("data",)


def test_nobody_else_opens_them_and_is_told_whom_they_are_for():
    other = generated()
    with pytest.raises(SecretMissing, match=f"for {OWN[0].public}; tried: {other.public}") as no:
        values("values.enc.yaml", content("values.enc.yaml"), [other])
    assert "sops updatekeys" in no.value.hint


def spoiled(name, pattern, instead):
    text, number = re.subn(pattern, instead, content(name).decode(), count=1, flags=re.MULTILINE)
    assert number
    return text.encode()


@pytest.mark.parametrize(
    ("pattern", "instead", "why"),
    [
        (r"eu-1", "eu-2", "the MAC does not hold"),
        (r"^none: null\n", "", None),
        (r"^count_unencrypted: 12\n", "", "the MAC does not hold"),
        (r"port: ENC.*", "port: 5432", None),  # as it was: the MAC is over what it was
        (r"port: ENC.*", "port: 5433", "the MAC does not hold"),
        (
            r"password: ENC\[AES256_GCM,data:....",
            "password: ENC[AES256_GCM,data:AAAA",
            "the value of db.password was",
        ),
        (
            r"password: ENC\[AES256_GCM,data:....",
            "password: ENC[AES256_GCM,data:!!!!",
            "the value of db.password was",
        ),
        (r"lastmodified: .*", 'lastmodified: "2020-01-01T00:00:00Z"', "it was changed by something else"),
        (r"mac: ENC.*", "mac: none", "it was changed by something else"),
        (r"^    age:\n( {8}.*\n)+", "    age: []\n", "is not encrypted with age"),
    ],
)
def test_what_was_changed_gives_nothing(pattern, instead, why):
    changed = spoiled("values.enc.yaml", pattern, instead)
    if why is None:
        assert values("values.enc.yaml", changed, OWN)
        return
    with pytest.raises(SecretError, match=why):
        values("values.enc.yaml", changed, OWN)


def test_values_do_not_change_places():
    text = content("values.enc.yaml").decode()
    user, password = (re.search(rf"{name}: (ENC.*)", text)[1] for name in ("user", "password"))
    with pytest.raises(SecretError, match=r"the value of db\.user was changed"):
        values("values.enc.yaml", text.replace(user, password).encode(), OWN)


def test_only_what_is_encrypted_counts_where_it_says_so():
    assert values("only.enc.yaml", spoiled("only.enc.yaml", "user: shop", "user: other"), OWN)
    with pytest.raises(SecretError, match="MAC does not hold"):
        values("only.enc.yaml", spoiled("only.enc.yaml", "password: ENC.*", "password: mine"), OWN)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("x.yaml", b"a: 1\n", "is no file that sops has encrypted"),
        ("x.yaml", b"a: 1\n---\nb: 1\n", "is no file of one document that sops"),
        ("x.yaml", b"a: {\n", r"x\.yaml:\d+: "),
        ("x.ini", b"", "INI is not read"),
        ("x.env", b"A=1\n", "is no file that sops has encrypted"),
        ("x.env", b"A\n", "x.env:1: this is no line"),
        ("x.bin", b"\x00\xff", r"x\.bin:1: the byte 0x"),
        ("x.yaml", b" " * (4 * 1024 * 1024 + 1), "a file of secrets has"),
    ],
)
def test_what_is_none_is_said_to_be_none(name, text, why):
    with pytest.raises(SecretError, match=why):
        parsed(name, text)


def test_keys_of_others_and_shared_ones_are_not_read():
    with pytest.raises(SecretError, match="is shared among groups"):
        values("groups.enc.yaml", content("groups.enc.yaml"), OWN)
    pgp = spoiled("values.enc.yaml", r"^    age:\n( {8}.*\n)+", "    pgp: [{fp: AA}]\n")
    with pytest.raises(SecretError, match="not encrypted with age, but with pgp") as no:
        values("values.enc.yaml", pgp, OWN)
    assert "sops rotate --add-age" in no.value.hint


def sops(name, *key):
    return Encrypted(content(name), Sealing.SOPS, name, key)


def test_a_file_is_opened_once_and_names_itself_where_it_is_not(monkeypatch):
    had = [OWN]
    opening = Opening(lambda _: had[0])
    assert opening.read(sops("values.enc.yaml", "db", "password")) == "hunter2hunter2"
    monkeypatch.setattr("reconciler.age.sops.values", lambda *_: 1 / 0)
    assert opening.read(sops("values.enc.yaml", "hosts", "1")) == "fedcba9876543210"
    with pytest.raises(SecretError, match=r"there is no region of values\.enc\.yaml that"):
        opening.read(sops("values.enc.yaml", "region"))
    monkeypatch.undo()
    had[0] = [generated()]
    with pytest.raises(SecretMissing, match=r"values\.enc\.yaml: no identity here opens it"):
        opening.read(sops("values.enc.yaml", "hosts", "1"))


def test_a_value_that_only_looks_encrypted_is_looked_through_once():
    hostile = "ENC[AES256_GCM,data:" + ",iv:,tag:,type:" * 200_000
    text = content("values.enc.yaml").decode().replace("eu-1", f'"{hostile}"').encode()
    with pytest.raises(SecretError, match="MAC does not hold"):
        values("values.enc.yaml", text, OWN)


def test_what_is_for_very_many_is_not_tried(monkeypatch):
    monkeypatch.setattr("reconciler.age.sops.decrypting.MOST", 0)
    with pytest.raises(SecretError, match="more than 0 recipients"):
        values("values.enc.yaml", content("values.enc.yaml"), OWN)
