"""Identities of every sort, made once."""

import subprocess
from pathlib import Path

import pytest

from reconciler.age.identities import generated, identities_in
from reconciler.age.recipients import recipient


@pytest.fixture(scope="session")
def ssh_keys(tmp_path_factory):
    """Private keys of OpenSSH, by what they are."""
    made = tmp_path_factory.mktemp("keys")
    for name, sort, passphrase in (
        ("ed25519", ["-t", "ed25519"], ""),
        ("rsa", ["-t", "rsa", "-b", "2048"], ""),
        ("locked", ["-t", "ed25519"], "sesame"),
        ("ecdsa", ["-t", "ecdsa"], ""),
    ):
        command = ["ssh-keygen", "-q", *sort, "-N", passphrase, "-C", f"{name}@lab", "-f", str(made / name)]
        subprocess.run(command, check=True)
    pem = (made / "rsa").read_text()
    (made / "pem").write_text(pem)
    (made / "pem").chmod(0o600)
    anew = ["ssh-keygen", "-q", "-p", "-m", "PEM", "-N", "", "-f", str(made / "pem")]
    subprocess.run(anew, check=True, stdout=subprocess.DEVNULL)
    return {path.name: path.read_text() for path in made.iterdir()}


@pytest.fixture(scope="session")
def alice():
    return generated()


@pytest.fixture(scope="session")
def bob():
    return generated()


@pytest.fixture(scope="session")
def key(ssh_keys):
    [found] = identities_in(ssh_keys["ed25519"], "ed25519")
    return found


@pytest.fixture(scope="session")
def everybody(alice, bob, key):
    return [recipient(one.public) for one in (alice, bob, key)]


SOPS = Path(__file__).parent / "sops"
