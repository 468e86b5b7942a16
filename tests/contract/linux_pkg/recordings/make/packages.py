"""Make a small repository for one of the package managers: the packages that the recordings are about.

    packages.py rpm|pacman|apk DIRECTORY

It needs rpmbuild and createrepo_c, or zstd and repo-add, or apk. To be run in a root directory of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

WHEN = 1_700_000_000


@dataclass(frozen=True)
class Made:
    """A package.

    Attributes:
        version: with an epoch, where there is one.
        needs: what it requires, `froyo-app` or `libfroyo >= 1.0`.
        rivals: what it conflicts with.
        weak: what it recommends.
        instead: what it takes the place of.
        config: whether it has a configuration file.
        fails: whether its script does.
        provides: what it is, too.
    """

    name: str
    version: str = "1.0"
    needs: str = ""
    rivals: str = ""
    weak: str = ""
    instead: str = ""
    config: bool = False
    fails: bool = False
    provides: str = ""


PACKAGES = (
    *(Made("froyo-app", version, "libfroyo >= 1.0", config=True) for version in ("1.0", "1.5", "2.0")),
    *(Made("libfroyo", version) for version in ("1.0", "2.0")),
    Made("froyo-user", needs="froyo-app"),
    Made("froyo-tool"),
    Made("froyo-tool", "1:0.9"),
    Made("froyo-rival", rivals="froyo-tool"),
    Made("froyo-wants", needs="no-such-thing"),
    Made("froyo-heir", instead="froyo-old"),
    Made("froyo-old"),
    Made("froyo-sh", provides="/bin/sh"),
    Made("froyo-extra"),
    Made("froyo-main", weak="froyo-extra"),
    Made("froyo-fails", fails=True),
    Made("froyo-a-package-with-quite-a-long-name-that-wraps", "1.0~beta2+git20260101"),
)


def run(*argv: str) -> None:
    """Run a program that has to end well."""
    subprocess.run(argv, check=True)


def rpm(place: Path) -> None:
    """With rpmbuild and createrepo_c."""
    for one in PACKAGES:
        epoch, _, version = one.version.rpartition(":")
        release = "2" if epoch else "1.froyo" if "~" in version else "1"
        fields = {
            "Name": one.name,
            "Version": version,
            "Release": release,
            "Epoch": epoch,
            "Summary": "made for recordings",
            "License": "MIT",
            "BuildArch": "noarch",
            "Requires": one.needs,
            "Conflicts": one.rivals,
            "Recommends": one.weak,
            "Obsoletes": one.instead,
            "Provides": one.provides,
        }
        lines = [f"{field}: {value}" for field, value in fields.items() if value]
        file = f"/usr/share/{one.name}/v"
        lines += ["%description", "x", "%install", f"install -D /dev/null %{{buildroot}}{file}"]
        lines += [f"echo {one.version} > %{{buildroot}}{file}", "mkdir %{buildroot}/etc"]
        lines += [f"echo version {one.version} > %{{buildroot}}/etc/{one.name}.conf"] if one.config else []
        lines += ["%pre", "echo the script of froyo-fails says no >&2", "exit 1"] if one.fails else []
        lines += ["%files", file]
        lines += [f"%config(noreplace) /etc/{one.name}.conf"] if one.config else []
        spec = place / f"{one.name}-{version}.spec"
        spec.write_text("\n".join(lines) + "\n")
        where = ("--define", f"_topdir {place}/build", "--define", f"_rpmdir {place}/repo")
        run("rpmbuild", "-bb", "--quiet", *where, str(spec))
    run("createrepo_c", "-q", f"{place}/repo")


def packed(members: list[tuple[str, bytes | None]], *, checksums: bool = False, end: bool = True) -> bytes:
    """A tar of files and, without content, directories: with apk's checksums, and without the blocks that end it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.mtime, info.mode = WHEN, 0o755 if content is None or name.startswith(".post") else 0o644
            if content is None:
                info.type = tarfile.DIRTYPE
            else:
                info.size = len(content)
                if checksums:
                    info.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(content).hexdigest()}
            tar.addfile(info, io.BytesIO(content or b""))
        length = tar.offset
    return buffer.getvalue() if end else buffer.getvalue()[:length]


