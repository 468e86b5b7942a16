import base64
import gzip
import hashlib
import json
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from reconciler.errors import TransportError
from reconciler.targets.artifacts import Artifacts, architecture


@pytest.fixture
def artifacts(build):
    return Artifacts(build.directory)


def test_a_runner_is_handed_out_as_it_was_signed(build, artifacts):
    content = build.path("amd64").read_bytes()
    runner = artifacts.binary("amd64")
    assert runner.content == content
    assert runner.sha256 == hashlib.sha256(content).hexdigest()
    assert base64.b64decode(runner.signature, validate=True)
    packed = artifacts.packed("arm64")
    assert gzip.decompress(packed.content) == build.path("arm64").read_bytes()
    assert packed.arch == "arm64"


def flip(path, offset=-1):
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("form", ["binary", "packed"])
def test_a_binary_that_was_tampered_with_is_refused(build, artifacts, form):
    changed = build.path("amd64").read_bytes().replace(b"exit", b"ExIt")
    build.path("amd64").write_bytes(changed)
    build.path("amd64", ".gz").write_bytes(gzip.compress(changed))
    with pytest.raises(TransportError, match=r"not the file that MANIFEST.json lists; build it with"):
        getattr(artifacts, form)("amd64")


@pytest.mark.parametrize("form", ["binary", "packed"])
def test_a_binary_that_somebody_else_has_signed_is_refused(build, artifacts, form):
    build.key = ec.generate_private_key(ec.SECP256R1())
    build.make("amd64", b"#!/bin/sh\nevil\n")
    with pytest.raises(TransportError, match=r"its signature does not verify with .*runner\.pub"):
        getattr(artifacts, form)("amd64")


def test_what_was_verified_before_is_not_verified_once_more_and_anything_else_is(build, artifacts):
    known = artifacts.binary("amd64").sha256
    assert artifacts.verified == {known}
    build.path("amd64", ".sig").write_bytes(build.path("arm64", ".sig").read_bytes())
    assert Artifacts(build.directory, verified=[known]).binary("amd64").sha256 == known
    build.key = ec.generate_private_key(ec.SECP256R1())
    build.make("amd64", b"#!/bin/sh\nevil\n")
    with pytest.raises(TransportError, match="signature does not verify"):
        Artifacts(build.directory, verified=[known]).binary("amd64")


@pytest.mark.parametrize("form", ["binary", "packed"])
def test_a_signature_of_another_binary_does_not_do(build, artifacts, form):
    build.path("amd64", ".sig").write_bytes(build.path("arm64", ".sig").read_bytes())
    with pytest.raises(TransportError, match="signature does not verify"):
        getattr(artifacts, form)("amd64")


@pytest.mark.parametrize("signature", [b"", b"not base64\n", b"\xff\xfe", b"aGVsbG8=\n"])
def test_what_is_no_signature_does_not_do(build, artifacts, signature):
    build.path("amd64", ".sig").write_bytes(signature)
    with pytest.raises(TransportError, match="signature does not verify"):
        artifacts.binary("amd64")


def test_a_binary_that_changes_after_it_was_verified_is_verified_again(build, artifacts):
    artifacts.binary("amd64")
    flip(build.path("amd64"))
    with pytest.raises(TransportError):
        artifacts.binary("amd64")


def test_what_was_verified_is_what_is_sent_whatever_becomes_of_the_file(build, artifacts):
    sent = artifacts.packed("amd64").content
    build.path("amd64", ".gz").write_bytes(b"evil")
    assert artifacts.packed("amd64").content == sent


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_bytes(b"hello"), "not a gzip file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "cut off"),
        (lambda path: path.write_bytes(path.read_bytes() + b"more"), "more than one gzip stream"),
        (lambda path: path.unlink(), "no such file or directory; build it with"),
    ],
)
def test_a_packed_runner_that_is_broken_says_what_to_do(build, artifacts, spoil, why):
    spoil(build.path("amd64", ".gz"))
    with pytest.raises(TransportError, match=why):
        artifacts.packed("amd64")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": {"runner-linux-amd64": {}}}', '{"files": 1}'])
