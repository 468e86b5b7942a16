"""What names a store on a server, and what is refused before anything is done with it."""

from __future__ import annotations

import pytest

from reconciler.app.places import places
from reconciler.errors import StoreError, UsageError
from reconciler.store.opening import connecting as place_of
from reconciler.store.postgresql import connecting
from reconciler.store.postgresql.address import checked


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://froyo@db.example.org/froyo",
        "postgres://db/froyo",
        "postgresql://froyo@db.example.org:5433/froyo?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgresql://froyo@%2Frun%2Fpostgresql/froyo",
        "postgresql:///froyo?host=/run/postgresql&passfile=/etc/froyo/pgpass",
        "postgresql://froyo@db1,db2:5433/froyo?target_session_attrs=read-write",
        "postgresql://froyo@[::1]:5432/froyo",
    ],
)
def test_an_address_is_taken_as_libpq_takes_it(address, tmp_path):
    assert checked(address) == address
    where = places({"HOME": str(tmp_path), "FROYO_STORE": address})
    assert where.store == where.kept_in == where.address == address
    assert where.has_store


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://froyo:hunter2@db.example.org/froyo",
        "postgresql://froyo:hunter2@db1,db2/froyo",
        "postgresql://froyo@db/froyo?password=hunter2",
        "postgresql://froyo@db/froyo?sslmode=require&sslpassword=hunter2",
        "postgresql://:hunter2@/froyo",
        "postgresql://froyo:5/hunter2@db/froyo",
        "postgresql://froyo:x/hunter2@db/froyo",
        "postgresql://froyo:5#hunter2@db/froyo",
        "postgresql://froyo:5?hunter2@db/froyo",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(address, tmp_path):
    with pytest.raises(UsageError, match=r"there is a password in the address, .*~/\.pgpass") as caught:
        places({"HOME": str(tmp_path), "FROYO_STORE": address})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "/var/lib/froyo",
            "not '/var/lib/froyo'; a store on this machine is in the directory that --state names",
        ),
        ("mysql://u:hunter2@db/froyo", "not mysql://…"),
        ("host=db user=froyo password=hunter2", "not that"),
        ("host=db password=hunter2 sslrootcert=x://y", "not that"),
        ("postgresql://froyo:hunter2[@db/froyo", "an address ends with"),
        ("postgresql://froyo:hunter2/froyo", "postgresql://…: a port is a number"),
        ("postgresql://froyo@db:543x/froyo", "postgresql://…: a port is a number"),
        ("postgresql://db.example.org", "an address ends with the name of a database"),
        ("postgresql://db/froyo/more", "an address ends with the name of a database"),
        (
            "postgresql://db/froyo?options=-csearch_path%3Dx",
            "froyo takes no 'options' in an address; it takes channel",
        ),
    ],
)
def test_what_is_no_address_is_refused(address, told):
    with pytest.raises(UsageError) as caught:
        checked(address)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_without_one_the_store_is_in_the_state_directory(tmp_path):
    where = places({"HOME": str(tmp_path), "FROYO_STORE": ""})
    assert where.store == where.database
    assert where.kept_in == str(where.state)
    assert not where.has_store


def test_without_the_driver_it_is_said_how_to_have_it(monkeypatch):
    monkeypatch.setattr(connecting, "_missing", ImportError("No module named 'psycopg'"))
    with pytest.raises(
        StoreError, match=r"is not installed \(No module .*; install it: pip install 'openfroyo\[postg"
    ):
        place_of("postgresql://db/froyo")
