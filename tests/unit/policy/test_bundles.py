"""Bundles of OPA: what is in them, and whether who signed it may."""

import base64
import gzip
import hashlib
import hmac
import io
import json
import tarfile
import threading

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from wasmtime import wat2wasm

from reconciler.model.decisions import PolicyFinding
from reconciler.policy import bundles, program
from reconciler.policy.bundles import BundleKey, read_bundle
from reconciler.policy.failing import PolicyFailure
from reconciler.policy.shelf import PolicyShelf
from tests.unit.policy.conftest import NOW, written

SECRET = b"a secret of some length"


def packed(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def token(header, payload, sign):
    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    text = b".".join(part(json.dumps(one).encode()) for one in (header, payload))
    return (text + b"." + part(sign(text))).decode()


def hs256(text):
    return hmac.new(SECRET, text, hashlib.sha256).digest()


def signed(files, sign=hs256, algorithm="HS256", **more):
    listed = [
        {"name": name, "hash": hashlib.sha256(content).hexdigest(), "algorithm": "SHA-256"}
        for name, content in files.items()
    ]
    text = token({"alg": algorithm}, {"files": listed} | more.get("payload", {}), sign)
    return {**files, ".signatures.json": json.dumps({"signatures": [text]}).encode()}


def holes(size):
    """An archive of a few bytes with a file of that size, which has nothing but holes."""
    header = bytearray(tarfile.TarInfo("policy.wasm").tobuf(tarfile.GNU_FORMAT))
    header[156:157], header[483:495] = b"S", b"\x80" + size.to_bytes(11, "big")
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + sum(header[156:]) + 8 * 32)
    return gzip.compress(bytes(header) + bytes(1024))


@pytest.fixture(scope="module")
def wasm(compiler):
    rules = """
    package froyo.plan
    deny contains data.words.no if count(input.changes) > 0
    """
    answer = compiler.ask(
        "rego.compile", {}, files={"p.rego": rules}, entrypoints=["froyo/plan/deny"], refused=[]
    )
    return base64.b64decode(answer["wasm"])


@pytest.fixture(scope="module")
def files(wasm):
    return {
        "policy.wasm": wasm,
        "words/data.json": b'{"no":"not like this"}',
        ".manifest": b'{"revision":""}',
    }


def test_a_bundle_decides_with_its_own_data(asked, files):
    decision = asked(written(files={"made.tar.gz": packed(files)}), {"address": "x"})
    assert decision.deny == (PolicyFinding("not like this"),)


def test_beside_rules_that_are_written_both_have_their_say(asked, files):
    more = written(p='package froyo.plan\nwarn contains "hm"', files={"made.tar.gz": packed(files)})
    decision = asked(more, {"address": "x"})
    assert (len(decision.deny), len(decision.warn)) == (1, 1)


def test_one_that_decides_nothing_is_a_failure(asked, compiler):
    answer = compiler.ask(
        "rego.compile", {}, files={"p.rego": "package x\ny := 1"}, entrypoints=["x/y"], refused=[]
    )
    made = packed({"policy.wasm": base64.b64decode(answer["wasm"])})
    assert "it governs nothing: its entrypoints are x/y" in asked(written(files={"m.tgz": made})).failed


def test_one_that_calls_out_is_a_failure(asked, compiler):
    rules = 'package froyo.plan\ndeny contains "x" if rand.intn("x", 5) == 1'
    answer = compiler.ask(
        "rego.compile", {}, files={"p.rego": rules}, entrypoints=["froyo/plan/deny"], refused=[]
    )
    made = packed({"policy.wasm": base64.b64decode(answer["wasm"])})
    assert "it calls rand.intn" in asked(written(files={"m.tgz": made})).failed


def test_an_undefined_rule_of_one_is_a_failure(asked, compiler):
    rules = "package froyo.plan\ndeny := x if { some x in input.none }"
    answer = compiler.ask(
        "rego.compile", {}, files={"p.rego": rules}, entrypoints=["froyo/plan/deny"], refused=[]
    )
    made = packed({"policy.wasm": base64.b64decode(answer["wasm"])})
    assert "`deny` is undefined" in asked(written(files={"m.tgz": made})).failed


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no archive", "no archive as OPA makes them"),
        (gzip.compress(b"no archive" * 100), "no archive as OPA makes them"),
        (packed({}), "has no policy.wasm"),
        (packed({"policy.wasm": b"", "x/policy.wasm": b""}), "has 2 policy.wasm"),
        (packed({"policy.wasm": b"", "data.json": b"{"}), "data.json of the bundle is no JSON"),
        (packed({"policy.wasm": b"", "data.json": b"5"}), "is no mapping"),
        (packed({"policy.wasm": b"", "data.json": b'{"a": NaN}'}), "NaN is no number of JSON"),
        (holes(1 << 40), "policy.wasm of the bundle has holes"),
        (
            packed({"policy.wasm": b"", "data.json": b'{"a":1}', "a/data.json": b'{"b":1}'}),
            "says what another",
        ),
    ],
    ids=[
        "text",
        "compressed",
        "empty",
        "two",
        "no JSON",
        "a number",
        "no number",
        "holes",
        "twice",
    ],  # an archive has the time in it
)
def test_what_is_none_is_refused(content, why):
    with pytest.raises(PolicyFailure, match=why):
        read_bundle(content)


