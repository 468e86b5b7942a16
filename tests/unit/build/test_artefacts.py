"""What the build leaves behind, and when it does anything at all."""

import base64
import gzip
import hashlib
import json
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

import hatch_build
from hatch_build import BuildError, build


def contents(checkout):
    return {
        str(path.relative_to(checkout.artifacts)): path.read_bytes()
        for path in checkout.artifacts.rglob("*")
        if path.is_file()
    }


def built(checkout, *only):
    said = []
    build(checkout, only=only, echo=said.append)
    return [line.split()[1].rstrip(":") for line in said]


def write_key(path, key):
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return str(path)


def test_everything_is_listed_with_its_digest_and_nothing_else_is_there(make_checkout):
    checkout = make_checkout()
    (checkout.artifacts / "providers" / "dropped").mkdir(parents=True)
    (checkout.artifacts / "providers" / "dropped" / "manifest.yaml").write_text("of an older version")
    build(checkout, echo=lambda _: None)
    found = contents(checkout)
    manifest = json.loads(found.pop("MANIFEST.json"))
    assert manifest["version"] == "1.2.3"
    sources = json.loads(found.pop("SOURCES.json"))
    assert sources["runner-linux-amd64"].keys() == {"micro_runner/go.mod", "micro_runner/main.go"}
    manifest_of_files = (checkout.root / "providers/linux.file/manifest.yaml").read_bytes()
    assert (
        sources["providers"]["providers/linux.file/manifest.yaml"]
        == hashlib.sha256(manifest_of_files).hexdigest()
    )
    assert manifest["files"] == {
        name: {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for name, content in found.items()
    }
    assert sorted(found) == [
        f"compiler-linux-{hatch_build.compilers()[0]}",
        "providers/linux.file/manifest.yaml",
        "providers/linux.file/schemas/file.json",
        "python-runtime.wasm",
        *(f"runner-linux-{arch}{suffix}" for arch in ("amd64", "arm64") for suffix in SUFFIXES),
        "runner.pub",
    ]


SUFFIXES = ("", ".gz", ".sig", ".sigstore.json")


def test_the_same_sources_and_key_give_the_same_bytes_wherever_they_are(make_checkout, monkeypatch, tmp_path):
    key = ec.generate_private_key(ec.SECP256R1())
    monkeypatch.setenv("FROYO_SIGNING_KEY", write_key(tmp_path / "key.pem", key))
    here, there = make_checkout("here"), make_checkout("somewhere/else")
    built(here), built(there)
    assert contents(here) == contents(there)


def test_the_runner_is_static_knows_its_version_and_key_and_travels_compressed(make_checkout):
    checkout = make_checkout()
    built(checkout, "runner")
    runner = checkout.artifacts / "runner-linux-amd64"
    said = subprocess.run([runner], check=True, capture_output=True, text=True).stderr.split()
    pem = serialization.load_pem_public_key((checkout.artifacts / "runner.pub").read_bytes())
    der = pem.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert said == ["1.2.3", base64.b64encode(der).decode()]
    assert gzip.decompress(runner.with_name(f"{runner.name}.gz").read_bytes()) == runner.read_bytes()
    assert b"interp" not in runner.read_bytes()[:4096]


def test_the_signature_is_what_cosign_sign_blob_writes(make_checkout):
    checkout = make_checkout()
    built(checkout, "runner")
    content = (checkout.artifacts / "runner-linux-arm64").read_bytes()
    public = serialization.load_pem_public_key((checkout.artifacts / "runner.pub").read_bytes())
    signature = base64.b64decode((checkout.artifacts / "runner-linux-arm64.sig").read_bytes())
    public.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    bundle = json.loads((checkout.artifacts / "runner-linux-arm64.sigstore.json").read_bytes())
    assert bundle["mediaType"] == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert base64.b64decode(bundle["messageSignature"]["signature"]) == signature
    digest = base64.b64decode(bundle["messageSignature"]["messageDigest"]["digest"])
    assert digest == hashlib.sha256(content).digest()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on this machine")
def test_openssl_accepts_the_signature_and_refuses_a_changed_runner(make_checkout, tmp_path):
    checkout = make_checkout()
    built(checkout, "runner")
    runner = checkout.artifacts / "runner-linux-amd64"
    (tmp_path / "sig").write_bytes(base64.b64decode(runner.with_name(f"{runner.name}.sig").read_bytes()))
    verify = ["openssl", "dgst", "-sha256", "-verify", checkout.artifacts / "runner.pub"]
    verify += ["-signature", tmp_path / "sig"]
    assert subprocess.run([*verify, runner], check=False, capture_output=True).returncode == 0
    runner.write_bytes(runner.read_bytes() + b"\0")
    assert subprocess.run([*verify, runner], check=False, capture_output=True).returncode != 0


def test_only_what_has_changed_is_built_again(make_checkout):
    checkout = make_checkout()
    compiler = f"compiler-linux-{hatch_build.compilers()[0]}"
    everything = ["runner-linux-amd64", "runner-linux-arm64", compiler, "python-runtime.wasm", "providers"]
    assert built(checkout) == everything
    assert built(checkout) == []
    (checkout.root / "micro_runner" / "main_test.go").write_text("package main\n")
    assert built(checkout) == []
    (checkout.root / "reconciler/config/compiler/main_test.go").write_text("package main // another one\n")
    (checkout.root / "reconciler/config/compiler/client.py").write_text("of what speaks to it")
    assert built(checkout) == []
    (checkout.root / "providers/sdk/froyo_provider/fault.py").write_text("")
    assert built(checkout) == ["python-runtime.wasm"]
    (checkout.root / "providers/linux.file/plugin.py").write_text(
        "# the built-in plugins are in the runtime, too\n"
    )
    assert built(checkout) == ["python-runtime.wasm", "providers"]
    (checkout.root / "providers/linux.file/plugin.py").unlink()
    (checkout.root / "providers/linux.file/manifest.yaml").unlink()
    assert built(checkout) == ["python-runtime.wasm", "providers"]
    assert not (checkout.artifacts / "providers").exists()
    assert built(checkout._replace(version="1.2.4")) == ["runner-linux-amd64", "runner-linux-arm64"]


@pytest.mark.parametrize("harm", ["changed", "removed", "stamp"])
def test_an_artefact_that_is_not_as_it_was_left_is_made_again(make_checkout, harm):
    checkout = make_checkout()
    built(checkout, "runtime")
    artefact = checkout.artifacts / "python-runtime.wasm"
    whole = artefact.read_bytes()
    match harm:
        case "changed":
            artefact.write_bytes(b"half of i")
        case "removed":
            artefact.unlink()
        case "stamp":
            (checkout.work / "stamps" / "python-runtime.wasm.json").write_text('{"inputs"')
    assert built(checkout, "runtime") == ["python-runtime.wasm"]
    assert artefact.read_bytes() == whole


def test_one_step_alone_leaves_the_others_listed(make_checkout):
    checkout = make_checkout()
    built(checkout)
    before = contents(checkout)
    assert built(checkout, "providers") == []
    assert contents(checkout) == before


def test_the_checkouts_own_key_is_private_and_stays_the_same(make_checkout):
    checkout = make_checkout()
    first = hatch_build.signing_key(checkout)
    path = checkout.work / "signing.key"
    assert path.stat().st_mode & 0o7777 == 0o600
    assert hatch_build.signing_key(checkout).private_numbers() == first.private_numbers()


def test_another_key_signs_the_runner_anew(make_checkout, monkeypatch, tmp_path):
    checkout = make_checkout()
    built(checkout, "runner")
    key = ec.generate_private_key(ec.SECP256R1())
    monkeypatch.setenv("FROYO_SIGNING_KEY", write_key(tmp_path / "release.pem", key))
    assert built(checkout, "runner") == ["runner-linux-amd64", "runner-linux-arm64"]
    assert (checkout.artifacts / "runner.pub").read_bytes() == hatch_build.public_pem(key)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(str, "not a private key", id="missing"),
        pytest.param(
            lambda path: path.write_text("-----BEGIN") and str(path), "not a private key", id="broken"
        ),
        pytest.param(
            lambda path: write_key(path, rsa.generate_private_key(65537, 2048)), "another kind", id="rsa"
        ),
        pytest.param(
            lambda path: write_key(path, ec.generate_private_key(ec.SECP384R1())), "another kind", id="p384"
        ),
    ],
)
def test_a_key_that_cannot_sign_is_refused_by_name(make_checkout, monkeypatch, tmp_path, make, says):
    monkeypatch.setenv("FROYO_SIGNING_KEY", make(tmp_path / "key.pem"))
    with pytest.raises(BuildError, match=f"key.pem: .*{says}"):
        built(make_checkout(), "runner")


