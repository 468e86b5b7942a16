"""Who signed a revision, told by git with real keys: what nobody signed who may yields nothing."""

import subprocess
from pathlib import Path

import pytest

from reconciler.errors import UsageError
from reconciler.model.repository import GitPlace, Ref, RefKind, Verification
from reconciler.model.source import Snapshot, SourceReport
from tests.gnupg import gnupg
from tests.integration.watchers.origins import Fetched, Origin

SSH = ("-c", "gpg.format=ssh")


def key(directory: Path, name: str) -> Path:
    """A private key for SSH."""
    path = directory / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path


def signers(directory: Path, *keys: Path, options: str = 'namespaces="git"') -> str:
    path = directory / "allowed_signers"
    lines = [f"{one.name}@example {options} {one.with_suffix('.pub').read_text().strip()}\n" for one in keys]
    path.write_text("".join(lines))
    return str(path)


def sign(origin: Origin, with_key: Path | None, text: str) -> str:
    origin.write({"a.yaml": text})
    origin.git("add", "--all")
    how = ("-c", f"user.signingkey={with_key}", *SSH) if with_key else ()
    origin.git(*how, "commit", "--quiet", "-m", "m", *(["-S"] if with_key else []))
    return origin.git("rev-parse", "HEAD")


async def refused(fetched: Fetched, place: GitPlace, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        await fetched.source(place).take()


async def test_a_commit_counts_only_if_somebody_signed_it_who_may(
    origin: Origin, fetched: Fetched, tmp_path: Path
) -> None:
    ours, other = key(tmp_path, "ours"), key(tmp_path, "other")
    verified = Verification(allowed_signers=signers(tmp_path, ours))
    place = GitPlace(str(origin.path), verification=verified)
    first = sign(origin, ours, "1")
    source = fetched.source(place, interval=lambda: 0.01)
    items = source.snapshots()
    found = await anext(items)
    assert isinstance(found, Snapshot)
    assert found.revision == f"main@sha1:{first}"
    second = sign(origin, None, "2")
    said = await anext(items)
    assert isinstance(said, SourceReport)
    assert said.unreadable == (
        f"main@sha1:{second}: the commit is not signed by anybody who may: there is no signature; "
        "nothing of it is used"
    )
    sign(origin, other, "3")
    said = await anext(items)
    assert "the key is none of those that count" in said.unreadable  # type: ignore[union-attr]
    fourth = sign(origin, ours, "4")
    assert await anext(items) == SourceReport()
    assert (await anext(items)).revision == f"main@sha1:{fourth}"  # type: ignore[union-attr]
    await items.aclose()


async def test_a_signature_for_something_else_is_none(
    origin: Origin, fetched: Fetched, tmp_path: Path
) -> None:
    ours = key(tmp_path, "ours")
    place = GitPlace(
        str(origin.path),
        verification=Verification(allowed_signers=signers(tmp_path, ours, options='namespaces="file"')),
    )
    sign(origin, ours, "1")
    await refused(fetched, place, "not signed by anybody who may")
    signers(tmp_path, ours, options='valid-before="20200101"')
    await refused(fetched, place, "not signed by anybody who may")
    signers(tmp_path, ours)
    signed = origin.git("cat-file", "commit", "HEAD")
    forged = origin.git(
        "hash-object",
        "-t",
        "commit",
        "-w",
        "--stdin",
        stdin=(signed.replace("\n\nm", "\n\nforged") + "\n").encode(),
    )
    origin.git("update-ref", "refs/heads/main", forged)
    await refused(fetched, place, "not signed by anybody who may")
    (tmp_path / "allowed_signers").unlink()
    await refused(fetched, place, "allowed_signers: the keys by which .* is verified cannot be read")


async def test_a_tag_counts_only_if_it_is_signed(origin: Origin, fetched: Fetched, tmp_path: Path) -> None:
    ours = key(tmp_path, "ours")
    origin.commit({"a.yaml": "1"})
    verified = Verification(tag=True, allowed_signers=signers(tmp_path, ours))
    place = GitPlace(str(origin.path), ref=Ref(RefKind.SEMVER, "*"), verification=verified)
    origin.git("tag", "v1.0.0")
    await refused(fetched, place, "the tag is not signed by anybody who may")
    origin.git("tag", "-m", "m", "v1.1.0")
    await refused(fetched, place, "the tag is not signed by anybody who may: there is no signature")
    origin.git("-c", f"user.signingkey={ours}", *SSH, "tag", "-s", "-m", "m", "v1.2.0")
    assert (await fetched.source(place).take()).revision.startswith("v1.2.0@sha1:")
    # Somebody who has no key serves what was signed under another name.
    origin.git("update-ref", "refs/tags/v2.0.0", origin.git("rev-parse", "v1.2.0"))
    await refused(fetched, place, "v2.0.0@sha1:.*: what was signed is a tag of another name")


async def test_openpgp_signatures_count_by_the_keys_that_are_named_and_by_no_others(
    origin: Origin, fetched: Fetched, tmp_path: Path
) -> None:
    with gnupg() as ours, gnupg() as other:
        for name, gpg in (("ours", ours), ("other", other)):
            gpg.run("--quick-gen-key", f"{name}@example", "ed25519", "sign")
            (tmp_path / f"{name}.asc").write_bytes(gpg.run("--export", "--armor"))
        place = GitPlace(str(origin.path), verification=Verification(openpgp_keys=str(tmp_path / "ours.asc")))
        signed = origin.commit({"a": "1"}, "-Sours@example", environ={"GNUPGHOME": str(ours.home)})
        assert (await fetched.source(place).take()).revision == f"main@sha1:{signed}"
        origin.commit({"a": "2"}, "-Sother@example", environ={"GNUPGHOME": str(other.home)})
        await refused(fetched, place, "the key is none of those that count")
        origin.commit({"a": "3"})
        await refused(fetched, place, "there is no signature")
        # A kind of signature for which no keys are named is none, whoever made it.
        ssh = key(tmp_path, "ssh")
        sign(origin, ssh, "4")
        await refused(fetched, place, "not signed by anybody who may")
        only = GitPlace(str(origin.path), verification=Verification(allowed_signers=signers(tmp_path, ssh)))
        origin.commit({"a": "5"}, "-Sours@example", environ={"GNUPGHOME": str(ours.home)})
        await refused(fetched, only, "not signed by anybody who may")
        (tmp_path / "ours.asc").write_bytes(ours.run("--export"))
        again = origin.commit({"a": "6"}, "-Sours@example", environ={"GNUPGHOME": str(ours.home)})
        assert (await fetched.source(place).take()).revision == f"main@sha1:{again}"
        (tmp_path / "ours.asc").write_text("-----no keys")
        await refused(fetched, place, "ours.asc: the keys cannot be read")
