"""What repairing a file takes at least: inotify, and a durable write. Run as a program, it is the daemon's measure.

    bare_loop.py DIRECTORY CONTENTS

puts every file of DIRECTORY that was written to back to what the file of the same name in CONTENTS says.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys

CLOSE_WRITE = 0x8


def main(directory: str, contents: str) -> None:
    """Until it is killed."""
    libc = ctypes.CDLL(None, use_errno=True)
    notify = libc.inotify_init1(0)
    libc.inotify_add_watch(notify, directory.encode(), CLOSE_WRITE)
    wanted = {}
    for entry in os.scandir(contents):
        with open(entry.path, "rb") as file:
            wanted[entry.name] = file.read()
    while True:
        events = os.read(notify, 65536)
        at = 0
        while at < len(events):
            _, _, _, length = struct.unpack_from("iIII", events, at)
            name = events[at + 16 : at + 16 + length].rstrip(b"\0").decode()
            at += 16 + length
            if name in wanted:
                _repair(os.path.join(directory, name), wanted[name])


def _repair(path: str, content: bytes) -> None:
    with open(path, "rb") as file:
        if file.read() == content:
            return
    temporary = f"{path}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, content)
    os.fsync(descriptor)
    os.close(descriptor)
    os.rename(temporary, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
