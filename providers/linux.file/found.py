"""What `froyo import` writes of a host's files: those in /etc that no package has brought as they are."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeAlias

from froyo_provider import CallError, Found, batch, call_unless

if TYPE_CHECKING:
    from collections.abc import Sequence

Json: TypeAlias = "dict[str, Any]"

PLACE = "/etc"
TEXT_MAX = 65536
"""Bytes of a content that is written into a manifest."""
AT_ONCE = 64
"""Files whose contents are asked for at once: more than the answer has room for could be left out."""
TEXTS_MAX = 4 << 20
"""Characters of contents altogether; those of what comes after are left out."""
OF_OTHERS = 0o007
SECRET = re.compile(r"://[^/\s:@]*:[^/\s@]+@|-----BEGIN [A-Z ]*PRIVATE KEY")
"""What is in a file although everybody can read it, and goes no further for all that."""
MADE = (
    *("passwd*", "group*", "shadow*", "gshadow*", "subuid*", "subgid*", ".pwd.lock", "security/opasswd"),
    *("machine-id", "resolv.conf", "ld.so.cache", "adjtime", "mtab", "fstab", ".updated", "blkid.tab"),
    *("alternatives/*", "ssl/certs/*", "ca-certificates.conf", "ssh/ssh_host_*", "udev/hwdb.bin"),
    *("shells", "pam.d/common-*", "timezone", "locale.gen", "locale.conf", "default/locale", "vconsole.conf"),
    *("default/keyboard", "console-setup/cached*", "python3*/debian_config", "environment", "debconf.conf"),
    *("hosts.allow", "hosts.deny", "kernel-img.conf", "popularity-contest.conf", "apt/trusted.gpg~"),
    *("*~", "*.swp", "*/.git/*", ".git/*"),
)
"""What programs make and keep there on every such host; what is said of it is said by other kinds, if at all."""


async def files_found() -> list[Found]:
    """The files, with what is in them where that is a text, and no secret as far as its mode says."""
    changed = await call_unless({"not_supported"}, "pkg.changed", path=PLACE)
    if changed is None:  # there is no dpkg, and so nobody knows
        return []
    files = [one for one in changed["files"] if not is_made(one["path"])]
    found: list[Found] = []
    room = TEXTS_MAX
    for at in range(0, len(files), AT_ONCE):
        some = files[at : at + AT_ONCE]
        for one, stat in zip(some, await contents(some), strict=True):
            if isinstance(stat, CallError) or stat.get("type") != "file":
                continue
            if len(stat.get("text", "")) > room:
                del stat["text"]
            room -= len(stat.get("text", ""))
            found.append(found_file(one, stat))
    return found


async def contents(files: Sequence[Json]) -> list[Any]:
    """What some of them are, and what is in them."""
    return await batch("file.stat", [{"path": one["path"], "text_max": TEXT_MAX} for one in files])


def is_made(path: str) -> bool:
    """Whether a program makes it on every such host."""
    name = path[len(PLACE) + 1 :]
    return any(fnmatchcase(name, pattern) for pattern in MADE)


def found_file(one: Json, stat: Json) -> Found:
    """One as it would be declared."""
    spec: Json = {key: stat[key] for key in ("owner", "group", "mode")}
    remarks = []
    if by := one.get("package"):
        remarks.append(f"a configuration file of {by}, and not as it brought it")
    text = stat.get("text")
    if not int(stat["mode"], 8) & OF_OTHERS:
        remarks.append(
            "what is in it is left out, since its mode gives nothing to others: `source` can name a copy"
        )
    elif text is not None and SECRET.search(text):
        remarks.append(
            "what is in it is left out, since there seems to be a secret in it; `source` can name a copy"
        )
    elif text is None or not is_plain(text):
        remarks.append(
            f"what is in it is left out: no text of up to {TEXT_MAX // 1024} KiB; `source` can name a copy"
        )
    else:
        spec["content"] = text
        if "{{" in text or "{%" in text or "{#" in text:
            spec["template"] = False
    return Found(one["path"].strip("/"), {"path": one["path"], **spec}, "\n".join(remarks))


def is_plain(text: str) -> bool:
    """Whether it is a text that people edit: then it stands in a manifest as it is."""
    return all(letter.isprintable() or letter in "\n\t" for letter in text)