def test_a_runner_that_does_not_compile_says_what_the_compiler_says(make_checkout):
    checkout = make_checkout()
    (checkout.root / "micro_runner" / "main.go").write_text("package main\n\nfunc main() { undefined() }\n")
    with pytest.raises(BuildError, match=r"linux/amd64:[^$]*main.go:3:15: undefined: undefined"):
        built(checkout, "runner")
    assert contents(checkout) == {}


@pytest.mark.parametrize(
    ("step", "missing"),
    [
        ("runner", "micro_runner/go.mod"),
        ("compiler", "reconciler/config/compiler/go.mod"),
        ("runtime", "providers/runtime/build.py"),
    ],
)
def test_an_incomplete_checkout_is_named(make_checkout, step, missing):
    checkout = make_checkout()
    (checkout.root / missing).unlink()
    with pytest.raises(BuildError, match=f"{missing} is missing"):
        built(checkout, step)


def test_a_runtime_that_cannot_be_made_says_why(make_checkout):
    checkout = make_checkout()
    recipe = checkout.root / "providers" / "runtime" / "build.py"
    recipe.write_text("def build(out, sdk_dir, plugins):\n    raise RuntimeError('no such module: froyo')\n")
    with pytest.raises(BuildError, match="provider runtime cannot be built: no such module: froyo"):
        built(checkout, "runtime")


