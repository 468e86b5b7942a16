"""The process gives up what it does not need: files, the network, other programs, and being core-dumped.

It is the kernel that refuses (seccomp), on all threads and for good, as it does to the compiler process: the list is
the one of `config/compiler/internal/confine`, held to it by a test. To the process no file is there (ENOENT), so that
what looks for a module finds none; all else it may not (EPERM). So what is to be imported is imported before.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator

LOOKING = {
    "openat": (257, 56),
    "openat2": (437, 437),
    "statx": (332, 291),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlinkat": (267, 78),
    "statfs": (137, 43),
    "name_to_handle_at": (303, 264),
    "open": (2, None),
    "stat": (4, None),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "access": (21, None),
    "readlink": (89, None),
}
"""Calls that open or look at files by name: their numbers on x86_64 and on aarch64."""

REFUSED = {
    "mkdirat": (258, 34),
    "mknodat": (259, 33),
    "unlinkat": (263, 35),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "linkat": (265, 37),
    "symlinkat": (266, 36),
    "fchmodat": (268, 53),
    "fchownat": (260, 54),
    "truncate": (76, 45),
    "utimensat": (280, 88),
    "chdir": (80, 49),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "open_by_handle_at": (304, 265),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "io_uring_setup": (425, 425),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "unshare": (272, 97),
    "setns": (308, 268),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "creat": (85, None),
    "mkdir": (83, None),
    "mknod": (133, None),
    "unlink": (87, None),
    "rmdir": (84, None),
    "rename": (82, None),
    "link": (86, None),
    "symlink": (88, None),
    "chmod": (90, None),
    "chown": (92, None),
    "lchown": (94, None),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "fork": (57, None),
    "vfork": (58, None),
}
"""The other calls that reach out of the process."""

_MACHINES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}
"""By machine: the column of the tables, what the kernel calls the architecture, and the number of seccomp()."""
_X32 = 0x40000000
"""From here on x86_64 has numbers of another kind, which would walk around the list."""

_SET_DUMPABLE, _SET_NO_NEW_PRIVS = 4, 38
_FILTER, _ALL_THREADS = 1, 1
_LOAD, _EQUAL, _AT_LEAST, _ANSWER = 0x20, 0x15, 0x35, 0x06
_KILL, _FAIL, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def confine() -> None:
    """Give all of that up.

    Raises:
        OSError: the kernel does not take it.
    """
    machine = os.uname().machine
    if machine not in _MACHINES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    column, architecture, seccomp = _MACHINES[machine]
    code = b"".join(_instructions(column, architecture))
    system = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(code) // 8, code)
    for call, arguments in (
        (system.prctl, (_SET_DUMPABLE, 0, 0, 0, 0)),
        (system.prctl, (_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        (system.syscall, (seccomp, _FILTER, _ALL_THREADS, ctypes.byref(program))),
    ):
        if call(*(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _instructions(column: int, architecture: int) -> Iterator[bytes]:
    """The filter: another architecture's calls end the process, those that are listed fail, all others go on."""
    yield _one(_LOAD, 4)
    yield _one(_EQUAL, architecture, yes=1)
    yield _one(_ANSWER, _KILL)
    yield _one(_LOAD, 0)
    if column == 0:
        yield _one(_AT_LEAST, _X32, no=1)
        yield _one(_ANSWER, _FAIL | errno.EPERM)
    for calls, error in ((LOOKING, errno.ENOENT), (REFUSED, errno.EPERM)):
        for numbers in calls.values():
            number = numbers[column]
            if number is not None:
                yield _one(_EQUAL, number, no=1)
                yield _one(_ANSWER, _FAIL | error)
    yield _one(_ANSWER, _ALLOW)


def _one(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
