"""`froyo secrets`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from reconciler.cli.ciphertexts import Ciphertexts
from reconciler.cli.options import Check, NoColor, Output, Quiet, Recipients, State, Verbose, one_of
from reconciler.cli.output import Format
from reconciler.cli.phrases import count
from reconciler.cli.terminal import terminal
from reconciler.errors import UsageError

EXAMPLES = (
    ("froyo secrets keygen", "make an identity, and print its public half, the recipient"),
    (
        "froyo secrets recipients add age1… --name alice",
        "have everything from here on encrypted for alice, too",
    ),
    ("froyo secrets encrypt --name password", "ask for a value, and print what a manifest takes"),
    ("froyo secrets encrypt --line <token.txt", "the same of what is piped in, in one line"),
    ("froyo secrets encrypt tls.key", "a whole file, to tls.key.age"),
    ("froyo secrets edit vars.yaml", "what is in its ciphertexts, in $EDITOR"),
    ("froyo secrets decrypt vars.yaml | less", "the same, to be read"),
    ("froyo secrets rotate site/", "encrypt all of it anew for those who are recipients now"),
    ("froyo secrets rotate --check site/", "whether somebody has to: for CI, which needs no identity"),
)


class SecretsTask(StrEnum):
    """What is to be done."""

    KEYGEN = "keygen"
    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"
    EDIT = "edit"
    ROTATE = "rotate"
    RECIPIENTS = "recipients"


def command(  # noqa: PLR0913 - its options
    action: Annotated[
        SecretsTask,
        typer.Argument(
            metavar="ACTION",
            help="keygen, encrypt, decrypt, edit, rotate or recipients.",
            parser=one_of("ACTION", SecretsTask, verb="is"),
        ),
    ],
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WHAT...",
            help="A file, or for rotate any paths; for recipients: list, add WHOM, or remove WHOM.",
        ),
    ] = None,
    *,
    recipient: Recipients = None,
    recipients_file: Annotated[
        list[str] | None,
        typer.Option(
            "-R",
            "--recipients-file",
            metavar="FILE",
            help="For all that a file names, as .age-recipients does.",
        ),
    ] = None,
    identity: Annotated[
        list[str] | None,
        typer.Option(
            "-i", "--identity", metavar="FILE", help="Instead of this user's identities; may be given again."
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What a value is called, or whose a recipient is.")
    ] = "",
    line: Annotated[bool, typer.Option("--line", help="Print a ciphertext in one line.")] = False,
    check: Check = False,
    show: Annotated[
        bool, typer.Option("--show", help="Of decrypt: on a terminal as well, without being asked.")
    ] = False,
    output: Output = Format.TEXT,
    state: State = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Encrypt secrets with age, so that they can be kept with the manifests; and open, edit and rotate them.

    What is encrypted is for the recipients in the nearest file .age-recipients, at the manifest's directory or above
    it, unless --recipient names others: public keys of age, or of SSH. What opens it are identities: those in
    $FROYO_AGE_KEY_FILE, or else in /etc/froyo/age.key and ~/.config/froyo/age.key, and the text of $FROYO_AGE_KEY.

    A value is never read from the command line, where others see it, but from a pipe, or asked for. An editor gets a
    file in memory, with AGE(1)[value]AGE in the place of each ciphertext; what is not changed keeps it, and a new
    AGE[value]AGE is encrypted.
    """
    screen = terminal(no_color=no_color, quiet=quiet, verbose=verbose)
    words = what or []
    secrets = Ciphertexts(screen, output, state, recipient or [], recipients_file or [], identity or [])
    match action:
        case SecretsTask.KEYGEN:
            return secrets.keygen(_one(action, words))
        case SecretsTask.ENCRYPT:
            return secrets.encrypt(_one(action, words), name, line=line)
        case SecretsTask.DECRYPT:
            return secrets.decrypt(_one(action, words), show=show)
        case SecretsTask.EDIT:
            return secrets.edit(_one(action, words))
        case SecretsTask.ROTATE:
            return secrets.rotate(words or ["."], check=check)
        case SecretsTask.RECIPIENTS:
            return secrets.recipients(words, name)


def _one(action: SecretsTask, words: Sequence[str]) -> str:
    if len(words) > 1:
        raise UsageError(f"`secrets {action}` takes one file at a time, not {count(len(words), 'file')}")
    return words[0] if words else ""
