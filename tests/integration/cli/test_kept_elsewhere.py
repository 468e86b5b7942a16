"""Backups and saved plans are for recipients, where there are any: nobody else reads them who finds the file."""

import json

import pytest

from tests.integration.cli.conftest import person

__all__ = ["person"]


@pytest.fixture
def key(person):
    path = person.base / "age.key"
    public = person.froyo("secrets", "keygen", path).stdout.strip()
    person.environ["HOME"] = str(person.base / "home")
    return path, public


def test_a_backup_is_for_its_recipients(person, key):
    path, public = key
    person.froyo("apply", person.site)
    sealed, plain = person.base / "out" / "b.age", person.base / "b.tar"
    sealed.parent.mkdir()
    said = person.froyo("backup", sealed, "--recipient", public).stdout
    assert "it is encrypted for 1 recipient" in said
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in sealed.parent.iterdir()] == ["b.age"]
    assert b"here/File/motd" not in sealed.read_bytes()
    assert "encrypted" not in person.froyo("backup", plain).stdout
    assert b"here/File/motd" in plain.read_bytes()
    other = person.base / "other"
    refused = person.froyo("restore", "--backup", sealed, "--state", other, status=1).stderr
    assert "b.age: no identity" not in refused
    assert "there is no identity at" in refused
    assert not other.exists()
    person.environ["FROYO_AGE_KEY_FILE"] = str(path)
    assert "as it was at" in person.froyo("restore", "--backup", sealed, "--state", other).stdout
    assert {one["address"] for one in person.json("get", "--state", other)["items"]} == {
        one["address"] for one in person.json("get")["items"]
    }
    damaged = person.base / "damaged"
    damaged.write_bytes(sealed.read_bytes()[:-10])
    assert (
        "damaged: it is damaged"
        in person.froyo("restore", "--backup", damaged, "--state", person.base / "no", status=1).stderr
    )
    assert (
        "cannot be had back"
        in person.froyo(
            "restore", "--backup", person.base / "x", "--state", person.base / "no", status=1
        ).stderr
    )
    assert not [one for one in person.base.iterdir() if one.name.startswith(".froyo-backup")]


def test_an_operator_says_once_whom_they_are_for(person, key):
    path, public = key
    person.froyo("apply", person.site)
    (person.state / "recipients").write_text(f"# the safe\n{public}\n")
    made = person.json("backup", person.base / "b.age")
    assert made["recipients"] == [public]
    (person.machine / "etc" / "motd").write_text("spoiled\n")
    plan = person.base / "next.plan"
    person.froyo("plan", person.site, "--out", plan, status=2)
    assert plan.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert plan.stat().st_mode & 0o777 == 0o600
    assert "there is no identity at" in person.froyo("apply", "--plan", plan, status=1).stderr
    person.environ["FROYO_AGE_KEY_FILE"] = str(path)
    person.froyo("apply", "--plan", plan)
    assert (person.machine / "etc" / "motd").read_text() == "hello\n"
    plan.write_text(plan.read_text().replace("\n-----END", "AAAA\n-----END"))
    assert "next.plan: it is damaged" in person.froyo("apply", "--plan", plan, status=1).stderr
    (person.state / "recipients").write_text("hunter2\n")
    assert (
        "recipients:1: 'hunter2' is no recipient"
        in person.froyo("backup", person.base / "c", status=1).stderr
    )


def test_a_plan_is_plain_where_nobody_is_named(person):
    plan = person.base / "next.plan"
    person.froyo("plan", person.site, "--out", plan, status=2)
    assert json.loads(plan.read_text())["kind"] == "SavedPlan"
