"""Whose signature a revision has: told by git with the keys that the source names, and with no others.

Invariant: what is not signed by one of these is not used, however it is signed; whoever signs chooses the kind of a
signature, so a kind for which no keys are named verifies nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import TYPE_CHECKING

from watchers.git.program import GitFailed, GitProgram

if TYPE_CHECKING:
    from reconciler.model.repository import Verification
    from watchers.git.refs import Chosen

_LONGEST = 200


async def must_be_signed(git: GitProgram, verification: Verification, wanted: Chosen) -> None:
    """See that a revision is signed as it has to be.

    Args:
        git: with the revision in its repository.
        verification: whose signature counts.
        wanted: the revision.

    Raises:
        GitFailed: it is not, or that cannot be told.
    """
    what = "tag" if verification.tag else "commit"
    for path in filter(None, (verification.allowed_signers, verification.openpgp_keys)):
        if not os.access(path, os.R_OK):
            raise GitFailed(f"{path}: the keys by which {wanted.revision} is verified cannot be read")
    keys = tempfile.mkdtemp(prefix="keys-", dir=git.home)
    try:
        if verification.openpgp_keys:
            await _key_ring(git, verification.openpgp_keys, keys)
        status, _, said = await git.ask(
            *("-c", f"gpg.ssh.allowedSignersFile={verification.allowed_signers or os.devnull}"),
            *(
                "-c",
                "gpg.minTrustLevel=undefined",
                "-c",
                "gpg.x509.program=false",
                "-c",
                "gpg.ssh.program=ssh-keygen",
            ),
            *(
                "-c",
                "gpg.program=gpg",
                f"verify-{what}",
                "--raw",
                wanted.object if verification.tag else wanted.commit,
            ),
            more={"GNUPGHOME": keys},
        )
    finally:
        shutil.rmtree(keys, ignore_errors=True)
    if status or not _is_good(said, verification):
        raise GitFailed(
            f"{wanted.revision}: the {what} is not signed by anybody who may: {_why(said)}; nothing of it is used"
        )
    if verification.tag:
        # Who serves a tag chooses under which name: what was signed as v1.0.0 is no v2.0.0.
        head = (await git.run("cat-file", "tag", wanted.object)).partition(b"\n\n")[0]
        if f"tag {wanted.called}".encode("utf-8", "surrogateescape") not in head.split(b"\n"):
            raise GitFailed(
                f"{wanted.revision}: what was signed is a tag of another name; nothing of it is used"
            )


async def _key_ring(git: GitProgram, path: str, home: str) -> None:
    """Have the keys in a file be all that gpg knows in `home`: no trust is asked for beyond being named."""
    ring = os.path.join(home, "pubring.gpg")
    with open(os.path.join(home, "gpg.conf"), "w", encoding="ascii") as settings:  # noqa: ASYNC230 - a few bytes
        settings.write("trust-model always\nno-autostart\nno-auto-key-retrieve\n")
    with open(path, "rb") as file:  # noqa: ASYNC230 - a few kilobytes
        armoured = file.read(5) == b"-----"
    if armoured:
        argv = ["gpg", "--homedir", home, "--batch", "--quiet", "--output", ring, "--dearmor", path]
        await git.run_beside(argv, what=f"{path}: the keys cannot be read")
    else:
        shutil.copyfile(path, ring)


def _is_good(said: str, verification: Verification) -> bool:
    """Whether it says so in the words of a kind of signature for which there are keys."""
    ssh = re.search(r'^Good "git" signature for \S', said, re.MULTILINE) is not None
    openpgp = all(f"[GNUPG:] {word} " in said for word in ("GOODSIG", "VALIDSIG"))
    return bool((verification.allowed_signers and ssh) or (verification.openpgp_keys and openpgp))


def _why(said: str) -> str:
    if not said.strip() or "no signature found" in said:
        return "there is no signature"
    for word, meaning in (
        ("EXPKEYSIG", "its key has expired"),
        ("EXPSIG", "the signature has expired"),
        ("REVKEYSIG", "its key was revoked"),
        ("BADSIG", "it is not what was signed"),
        ("NO_PUBKEY", "the key is none of those that count"),
    ):
        if f"[GNUPG:] {word}" in said:
            return meaning
    if re.search(r'^Good "git" signature with', said, re.MULTILINE) or "No principal matched" in said:
        return "the key is none of those that count"
    return said.strip().splitlines()[-1][:_LONGEST]
