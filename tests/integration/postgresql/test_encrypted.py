"""The way to a real server, encrypted: whose certificate is believed, ours, and where the password comes from."""

from __future__ import annotations

import os
import subprocess

import pytest

from reconciler.errors import ErrorClass, StoreError
from reconciler.store.batch import Batch
from tests.postgresql.server import server
from tests.unit.store.values import event

USER = "froyo"
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    """Makes certificates, as `openssl` does.

    Args:
        directory: where they are put.
    """

    def __init__(self, directory):
        self._directory = directory
        for name in ("ca", "other"):
            self._openssl(
                "req",
                "-x509",
                *CURVE,
                "-keyout",
                f"{name}.key",
                "-out",
                f"{name}.crt",
                "-subj",
                f"/CN={name}",
            )
        self._sign("server", "localhost")
        self._sign("elsewhere", "db.example.org")
        self._sign("client", USER)
        self._sign("stranger", USER, by="other")

    def _openssl(self, *words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=self._directory)

    def _sign(self, name, subject, by="ca"):
        (self._directory / "names").write_text(f"subjectAltName=DNS:{subject}\n")
        self._openssl(
            "req", *CURVE, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}"
        )
        signing = ["-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial", "-extfile", "names"]
        self._openssl("x509", "-req", "-in", f"{name}.csr", *signing, "-out", f"{name}.crt")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    directory = tmp_path_factory.mktemp("certificates")
    Authority(directory)
    return directory


@pytest.fixture(scope="module")
def encrypted(certificates):
    """A server that lets USER in by a certificate, and `guarded` ones by a password, on an encrypted way only."""
    with server() as one:
        one.ask(f"CREATE ROLE {USER} LOGIN; CREATE SCHEMA {USER} AUTHORIZATION {USER}")
        one.ask("CREATE ROLE byword LOGIN PASSWORD 'hunter2'; CREATE SCHEMA byword AUTHORIZATION byword")
        rules = one.data / "pg_hba.conf"
        ours = f"hostssl all {USER} 127.0.0.1/32 cert\nhost all {USER} 127.0.0.1/32 reject\n"
        ours += "hostssl all byword 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(ours + rules.read_text())
        one.stop()
        present(one, certificates, "server")
        yield one


def present(one, certificates, name):
    """Have the server show that certificate."""
    for ending in ("crt", "key"):
        there = one.data / f"shown.{ending}"
        there.write_bytes((certificates / f"{name}.{ending}").read_bytes())
        there.chmod(0o600)
        one.owned(there)
    trusted = one.data / "trusted.crt"
    trusted.write_bytes((certificates / "ca.crt").read_bytes())
    one.owned(trusted)
    one.stop()
    shown = ("ssl=on", "ssl_cert_file=shown.crt", "ssl_key_file=shown.key", "ssl_ca_file=trusted.crt")
    one.start(*shown)


@pytest.fixture
def address(encrypted, certificates):
    def made(host="localhost", user=USER, **parameters):
        wanted = {"sslmode": "verify-full", "sslrootcert": certificates / "ca.crt"}
        if user == USER:
            wanted |= {"sslcert": certificates / "client.crt", "sslkey": certificates / "client.key"}
        wanted |= parameters
        said = "&".join(f"{name}={value}" for name, value in wanted.items() if value is not None)
        return f"postgresql://{user}@{host}:{encrypted.port}/froyo?{said}"

    return made


async def test_both_show_certificates_and_the_store_is_written_encrypted(open_store, address, encrypted):
    store = await open_store(address())
    await store.write(Batch().add_events([event("once")]))
    assert [one.message for one in await store.events()] == ["once"]
    seen = encrypted.ask(
        "SELECT DISTINCT ssl, client_dn FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
        f"WHERE usename = '{USER}'"
    )
    assert seen == [(True, f"/CN={USER}")]


