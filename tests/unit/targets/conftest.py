"""Runners for tests: signed like real ones, and made of a few lines of script."""

import base64
import gzip
import hashlib
import json

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

SCRIPT = """#!/usr/bin/env python3
import json, os, sys
def say(**frame):
    print(json.dumps(frame), flush=True)
say(type="READY", protocol=1, version="0", os="linux", arch="amd64", pid=os.getpid(), uid=os.getuid(),
    boot_id="b", commands=[], watch="none")
for line in sys.stdin:
    frame = json.loads(line)
    if frame["type"] == "CMD":
        say(type="DONE", id=frame["id"], results=[{"ok": {"argv": sys.argv, "cwd": os.getcwd(),
            "sid": os.getsid(0), "environ": dict(os.environ)}}])
    if frame["type"] == "EXIT":
        say(type="EXIT", reason="exit")
        break
"""


class Build:
    """A directory of artefacts, and the key that they are signed with."""

    def __init__(self, directory):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.public_key = directory / "runner.pub"
        self.public_key.write_bytes(
            self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        for arch in ("amd64", "arm64"):
            self.make(arch, SCRIPT.encode() + f"# {arch}\n".encode())

    def path(self, arch, suffix=""):
        return self.directory / f"runner-linux-{arch}{suffix}"

    def make(self, arch, content):
        self.path(arch).write_bytes(content)
        self.path(arch).chmod(0o755)
        self.path(arch, ".gz").write_bytes(gzip.compress(content))
        signed = self.key.sign(content, ec.ECDSA(hashes.SHA256()))
        self.path(arch, ".sig").write_bytes(base64.b64encode(signed) + b"\n")
        manifest = self.directory / "MANIFEST.json"
        files = json.loads(manifest.read_text())["files"] if manifest.exists() else {}
        files[f"runner-linux-{arch}"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        manifest.write_text(json.dumps({"version": "0", "files": files}))


@pytest.fixture
def build(tmp_path):
    directory = tmp_path / "artifacts"
    directory.mkdir()
    return Build(directory)
