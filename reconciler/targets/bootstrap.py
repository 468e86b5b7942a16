"""What a POSIX shell on the target does before there is a runner: take it in, check it, become it.

The shell gets the script as its argument, and on its standard input a guard and the compressed binary, right
behind one another, so that a session costs no round trip more than a command. Its steps: look whether this is the kind
of machine that the binary is for; find a directory with room where programs may be executed, make a private one in it,
open a file there, and take both away again before a single byte has arrived, so that nothing is left behind
whatever happens; unpack into the open file; compare its SHA-256 with what was announced; say the marker, with
the places that were passed over behind it, and become the runner.

Invariants: before the marker nothing on stdout counts (a login shell's noise), after it everything is the
runner's; and nothing may follow the binary before it, since some `head` takes more than it gives on. A target
may start something else than it is asked to, and give it the binary; if that is a shell, it must not take it for
commands: the guard, which the script drops, ends any shell that reads it. The script is one line without single
quotes, exclamation marks and comments, so that it passes through any login shell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.errors import TransportError
from reconciler.targets.artifacts import MACHINES

STATUS = 96
"""The exit status with which the script says that it cannot go on; why is on stderr."""
GUARD_STATUS = 95
"""The exit status of a shell that was started in the script's place."""
GUARD = f"exit {GUARD_STATUS}\n".encode()
"""What is sent ahead of the binary. A line that is not a command to such a shell would be the binary's first."""
_COMPLAINT = "froyo-bootstrap: "
_PATIENCE = 300
"""Seconds after which a shell that waits for the binary gives up, if we were cut off unnoticed."""
_PYTHON_DIGEST = "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
_PLAIN = re.compile(r"[A-Za-z0-9+/=._:-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What is sent and how it is to be started.

    Attributes:
        nonce: unguessable; names the private directory and the marker.
        arch: what the binary is for.
        size: bytes that are sent.
        room: bytes of the binary.
        gzip: whether they are compressed.
        sha256: of the binary.
        arguments: of the runner; only letters, digits and `+/=._:-`.
        sudo: become root.
    """

    nonce: str
    arch: str
    size: int
    room: int
    gzip: bool
    sha256: str
    arguments: Sequence[str]
    sudo: bool

    @property
    def marker(self) -> bytes:
        """How the line begins after which all output is the runner's."""
        return f"froyo-{self.nonce}".encode()


def command(shipment: Shipment) -> str:
    """What to ask the target's sshd to execute: by its path, since the login shell's PATH may be anything."""
    return f"exec /bin/sh -c '{script(shipment)}'"


def script(shipment: Shipment) -> str:
    """The script, in one line."""
    words = [shipment.nonce, shipment.sha256, *shipment.arguments]
    if not all(_PLAIN.fullmatch(word) for word in words):
        raise ValueError("a word of the runner's command line would need quoting")
    machines = "|".join(f'"Linux {machine}"' for machine, arch in MACHINES.items() if arch == shipment.arch)
    serve = " ".join(shipment.arguments)
    unpacker, unpack = ("gzip", "gzip -dc") if shipment.gzip else ("cat", "cat")
    take = f'sh -c "read -r guard; exec head -c {shipment.size}"'
    lines = [
        "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH;",
        f'fail() {{ echo "{_COMPLAINT}$*" >&2; exit {STATUS}; }};',
        f"m=$(uname -sm); case $m in {machines}) ;; *) fail machine $m ;; esac;",
        f"command -v {unpacker} >/dev/null 2>&1 || fail gzip;",
        # Whichever is there: all of them print the digest first.
        "if command -v sha256sum >/dev/null 2>&1; then digest() { sha256sum; };",
        "elif command -v openssl >/dev/null 2>&1; then digest() { openssl dgst -sha256 -r; };",
        "elif command -v shasum >/dev/null 2>&1; then digest() { shasum -a 256; };",
        f'elif command -v python3 >/dev/null 2>&1; then digest() {{ python3 -c "{_PYTHON_DIGEST}"; }};',
        "else fail digest; fi;",
    ]
    if shipment.sudo:
        lines.append('[ "$(id -u)" = 0 ] || command -v sudo >/dev/null 2>&1 || fail sudo;')
    lines += [
        'd=; t=; tidy() { rm -rf "$d"; }; trap tidy EXIT; trap "exit 1" HUP INT TERM;',
        'for b in "$XDG_RUNTIME_DIR" /dev/shm /tmp /var/tmp; do',
        f"case $b in /*) ;; *) continue ;; esac; d=$b/.froyo-{shipment.nonce};",
        'mkdir -m 700 "$d" 2>/dev/null || { t="$t $b (cannot be written to)"; d=; continue; };',
        # An empty file is the smallest program: it runs wherever any would.
        'if true >"$d/r" && chmod 700 "$d/r" && "$d/r" </dev/null 2>/dev/null; then',
        "z=/dev/zero; [ -c $z ] || z=/dev/null;",
        f'if head -c {shipment.room} $z 2>/dev/null >"$d/r"; then break; fi;',
        't="$t $b (no room)"; else t="$t $b (nothing can be executed there)"; fi; tidy; d=;',
        "done;",
        '[ -n "$d" ] || fail place $t;',
        'exec 4<"$d/r";',
        "if command -v timeout >/dev/null 2>&1;",
        f'then patiently() {{ timeout {_PATIENCE} "$@"; }}; else patiently() {{ "$@"; }}; fi;',
        # Nobody may be left who holds the file open for writing: what is being written cannot be executed.
        f'{{ tidy; {{ exec 3>&- 4<&-; patiently {take}; }} | {unpack} >&3; }} 3>"$d/r";',
        f"s=$(digest <&4); case $s in {shipment.sha256}*) ;; *) fail content $s ;; esac;",
        f"trap - EXIT HUP INT TERM; set -f; cd /; echo froyo-{shipment.nonce}$t;",
    ]
    if shipment.sudo:
        # sudo hands no descriptors on, so it finds the file by ours: this shell must live on beside it.
        lines.append(f'[ "$(id -u)" = 0 ] || {{ sudo -n -- /proc/$$/fd/4 {serve}; exit $?; }};')
    lines.append(f"exec /proc/self/fd/4 {serve}")
    return " ".join(lines)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why the script could not go on.

    Attributes:
        code: `machine`, `gzip`, `digest`, `sudo`, `place` or `content`.
        detail: depends on the code.
    """

    code: str
    detail: str

    @property
    def machine(self) -> str:
        """What `uname -m` said, for the code `machine` on Linux."""
        system, _, machine = self.detail.partition(" ")
        if system != "Linux":
            raise TransportError(f"it runs {system or 'something'}, and there is a runner for Linux only")
        return machine

    def explain(self) -> str:
        """For a person: what is wrong and what to do."""
        match self.code:
            case "digest":
                return (
                    "it has none of sha256sum, openssl, shasum and python3, so the runner could not be"
                    " checked there: install coreutils"
                )
            case "sudo":
                return "`become: sudo`, but there is no sudo there: install it, or log in as root instead"
            case "place":
                return (
                    f"there is no directory to run the runner from ({self.detail}): make one of them"
                    " writable for the user, with room in it, and mount it without `noexec`"
                )
            case "content":
                return "the runner did not arrive as it was sent, or found no room, and was not started"
            case _:
                return f"the target's shell could not go on: {self.code} {self.detail}".rstrip()


def complaint(lines: Sequence[str]) -> Complaint | None:
    """The script's complaint among the lines of stderr, if there is one."""
    for line in reversed(lines):
        if line.startswith(_COMPLAINT):
            code, _, detail = line.removeprefix(_COMPLAINT).partition(" ")
            return Complaint(code, detail)
    return None