@pytest.mark.parametrize(
    ("host", "change", "told"),
    [
        ("localhost", {"sslrootcert": "other.crt"}, "the certificate of its server was signed by nobody who"),
        ("127.0.0.1", {}, "the certificate of its server is for another name"),
        ("localhost", {"sslrootcert": "nothere.crt"}, "there is no certificate to check its server by"),
        ("localhost", {"sslcert": None, "sslkey": None}, "its server wants a certificate of ours"),
        ("localhost", {"sslcert": "stranger.crt", "sslkey": "stranger.key"}, "its server does not take our"),
        ("localhost", {"sslkey": "nothere.key"}, "the key of our certificate cannot be used"),
        ("localhost", {"sslkey": "stranger.key"}, "the key of our certificate cannot be used"),
        ("localhost", {"sslmode": "disable", "sslrootcert": None}, "the server does not let this user in"),
    ],
    ids=str,
)
async def test_what_is_not_verified_is_refused(open_store, address, certificates, host, change, told):
    # libpq looks for a certificate in the home directory where none is named.
    files = {
        name: certificates / value if value and name != "sslmode" else value for name, value in change.items()
    }
    with pytest.raises(StoreError) as caught:
        await open_store(address(host, **files))
    assert f": {told}" in str(caught.value)
    assert "; " in str(caught.value)
    assert caught.value.error_class is ErrorClass.PERMANENT


async def test_a_key_that_others_can_read_is_not_used(open_store, address, certificates, tmp_path):
    key = tmp_path / "client.key"
    key.write_bytes((certificates / "client.key").read_bytes())
    key.chmod(0o644)
    with pytest.raises(StoreError, match=r"the key of our certificate cannot be used .* chmod 0600"):
        await open_store(address(sslkey=key))


async def test_a_server_that_does_not_encrypt_is_refused(open_store, address, shared_server, encrypted):
    plain = address().replace(f":{encrypted.port}/", f":{shared_server.port}/")
    with pytest.raises(StoreError, match=r"its server does not encrypt .*set ssl = on"):
        await open_store(plain)


async def test_a_certificate_for_another_name_is_refused_when_the_server_comes_back_with_it(
    open_store, address, encrypted, certificates
):
    store = await open_store(address())
    try:
        present(encrypted, certificates, "elsewhere")
        with pytest.raises(
            StoreError, match=r"the certificate of its server is for another name .*elsewhere|db\.ex"
        ):
            await store.write(Batch().add_events([event("lost")]))
    finally:
        present(encrypted, certificates, "server")
    await store.write(Batch().add_events([event("found")]))
    assert [one.message for one in await store.events()][-1] == "found"


async def test_a_password_is_read_from_its_file_whenever_it_is_needed(
    open_store, address, encrypted, tmp_path, monkeypatch
):
    file = tmp_path / "password"
    monkeypatch.setenv("FROYO_STORE_PASSWORD_FILE", str(file))
    where = address(user="byword")
    with pytest.raises(
        StoreError, match=rf": {file}: the password of the store cannot be read \(No such file"
    ):
        await open_store(where)
    file.write_text("hunter2\n")
    file.chmod(0o640)
    store = await open_store(where)
    encrypted.ask("ALTER ROLE byword PASSWORD 'hunter3'")
    encrypted.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'byword'")
    with pytest.raises(StoreError, match="the server wants another password") as caught:
        await store.write(Batch().add_events([event("lost")]))
    assert "hunter2" not in str(caught.value)
    file.write_text("hunter3\n")
    await store.write(Batch().add_events([event("found")]))
    encrypted.ask("ALTER ROLE byword PASSWORD 'hunter2'")


@pytest.mark.parametrize(
    ("text", "mode", "told"),
    [
        (b"hunter2\n", 0o644, r"everybody can read the password of the store \(mode 0644\); run: chmod o="),
        (b"\n", 0o600, "it holds no password"),
        (b"hunter2\nmore\n", 0o600, "it holds no password"),
        (b"hunter\xff\n", 0o600, r"cannot be read \(it is no text\)"),
    ],
)
async def test_a_file_that_is_not_fit_for_a_password_is_refused(
    open_store, address, tmp_path, monkeypatch, text, mode, told
):
    file = tmp_path / "password"
    file.write_bytes(text)
    os.chmod(file, mode)
    monkeypatch.setenv("FROYO_STORE_PASSWORD_FILE", str(file))
    with pytest.raises(StoreError, match=told) as caught:
        await open_store(address(user="byword"))
    assert "hunter" not in str(caught.value)
