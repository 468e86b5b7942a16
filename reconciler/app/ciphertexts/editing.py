"""A file with ciphertexts in the editor of whoever wants to change it, with what they hold in their places."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from reconciler.age.blocks import is_of_sops
from reconciler.age.editing import editable, edited
from reconciler.age.identities import Identity
from reconciler.age.recipients import Recipient
from reconciler.age.sealing import is_sealed, opened, sealed
from reconciler.app.ciphertexts.private_place import private_place
from reconciler.app.systems import explained, read_whole, rewrite, write_new
from reconciler.errors import UsageError
from reconciler.model.secrets import SecretError

LARGEST = 4 << 20
"""Bytes of what is edited."""

Again = Callable[[str], bool]
"""Asked whether a person wants to edit once more, after what is wrong with it."""


def edit(
    path: Path,
    identities: Sequence[Identity],
    recipients: Sequence[Recipient],
    environ: Mapping[str, str],
    again: Again,
) -> bool:
    """Have a file edited; whether it has become another one.

    Args:
        path: of the file, which is made if it is not there.
        identities: open what is in it.
        recipients: whom what is new or changed is for.
        environ: names the editor.
        again: see there.

    Raises:
        UsageError: it cannot be read, opened or written, or was changed meanwhile, or nobody wants to edit it again.
    """
    content = _content(path)
    text = content.decode("utf-8", "surrogateescape")
    if is_of_sops(text):
        raise UsageError(f"{path} is a file of SOPS, which only that can change: sops edit {path}")
    whole = is_sealed(content) or (path.suffix == ".age" and not content)
    try:
        if whole:
            plain = opened(content, identities).decode() if content else ""
        else:
            before = editable(text, lambda one: opened(one.content, identities))
            plain = before.text
    except UnicodeDecodeError:
        raise UsageError(f"{path}: what it holds is no text; decrypt it, and encrypt it anew") from None
    except SecretError as error:
        raise UsageError(f"{path}: {error.message}; {error.hint}") from None

    def back(written: str) -> str:
        if not whole:
            return edited(written, before, lambda one: sealed(one.encode(), recipients))
        return text if written == plain else sealed(written.encode(), recipients, naming=False)

    fresh = _edited(path, plain, back, environ, again)
    if fresh == text:
        return False
    if content or path.exists():
        rewrite(str(path), fresh, was=content, what="what was edited")
    else:
        write_new(str(path), fresh, what="what was edited")
    return True


def _content(path: Path) -> bytes:
    try:
        return read_whole(path, most=LARGEST)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise UsageError(f"{path}: it cannot be read: {explained(error)}") from error


@contextlib.contextmanager
def _interrupts_for_the_editor() -> Iterator[None]:
    """Ctrl-C means whoever has the terminal. What is handled is not handed on to what is begun, as being ignored is."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _edited(
    path: Path, plain: str, back: Callable[[str], str], environ: Mapping[str, str], again: Again
) -> str:
    """What goes back, as soon as that makes sense."""
    editor = shlex.split(environ.get("VISUAL") or environ.get("EDITOR") or "vi")
    with private_place(environ) as directory:
        # Named as it is called, so that an editor knows what it is; what it writes beside it goes with it.
        file = directory / path.name.removesuffix(".age")
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as opening:
            opening.write(plain.encode("utf-8", "surrogateescape"))
        while True:
            try:
                with _interrupts_for_the_editor():
                    status = subprocess.run([*editor, str(file)], check=False).returncode
            except OSError as error:
                raise UsageError(f"{editor[0]}: it cannot be run: {explained(error)}; set EDITOR") from error
            if status:
                raise UsageError(f"{editor[0]} ended with {status}, and nothing was changed")
            try:
                return back(file.read_bytes().decode("utf-8", "surrogateescape"))
            except OSError as error:
                raise UsageError(f"the editor has left no file: {explained(error)}") from error
            except SecretError as error:
                if not again(error.message):
                    raise UsageError(f"{path}: {error.message}; nothing was changed") from None