def clocks():
    """Those that tick, or could, in this process."""
    return {thread for thread in threading.enumerate() if thread.name == "froyo-policy-clock"}


def test_one_that_runs_on_while_it_is_loaded_is_stopped(monkeypatch, asked):
    endless = wat2wasm('(module (import "env" "memory" (memory 2)) (func $on (loop br 0)) (start $on))')
    monkeypatch.setattr(program, "LOADING", 0.1)
    before = clocks()
    decision = asked(written(files={"made.tgz": packed({"policy.wasm": bytes(endless)})}))
    assert "made.tgz: it cannot be loaded" in decision.failed
    assert clocks() == before
    monkeypatch.setattr(bundles, "MOST_CODE", 1)
    with pytest.raises(PolicyFailure, match=r"policy.wasm of the bundle is more than"):
        read_bundle(packed({"policy.wasm": bytes(endless)}))


def test_one_that_is_too_large_is_not_unpacked(monkeypatch):
    monkeypatch.setattr(bundles, "MOST_BYTES", 1000)
    with pytest.raises(PolicyFailure, match="has more than"):
        read_bundle(gzip.compress(b"\0" * 100_000))
    monkeypatch.setattr(bundles, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(bundles, "MOST_FILES", 1)
    with pytest.raises(PolicyFailure, match="more than 1 files"):
        read_bundle(packed({"a": b"", "b": b""}))


def test_one_that_is_signed_with_the_key_counts(files):
    assert read_bundle(packed(signed(files)), BundleKey(secret=SECRET)).data == {
        "words": {"no": "not like this"}
    }


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: {k: v for k, v in one.items() if k != ".signatures.json"}, "is not signed"),
        (lambda one: {**one, "more/data.json": b"{}"}, "not about what is in it: more/data.json"),
        (
            lambda one: {k: v for k, v in one.items() if k != ".manifest"},
            "not about what is in it: .manifest",
        ),
        (
            lambda one: {**one, "words/data.json": b'{"no":"fine"}'},
            "words/data.json of the bundle is not what",
        ),
        (lambda one: {**one, "policy.wasm": b""}, "policy.wasm of the bundle is not what was signed"),
        (lambda one: {**one, ".signatures.json": b"{}"}, "has to have one signature"),
        (lambda one: {**one, ".signatures.json": b'{"signatures": ["x"]}'}, "is no token"),
        (lambda one: {**one, ".signatures.json": b'{"signatures": ["MQ.MQ.MQ"]}'}, "is no token"),
    ],
)
def test_one_that_was_changed_does_not(files, change, why):
    with pytest.raises(PolicyFailure, match=why):
        read_bundle(packed(change(signed(files))), BundleKey(secret=SECRET))


def test_nor_one_with_another_key_or_an_algorithm_of_its_own_choice(files):
    other = BundleKey(secret=b"another secret of some length")
    for sign, algorithm in ((hs256, "HS256"), (lambda _text: b"", "none")):
        with pytest.raises(PolicyFailure, match="not made with the key"):
            read_bundle(packed(signed(files, sign, algorithm)), other)
    with pytest.raises(PolicyFailure, match="does not say what is in it"):
        read_bundle(packed(signed(files, payload={"files": 5})), BundleKey(secret=SECRET))


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_public_keys_do_too(files):
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())

    def rs256(text):
        return rsa_key.sign(text, padding.PKCS1v15(), hashes.SHA256())

    def es256(text):
        r, s = decode_dss_signature(ec_key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    assert read_bundle(packed(signed(files, rs256, "RS256")), BundleKey(pem=pem(rsa_key))).wasm
    assert read_bundle(packed(signed(files, es256, "ES256")), BundleKey(pem=pem(ec_key))).wasm
    for sign, algorithm, key in (
        (rs256, "RS256", ec_key),
        (es256, "ES256", rsa_key),
        (rs256, "ES256", ec_key),
    ):
        with pytest.raises(PolicyFailure, match="not made with the key"):
            read_bundle(packed(signed(files, sign, algorithm)), BundleKey(pem=pem(key)))
    other = rsa.generate_private_key(65537, 2048)
    with pytest.raises(PolicyFailure, match="not made with the key"):
        read_bundle(packed(signed(files, rs256, "RS256")), BundleKey(pem=pem(other)))
    with pytest.raises(PolicyFailure, match="no public key in PEM"):
        read_bundle(packed(signed(files, rs256, "RS256")), BundleKey(pem=b"-----BEGIN"))


def test_with_a_key_an_unsigned_one_denies(compiler, files):
    from reconciler.policy.deciding import decide

    strict = PolicyShelf(compiler, lambda: NOW, key=BundleKey(secret=SECRET))
    made = written(files={"made.tar.gz": packed(files)})
    decision = decide(strict, made, "plan", {"changes": []}, about="x", decisive=(), now=NOW)
    strict.close()
    assert "made.tar.gz: the bundle is not signed" in decision.failed
