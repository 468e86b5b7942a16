"""The webhook's certificate: believed by who is told of its authority, before and after it is exchanged."""

import base64
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest

from watchers.kubernetes.certificates import LIFE, Certificate, make, uninformed
from watchers.kubernetes.webhooks import names_of

NAMES = names_of("froyo-system")
NOW = datetime.now(UTC)


def spoken(shown, believed, tmp_path, name=NAMES[0]):
    """Shake hands, as the API server does."""
    (tmp_path / "chain").write_bytes(shown.chain)
    (tmp_path / "key").write_bytes(shown.key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    client = ssl.create_default_context(cadata=believed.decode())
    ours, theirs = socket.socketpair()

    def serve():
        try:
            serving.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join()


def test_who_knows_its_authority_believes_it_and_nobody_else_does(tmp_path):
    one = make(NAMES, NOW)
    spoken(one, one.authorities, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        spoken(one, make(NAMES, NOW).authorities, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        spoken(one, one.authorities, tmp_path, "other.froyo-system.svc")


def test_while_it_is_exchanged_the_old_and_the_new_one_are_believed_and_none_before(tmp_path):
    one = make(NAMES, NOW)
    two = make(NAMES, NOW, one)
    spoken(one, two.authorities, tmp_path)
    spoken(two, two.authorities, tmp_path)
    three = make(NAMES, NOW, two)
    assert three.authorities.count(b"BEGIN CERTIFICATE") == 2
    with pytest.raises(ssl.SSLCertVerificationError):
        spoken(one, three.authorities, tmp_path)


def test_it_is_exchanged_in_time_and_for_other_names():
    one = make(NAMES, NOW)
    assert one.serves(NAMES, NOW)
    assert not one.serves(names_of("elsewhere"), NOW)
    assert not one.serves(NAMES, NOW + LIFE - timedelta(days=29))
    assert not Certificate(b"", b"nonsense", b"").serves(NAMES, NOW)


def test_a_secret_has_all_of_it_or_none():
    one = make(NAMES, NOW)
    assert Certificate.of(one.data) == one
    assert Certificate.of({}) is None
    assert Certificate.of({**one.data, "tls.key": ""}) is None


def test_the_server_is_told_what_it_does_not_know():
    known = base64.b64encode(b"x").decode()
    given = {"webhooks": [{"clientConfig": {"caBundle": known}}, {"clientConfig": {}}]}
    assert uninformed(given, b"x") == [
        {"op": "add", "path": "/webhooks/1/clientConfig/caBundle", "value": known}
    ]
    assert uninformed({}, b"x") == []
