"""What `froyo secrets` does: with values that are asked for or piped in, and files that hold ciphertexts.

Invariant: no value comes from a command line, and none is shown on a terminal that nobody has asked for.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.app.places import own_identity, places
from reconciler.cli.output import Format, emit
from reconciler.cli.phrases import count
from reconciler.cli.terminal import Terminal
from reconciler.core.vault import SHORTEST
from reconciler.errors import UsageError
from reconciler.model.envelope import envelope

if TYPE_CHECKING:
    from reconciler.age.identities import Identity
    from reconciler.age.recipients import Recipient


class Ciphertexts:
    """The actions, and what they have in common.

    Args:
        screen: where it is told.
        output: in which form.
        state: the state directory, where one is named.
        recipients: whom it is for, instead of those of the nearest file.
        files: that name such.
        identities: files of what opens, instead of those of this user.
    """

    def __init__(
        self,
        screen: Terminal,
        output: Format,
        state: str | None,
        recipients: Sequence[str],
        files: Sequence[str],
        identities: Sequence[str],
    ) -> None:
        self._screen = screen
        self._output = output
        self._state = state
        self._recipients = recipients
        self._files = files
        self._identities = identities

    def _wanted(self, path: str) -> list[Recipient]:
        from reconciler.app.ciphertexts.recipient_files import wanted

        return wanted(self._recipients, self._files, Path(path or "."))

    def _own(self) -> list[Identity]:
        """The identities of whoever runs this.

        Raises:
            UsageError: one of them is none, or there is none.
        """
        from reconciler.app.identities import own_identities
        from reconciler.app.secrets import keep_out_of_core_files

        keep_out_of_core_files()
        return own_identities(places(os.environ, state=self._state), self._identities)

    def _tell(self, kind: str, fields: dict[str, object], text: str) -> None:
        if self._output.is_document:
            emit(self._screen, envelope(kind, **fields), self._output)
        else:
            self._screen.line(text)

    # --- keygen -------------------------------------------------------------------------------------------------------

    def keygen(self, file: str) -> int:
        """Make an identity, and print its public half."""
        from reconciler.age.identities import generated
        from reconciler.app.identities import write_identity
        from reconciler.app.secrets import keep_out_of_core_files

        keep_out_of_core_files()
        path = Path(os.path.abspath(file)) if file else own_identity(os.environ)
        made = generated()
        write_identity(path, made, created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
        self._screen.note(
            f"{path}: keep a copy where you keep what must not be lost; nothing can be opened without"
        )
        self._tell("SecretsIdentity", {"path": str(path), "recipient": made.public}, made.public)
        return 0

    # --- encrypt and decrypt ------------------------------------------------------------------------------------------

    def encrypt(self, file: str, name: str, *, line: bool) -> int:
        """Encrypt a file, or a value that comes from a pipe or is asked for."""
        from reconciler.age.sealing import is_sealed, sealed
        from reconciler.app.secrets import keep_out_of_core_files
        from reconciler.app.systems import write_new

        keep_out_of_core_files()
        recipients = self._wanted(file)
        if not file:
            value = _asked("Secret: ") if sys.stdin.isatty() else sys.stdin.buffer.read()
            value = value.removesuffix(b"\n") if value.count(b"\n") == 1 else value
            if len(value.decode(errors="replace")) < SHORTEST:
                self._screen.note(
                    f"it is short: what has fewer than {SHORTEST} characters is refused as a secret"
                )
            self._print_block(sealed(value, recipients), name, line=line)
            return 0
        content = _content(file)
        if is_sealed(content):
            raise UsageError(f"{file} is encrypted already; froyo secrets rotate {file} encrypts it anew")
        path = f"{file}.age"
        write_new(path, sealed(content, recipients, naming=False), what="the ciphertext")
        text = f"{path}: for {count(len(recipients), 'recipient')}; {file} is as it was: remove it"
        self._tell("SecretsEncrypted", {"path": path, "recipients": [one.text for one in recipients]}, text)
        return 0

    def _print_block(self, armored: str, name: str, *, line: bool) -> None:
        from reconciler.age.blocks import Form, formed

        if self._output.is_document or line:
            text = formed(armored, Form.ONE_LINE) if line else armored
            block: dict[str, object] = {"secret": {"age": text}}
            if self._output.is_document:
                emit(self._screen, {name: block} if name else block, self._output)
                return
            written = f"{{secret: {{age: {text}}}}}"
            self._screen.line(f"{name}: {written}" if name else written)
            return
        lines = ["secret:", "  age: |", *(f"    {one}" for one in armored.splitlines())]
        for one in [f"{name}:", *(f"  {one}" for one in lines)] if name else lines:
            self._screen.line(one)

    def decrypt(self, file: str, *, show: bool) -> int:
        """Print what a file, or standard input, holds."""
        from reconciler.app.ciphertexts.opened import opened_text

        content = _content(file) if file not in ("", "-") else sys.stdin.buffer.read()
        opened = opened_text(file or "-", content, self._own())
        if (
            self._screen.out.isatty()
            and not show
            and not _agreed(self._screen, "It is shown on this terminal.")
        ):
            raise UsageError("nothing is shown; --show shows it on a terminal without being asked")
        self._screen.out.flush()
        os.write(self._screen.out.fileno(), opened) if self._screen.out.isatty() else _write(
            self._screen, opened
        )
        return 0

    # --- edit, rotate, recipients -------------------------------------------------------------------------------------

    def edit(self, file: str) -> int:
        """Have a file edited, with what its ciphertexts hold in their places."""
        from reconciler.app.ciphertexts.editing import edit

        if not file:
            raise UsageError("which file? it is: froyo secrets edit FILE")

        def again(wrong: str) -> bool:
            return sys.stdin.isatty() and _agreed(
                self._screen, f"{wrong}. Edit it again, or all is as it was."
            )

        changed = edit(Path(file), self._own(), self._wanted(file), os.environ, again)
        self._screen.say(f"{file}: {'written' if changed else 'as it was'}")
        return 0

    def rotate(self, paths: Sequence[str], *, check: bool) -> int:
        """Encrypt everything below some paths anew, or say what has to be."""
        from reconciler.app.ciphertexts.rotating import found_below, rotate

        given = self._wanted(".") if self._recipients or self._files else []
        found = found_below([Path(path) for path in paths], given)
        for path in found.of_sops:
            self._screen.note(f"{path}: a file of SOPS, which only that can change: sops updatekeys {path}")
        if check:
            others = {str(file.path): file.others for file in found.files if file.others}
            lines = [
                f"{path}: {count(number, 'ciphertext')} for others than the recipients"
                for path, number in others.items()
            ]
            lines += [f"{path}: it is not encrypted, and is called as if it were" for path in found.plain]
            whole = sum(len(file.contents) for file in found.files)
            good = (
                f"{count(whole, 'ciphertext')} in {count(len(found.files), 'file')}: all for the recipients"
            )
            fields: dict[str, object] = {
                "ciphertexts": whole,
                "files": len(found.files),
                "others": others,
                "plain": [*map(str, found.plain)],
            }
            self._tell("SecretsChecked", fields, "\n".join(lines) if lines else good)
            return 1 if lines else 0
        done = rotate(found, self._own())
        text = f"{count(done, 'ciphertext')} in {count(len(found.files), 'file')} encrypted anew"
        fields = {"ciphertexts": done, "files": [str(file.path) for file in found.files]}
        self._tell("SecretsRotated", fields, text)
        return 0

    def recipients(self, words: Sequence[str], name: str) -> int:
        """Say whom what lies here is for, or have that changed."""
        from reconciler.age.recipients import FILE, listed
        from reconciler.app.ciphertexts import recipient_files

        task, *whom = words or ["list"]
        here = recipient_files.file_above(Path())
        if task == "list" and not whom:
            if here is None:
                raise UsageError(
                    f"there is no {FILE} here or above; it is: froyo secrets recipients add RECIPIENT"
                )
            known = recipient_files.read(here)
            items = [{"recipient": one.text, "name": one.comment} for one in known]
            self._tell("SecretsRecipients", {"path": str(here), "items": items}, "\n".join(listed(known)))
            return 0
        if task not in ("add", "remove") or not whom:
            raise UsageError("it is: froyo secrets recipients [list], … add RECIPIENT, or … remove RECIPIENT")
        path = here or Path(os.path.abspath(FILE))
        if task == "add":
            changed = recipient_files.add(path, [recipient_files.parsed(one) for one in whom], name)
        elif here is None:
            raise UsageError(f"there is no {FILE} here or above, which could name anybody")
        else:
            changed = [gone for one in whom for gone in recipient_files.remove(path, one)]
        items = [{"recipient": one.text, "name": one.comment} for one in changed]
        number = count(len(changed), "recipient")
        text = f"{path}: {number} {'added' if task == 'add' else 'removed'}; then: froyo secrets rotate {path.parent}"
        self._tell("SecretsRecipients", {"path": str(path), "items": items}, text)
        return 0


def _content(file: str) -> bytes:
    """What is in a file that a person names.

    Raises:
        UsageError: it cannot be read.
    """
    from reconciler.app.systems import explained, read_whole

    try:
        return read_whole(file)
    except OSError as error:
        raise UsageError(f"{file}: it cannot be read: {explained(error)}") from error


def _asked(prompt: str) -> bytes:
    """A value that a person types, which is not shown; twice, since nobody sees it."""
    import getpass

    value = getpass.getpass(prompt)
    if value != getpass.getpass("Again: "):
        raise UsageError("these are two different values, and nothing was encrypted")
    return value.encode()


def _agreed(screen: Terminal, what: str) -> bool:
    """Whether a person says yes."""
    if not sys.stdin.isatty():
        return False
    screen.err.write(f"{what} Go on? [y/N] ")
    screen.err.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _write(screen: Terminal, content: bytes) -> None:
    screen.out.flush()
    screen.out.buffer.write(content)
    screen.out.buffer.flush()
