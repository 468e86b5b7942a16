"""Whom what lies in a directory is encrypted for: the nearest file `.age-recipients` at it or above it says so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from reconciler.age.recipients import FILE, Recipient, recipient, recipients_in
from reconciler.age.sealing import sealed
from reconciler.app.systems import explained, read_whole, rewrite, write_new
from reconciler.core.suggest import did_you_mean
from reconciler.errors import UsageError
from reconciler.model.secrets import SecretError

LARGEST = 1 << 20
"""Bytes of a file of recipients."""
_HINT = "froyo secrets recipients add RECIPIENT"


def file_above(path: Path) -> Path | None:
    """The file that says it for a path; None where there is none.

    It is not looked for above a repository or, outside of one, above what belongs to somebody else. Nor above one that
    cannot be read, such as a link that leads nowhere: those above may be more, or others.

    Raises:
        UsageError: what has its name is no file.
    """
    here = Path(os.path.abspath(path))
    if not here.is_dir():
        here = here.parent
    owner = _owner(here)
    for directory in (here, *here.parents):
        if os.path.lexists(directory / FILE):
            if not (directory / FILE).is_file():
                raise UsageError(
                    f"{directory / FILE}: this is no file, and says for nobody whom it is; remove it"
                )
            return directory / FILE
        if (directory / ".git").exists() or _owner(directory.parent) != owner:
            return None
    return None


def _owner(path: Path) -> int:
    try:
        return path.stat().st_uid
    except OSError:
        return -1


def read(path: Path) -> list[Recipient]:
    """All that a file names.

    Raises:
        UsageError: it cannot be read, or a line of it is no recipient.
    """
    try:
        return recipients_in(read_whole(path, most=LARGEST).decode(), str(path))
    except OSError as error:
        raise UsageError(f"{path}: the recipients cannot be read: {explained(error)}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: this is no text, and recipients are") from error
    except SecretError as error:
        raise UsageError(f"{error.message}; {error.hint}") from None


def wanted(written: Sequence[str], files: Sequence[str], path: Path) -> list[Recipient]:
    """Whom something is to be for: those that are named, or those of the nearest file.

    Args:
        written: recipients.
        files: that name some.
        path: where it is to lie.

    Raises:
        UsageError: there is none, or what is named is none.
    """
    found = {one.text: one for file in files for one in read(Path(file))}
    for text in written:
        one = parsed(text)
        found.setdefault(one.text, one)
    if not found and (file := file_above(path)) is not None:
        found = {one.text: one for one in read(file)}
    if not found:
        raise UsageError(
            f"it is for nobody: there is no {FILE} at {path} or above it; {_HINT}, or --recipient"
        )
    return together(list(found.values()))


def together(wanted: list[Recipient]) -> list[Recipient]:
    """Recipients that something can be for.

    Raises:
        UsageError: they do not go together.
    """
    try:
        sealed(b"", wanted)
    except SecretError as error:
        raise UsageError(f"{error.message}; {error.hint}") from None
    return wanted


def parsed(written: str) -> Recipient:
    """A recipient, or the one that is in a file of that name.

    Raises:
        UsageError: it is none.
    """
    try:
        text = Path(written).read_text(encoding="utf-8") if written.endswith(".pub") else written
        return recipient(text.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{written} cannot be read, and is no recipient") from error
    except SecretError as error:
        raise UsageError(f"{error.message}; {error.hint}") from None


def add(path: Path, fresh: Sequence[Recipient], name: str) -> list[Recipient]:
    """Have a file name some more, each once; those that it did not name.

    Args:
        path: of the file, which is made where there is none.
        fresh: the recipients.
        name: whose they are, or "".

    Raises:
        UsageError: it cannot be written.
    """
    there = path.exists()
    before = path.read_text(encoding="utf-8") if there else ""
    known = {one.text for one in read(path)} if there else set()
    added = [one for one in fresh if one.text not in known]
    if added:
        lines = [before if not before or before.endswith("\n") else f"{before}\n"]
        for one in added:
            whose = name or one.comment
            lines.append(f"# {whose}\n{one.text}\n" if whose else f"{one.text}\n")
        if there:
            rewrite(str(path), "".join(lines), was=before.encode(), what="whom it is encrypted for")
        else:
            write_new(str(path), "".join(lines), what="whom it is encrypted for", mode=0o644)
    return added


def remove(path: Path, written: str) -> list[Recipient]:
    """Have a file name somebody no more; whom that was.

    Args:
        path: of the file.
        written: a recipient, or what is said of one or more: `alice`.

    Raises:
        UsageError: nobody is meant by it, or nobody would be left, or the file cannot be written.
    """
    known = read(path)
    before = path.read_text(encoding="utf-8")
    gone = [one for one in known if written in (one.text, one.comment)]
    if not gone:
        names = [name for one in known for name in (one.comment, one.text) if name]
        hint = did_you_mean(written, names) or "see: froyo secrets recipients"
        raise UsageError(f"{path}: nobody there is called {written!r}; {hint}")
    if len(gone) == len(known):
        raise UsageError(f"{path}: nobody would be left who could open anything; add somebody else first")
    texts = {one.text for one in gone}
    lines: list[str] = []
    for line in before.splitlines():
        if line.strip() and not line.startswith("#") and recipient(line).text in texts:
            if (
                lines
                and lines[-1].startswith("#")
                and lines[-1].removeprefix("#").strip() in {one.comment for one in gone}
            ):
                lines.pop()
            continue
        lines.append(line)
    text = "\n".join([*lines, ""])
    rewrite(str(path), text, was=before.encode(), what="whom it is encrypted for")
    return gone