def files_of(one: Made, version: str) -> list[tuple[str, bytes | None]]:
    """What is in a package."""
    found: list[tuple[str, bytes | None]] = [
        ("usr", None),
        ("usr/share", None),
        (f"usr/share/{one.name}", None),
    ]
    found.append((f"usr/share/{one.name}/v", version.encode()))
    return found + (
        [("etc", None), (f"etc/{one.name}.conf", f"version {version}\n".encode())] if one.config else []
    )


def pacman(place: Path) -> None:
    """With zstd and repo-add. Of froyo-app 2.0 is in the repository, and 1.0 beside it."""
    left_out = {"froyo-heir", "froyo-old", "froyo-sh", "froyo-fails"}
    for one in PACKAGES:
        epoch, _, bare = one.version.rpartition(":")
        if (
            one.name in left_out
            or "~" in bare
            or (one.name, bare) in {("froyo-app", "1.5"), ("libfroyo", "1.0")}
        ):
            continue
        if one.name == "froyo-tool" and not epoch:
            continue
        version = f"{one.version}-{'2' if epoch else '1'}"
        about = [f"pkgname = {one.name}", f"pkgbase = {one.name}", f"pkgver = {version}", "arch = any"]
        about += ["pkgdesc = made for recordings", f"builddate = {WHEN}", "packager = nobody", "size = 16"]
        about += [f"depend = {one.needs.replace(' ', '')}"] if one.needs else []
        about += [f"conflict = {one.rivals}"] if one.rivals else []
        about += [f"optdepend = {one.weak}: more of it"] if one.weak else []
        about += [f"backup = etc/{one.name}.conf"] if one.config else []
        tar = place / "package.tar"
        members: list[tuple[str, bytes | None]] = [(".PKGINFO", ("\n".join(about) + "\n").encode())]
        tar.write_bytes(packed([*members, *files_of(one, version)]))
        file = place / "repo" / f"{one.name}-{version}-any.pkg.tar.zst"
        run("zstd", "-q", "-f", str(tar), "-o", str(file))
        if version != "1.0-1" or one.name != "froyo-app":
            run("repo-add", "-q", f"{place}/repo/extra.db.tar.gz", str(file))


def apk(place: Path) -> None:
    """With apk's own index; nothing is signed."""
    repository = place / "repo" / "x86_64"
    repository.mkdir()
    left_out = {"froyo-heir", "froyo-old", "froyo-sh"}
    for one in PACKAGES:
        if one.name in left_out or "~" in one.version or one == Made("froyo-tool"):
            continue
        version = "0.9_rc1-r2" if one.name == "froyo-tool" else f"{one.version}-r0"
        data = gzip.compress(packed(files_of(one, version), checksums=True), mtime=0)
        needs = f"!{one.rivals}" if one.rivals else one.needs.replace(" ", "")
        about = [
            f"pkgname = {one.name}",
            f"pkgver = {version}",
            "pkgdesc = made for recordings",
            "url = none",
        ]
        about += [f"builddate = {WHEN}", "size = 16", "arch = x86_64", "license = MIT"]
        about += [f"depend = {needs}"] if needs else []
        about += ["install_if = froyo-main"] if one.name == "froyo-extra" else []
        about += [f"datahash = {hashlib.sha256(data).hexdigest()}"]
        control: list[tuple[str, bytes | None]] = [(".PKGINFO", ("\n".join(about) + "\n").encode())]
        if one.fails:
            control.append(
                (".post-install", b"#!/bin/sh\necho the script of froyo-fails says no >&2\nexit 1\n")
            )
        head = gzip.compress(packed(control, end=False), mtime=0)
        (repository / f"{one.name}-{version}.apk").write_bytes(head + data)
    made = sorted(str(path) for path in repository.glob("*.apk"))
    run("apk", "index", "--allow-untrusted", "-o", str(repository / "APKINDEX.tar.gz"), *made)


if __name__ == "__main__":
    (Path(sys.argv[2]) / "repo").mkdir(parents=True)
    {"rpm": rpm, "pacman": pacman, "apk": apk}[sys.argv[1]](Path(sys.argv[2]))