def wants_a_module(checkout):
    """The compiler of a checkout, made of a module that is nowhere."""
    module = checkout.root / "reconciler" / "config" / "compiler"
    (module / "go.mod").write_text("module compiler\n\ngo 1.24\n\nrequire example.invalid/nowhere v1.0.0\n")
    (module / "main.go").write_text('package main\n\nimport _ "example.invalid/nowhere"\n\nfunc main() {}\n')


def test_all_else_is_built_where_the_modules_of_the_compiler_cannot_be_fetched(make_checkout, monkeypatch):
    monkeypatch.setenv("GOPROXY", "off")
    checkout = make_checkout()
    built(checkout)
    name = f"compiler-linux-{hatch_build.compilers()[0]}"
    before = contents(checkout)
    wants_a_module(checkout)
    said = []
    build(checkout, echo=said.append)
    assert [line for line in said if name in line] == said
    assert said[0].startswith(f"left out {name}, and what needs it will say so: ")
    assert contents(checkout).keys() == before.keys() - {name}
    for listing in ("MANIFEST.json", "SOURCES.json"):
        assert name not in contents(checkout)[listing].decode()
    # Not remembered as done: it is tried again.
    assert built(checkout, "compiler") == ["out"]
    assert name not in contents(checkout)["MANIFEST.json"].decode()


def test_the_compiler_is_built_for_the_architectures_that_are_named(make_checkout, monkeypatch):
    monkeypatch.setenv("FROYO_COMPILERS", "amd64,arm64")
    assert built(make_checkout(), "compiler") == ["compiler-linux-amd64", "compiler-linux-arm64"]


def test_a_compiler_that_does_not_compile_says_what_go_says(make_checkout):
    checkout = make_checkout()
    (checkout.root / "reconciler/config/compiler/main.go").write_text(
        "package main\n\nfunc main() { no() }\n"
    )
    with pytest.raises(BuildError, match=r"the compiler does not compile[^$]*main.go:3:15: undefined: no"):
        built(checkout, "compiler")