def test_a_manifest_that_is_none_says_so(build, artifacts, content):
    (build.directory / "MANIFEST.json").write_text(content)
    with pytest.raises(TransportError, match="not a list of what was built"):
        artifacts.binary("amd64")


def test_a_manifest_that_does_not_list_the_runner_is_no_leave_to_use_it(build, artifacts):
    (build.directory / "MANIFEST.json").write_text(json.dumps({"files": {}}))
    with pytest.raises(TransportError, match="not the file that MANIFEST"):
        artifacts.binary("amd64")


def test_the_operator_may_name_another_key_to_verify_with(build, tmp_path):
    own = tmp_path / "own.pub"
    own.write_bytes(build.public_key.read_bytes())
    assert Artifacts(build.directory, public_key=own).binary("amd64")
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    own.write_bytes(pem(other))
    with pytest.raises(TransportError, match=r"does not verify with .*own\.pub"):
        Artifacts(build.directory, public_key=own).binary("amd64")


def pem(key):
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (b"hello", "not a public key in PEM"),
        (pem(ed25519.Ed25519PrivateKey.generate().public_key()), "not an ECDSA key on P-256"),
        (pem(ec.generate_private_key(ec.SECP384R1()).public_key()), "not an ECDSA key on P-256"),
    ],
    ids=["none", "Ed25519", "P-384"],
)
def test_a_key_of_another_kind_is_refused(build, artifacts, key, why):
    build.public_key.write_bytes(key)
    with pytest.raises(TransportError, match=why):
        artifacts.binary("amd64")


def test_machines_are_known_by_what_uname_calls_them():
    assert (architecture("x86_64"), architecture("aarch64")) == ("amd64", "arm64")
    with pytest.raises(
        TransportError, match="no runner for riscv64 machines, only for Linux on amd64, arm64"
    ):
        architecture("riscv64")


def test_what_is_read_ahead_is_verified_as_what_is_read_at_once(build, artifacts):
    artifacts.prefetch("amd64")
    assert artifacts.binary("amd64") == artifacts.binary("amd64")
    build.path("amd64").write_bytes(b"something else")
    artifacts.prefetch("amd64")
    with pytest.raises(TransportError, match=r"not the file that MANIFEST.json lists"):
        artifacts.binary("amd64")
    build.path("amd64").unlink()
    artifacts.prefetch("amd64")
    with pytest.raises(TransportError, match="o such file"):
        artifacts.binary("amd64")


PROGRAM = """
import sys
from pathlib import Path
from reconciler.errors import TransportError
from reconciler.targets.artifacts import Artifacts

artifacts = Artifacts(Path(sys.argv[1]))
artifacts.apart = True
try:
    print(artifacts.binary("amd64").arch)
except TransportError as error:
    print(error)
print("cryptography" in sys.modules)
"""


def apart(directory):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(directory)], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_signature_is_verified_by_a_process_of_its_own(build):
    assert apart(build.directory) == ["amd64", "False"]
    build.path("amd64", ".sig").write_bytes(build.path("arm64", ".sig").read_bytes())
    complaint, loaded = apart(build.directory)
    assert "its signature does not verify" in complaint
    assert loaded == "False"
    build.public_key.write_text("no key")
    complaint, loaded = apart(build.directory)
    assert "runner.pub: it is not a public key in PEM" in complaint
    assert loaded == "False"


def test_where_no_other_process_can_verify_it_this_one_does(build, monkeypatch):
    monkeypatch.delitem(sys.modules, "cryptography", raising=False)
    artifacts = Artifacts(build.directory)
    artifacts.apart = True
    for program in ("/nowhere", "/bin/false", "/bin/echo"):
        monkeypatch.setattr(sys, "executable", program)
        artifacts.verified.clear()
        monkeypatch.delitem(sys.modules, "cryptography", raising=False)
        assert artifacts.binary("amd64").arch == "amd64"
