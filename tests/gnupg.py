"""A real GnuPG with a home of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory


@dataclass(frozen=True)
class Gpg:
    """One that has keys of its own, without passphrases."""

    home: Path

    def run(self, *args: str, stdin: bytes = b"") -> bytes:
        """What it prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        quietly = ("--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        argv = ["gpg", "--homedir", str(self.home), *quietly, *args]
        return subprocess.run(argv, input=stdin, check=True, capture_output=True).stdout


@contextmanager
def gnupg() -> Iterator[Gpg]:
    """One for the time of a test. Its home has a short path: that of the socket of its agent may have 107 bytes."""
    with TemporaryDirectory(prefix="gpg", dir="/tmp") as home:
        try:
            yield Gpg(Path(home))
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=True)
