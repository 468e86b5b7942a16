"""All ciphertexts below a path, anew: for those who are recipients now, and for nobody else.

Invariant: a file is what it was, or what it is to be, whenever this is killed; and nothing is written before everything
has been opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.age.blocks import blocks, is_of_sops, replaced
from reconciler.age.header import named, stanzas
from reconciler.age.identities import Identity
from reconciler.age.recipients import Recipient, in_order
from reconciler.age.sealing import is_sealed, opened, sealed
from reconciler.app.ciphertexts.recipient_files import file_above, read, together
from reconciler.app.systems import explained, read_whole, rewrite
from reconciler.errors import ConfigError, Problem, UsageError
from reconciler.model.secrets import SecretError

LARGEST = 4 * 1024 * 1024
"""Bytes of a file that may have ciphertexts in it."""


@dataclass(slots=True)
class FileCiphertexts:
    """A file with ciphertexts in it.

    Attributes:
        path: of it.
        text: what is in it; of one that is a ciphertext as a whole, that.
        contents: the ciphertexts, each with its line.
        recipients: whom they should be for.
        others: how many are for somebody else, or not for all of those.
    """

    path: Path
    text: str = field(repr=False)
    contents: list[tuple[int, bytes]] = field(repr=False)
    recipients: list[Recipient]

    @property
    def others(self) -> int:
        """How many are for somebody else, or not for all of those, as far as they tell."""
        return sum(not in_order(stanzas(one), named(one), self.recipients) for _, one in self.contents)


@dataclass(slots=True)
class FoundCiphertexts:
    """What there is below some paths.

    Attributes:
        files: those with ciphertexts.
        of_sops: those that SOPS alone can change.
        plain: those that are called as ciphertexts are, and are none.
    """

    files: list[FileCiphertexts] = field(default_factory=list)
    of_sops: list[Path] = field(default_factory=list)
    plain: list[Path] = field(default_factory=list)


def found_below(paths: Sequence[Path], recipients: Sequence[Recipient] = ()) -> FoundCiphertexts:
    """All files with ciphertexts.

    Args:
        paths: files, or directories with all that is below them, but for directories whose names begin with a dot.
        recipients: whom they should be for; those of the nearest file for each, if there are none.

    Raises:
        UsageError: something cannot be read, or it is for nobody.
    """
    found = FoundCiphertexts()
    for path in _files(paths):
        try:
            if path.stat().st_size > LARGEST:
                continue
            content = read_whole(path, most=LARGEST)
        except OSError as error:
            raise UsageError(f"{path}: it cannot be read: {explained(error)}") from error
        text = content.decode("utf-8", "surrogateescape")
        if is_of_sops(text):
            found.of_sops.append(path)
            continue
        contents = [(text.count("\n", 0, one.start) + 1, one.content) for one in blocks(text)]
        if is_sealed(content):
            contents = [(1, content)]
        if not contents and content and path.suffix == ".age":
            found.plain.append(path)
        if contents:
            found.files.append(FileCiphertexts(path, text, contents, _for(path, recipients)))
    return found


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for directory, names, files in os.walk(path):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                one = Path(directory, name)
                if one.is_file() and not one.is_symlink():
                    yield one


def _for(path: Path, recipients: Sequence[Recipient]) -> list[Recipient]:
    if recipients:
        return list(recipients)
    file = file_above(path)
    if file is None:
        raise UsageError(
            f"{path}: nothing says whom it is for; froyo secrets recipients add RECIPIENT, or --recipient"
        )
    return together(read(file))


def rotate(found: FoundCiphertexts, identities: Sequence[Identity]) -> int:
    """Encrypt all of it anew; how many ciphertexts that were.

    Raises:
        ConfigError: something cannot be opened, and nothing was changed.
        UsageError: something cannot be written.
    """
    plain: list[dict[bytes, bytes]] = []
    wrong: list[Problem] = []
    for file in found.files:
        known: dict[bytes, bytes] = {}
        for line, content in file.contents:
            try:
                known[content] = opened(content, identities)
            except SecretError as error:
                wrong.append(Problem(str(file.path), line, 0, error.message, error.hint))
        plain.append(known)
    if wrong:
        raise ConfigError(wrong)
    for file, known in zip(found.files, plain, strict=True):
        was = file.text.encode("utf-8", "surrogateescape")
        rewrite(str(file.path), _anew(file, known), was=was, what="what is encrypted anew")
    return sum(len(file.contents) for file in found.files)


def _anew(file: FileCiphertexts, known: dict[bytes, bytes]) -> str:
    whole = file.text.encode("utf-8", "surrogateescape")
    if whole in known:
        return sealed(known[whole], file.recipients, naming=False)
    return replaced(file.text, lambda one: one.formed(sealed(known[one.content], file.recipients)))
