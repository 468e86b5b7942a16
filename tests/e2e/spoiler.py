"""Spoils files at random until it is killed: `python spoiler.py SEED PAUSE DIRECTORY`.

Below DIRECTORY/torn files are changed in every way, in place too.  Below DIRECTORY/whole they are only ever
replaced in one step, by the content `theirs`: whoever reads one of those finds either that or what is declared,
or somebody has written half a file.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

THEIRS = b"theirs\n"


def tear(path: Path, dice: random.Random) -> None:
    """Change what is there, whatever it is."""
    way = dice.randrange(7)
    if way == 0:
        path.unlink()
    elif way == 1:
        path.chmod(dice.choice([0o600, 0o666, 0o4755, 0o000]))
    elif path.is_symlink():
        path.unlink()
        path.symlink_to("/nowhere")
    elif path.is_dir():
        shutil.rmtree(path)
    elif way == 2:
        with path.open("ab") as file:
            file.write(b"appended\n")
    elif way == 3:
        path.unlink()
        path.mkdir()
    elif way == 4:
        os.truncate(path, dice.randrange(10))
    else:
        path.write_bytes(dice.randbytes(dice.randrange(2000)))


def main(seed: str, pause: str, directory: str) -> None:
    """Spoil for ever."""
    dice = random.Random(seed)
    base = Path(directory)
    torn = sorted((base / "torn").rglob("*"))
    whole = sorted((base / "whole").iterdir())
    aside = base / "aside"
    while True:
        # Whatever goes wrong, somebody else has been at it: the controller.
        with suppress(OSError):
            if dice.random() < 0.3:
                aside.write_bytes(THEIRS)
                aside.rename(dice.choice(whole))
            else:
                tear(dice.choice(torn), dice)
        time.sleep(dice.random() * 2 * float(pause))


if __name__ == "__main__":
    main(*sys.argv[1:])
