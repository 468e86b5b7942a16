"""The bootstrap, in the shells that this machine has, with `cat` for a runner."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from reconciler.errors import TransportError
from reconciler.targets.artifacts import architecture
from reconciler.targets.bootstrap import (
    GUARD,
    GUARD_STATUS,
    STATUS,
    Complaint,
    Shipment,
    command,
    complaint,
    script,
)

with open("/bin/cat", "rb") as program:
    RUNNER = program.read()
ARCH = architecture(os.uname().machine)
PATHS = "PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin;"
TOOLS = ("sh", "uname", "gzip", "mkdir", "chmod", "rm", "head", "timeout", "sha256sum", "cat", "id", "ls")


def ship(**changes):
    content = gzip.compress(RUNNER)
    shipment = {
        "nonce": "00c0ffee",
        "arch": ARCH,
        "size": len(content),
        "room": len(RUNNER),
        "gzip": True,
        "sha256": hashlib.sha256(RUNNER).hexdigest(),
        "arguments": ["-"],
        "sudo": False,
    }
    return Shipment(**(shipment | changes)), GUARD + content


class Target:
    """A place where the script runs with just the tools that it is given."""

    def __init__(self, directory):
        self.tools = directory / "bin"
        self.place = directory / "run"
        self.tools.mkdir()
        self.place.mkdir()
        for tool in TOOLS:
            self.give(tool)

    def give(self, tool):
        (self.tools / tool).symlink_to(shutil.which(tool))

    def take(self, tool):
        (self.tools / tool).unlink()

    def fake(self, tool, text):
        (self.tools / tool).unlink(missing_ok=True)
        (self.tools / tool).write_text(f"#!/bin/sh\n{text}\n")
        (self.tools / tool).chmod(0o755)

    def start(self, shipment, *, login_shell="/bin/sh", shell="sh"):
        asked = command(shipment)
        assert PATHS in asked
        asked = asked.replace(PATHS, "").replace("exec /bin/sh", f"exec {shell}", 1)
        return subprocess.Popen(
            [login_shell, "-c", asked],
            env={"PATH": str(self.tools), "XDG_RUNTIME_DIR": str(self.place)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def run(self, shipment, content, **shells):
        """Exit status, stdout and the complaint, once it has run to its end."""
        with self.start(shipment, **shells) as process:
            with suppress(BrokenPipeError):
                process.stdin.write(content)
            # Only then may anything else be said: some `head` takes more than it gives on.
            marker = process.stdout.readline()
            out, err = process.communicate(b"hello\n" if marker else b"")
        assert os.listdir(self.place) == []
        return process.returncode, marker + out, complaint(err.decode().splitlines())


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path)


WORKS = b"froyo-00c0ffee\nhello\n"
"""What is seen when the runner runs: the marker, and what it read from its standard input."""


@pytest.mark.parametrize(
    "shell", [path for name in ("dash", "bash", "ksh", "mksh", "zsh", "yash") if (path := shutil.which(name))]
)
def test_it_becomes_the_runner_in_every_shell(target, shell):
    assert target.run(*ship(), shell=shell) == (0, WORKS, None)


@pytest.mark.parametrize("shell", [path for name in ("dash", "bash") if (path := shutil.which(name))])
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system, so it needs to be root")
def test_a_place_without_room_is_passed_over_for_the_next_one_and_said(target, shell):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "tmpfs", str(target.place)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip(f"mount: {mounted.stderr.decode().strip()}")
    try:
        status, out, said = target.run(*ship(), shell=shell)
    finally:
        subprocess.run(["umount", str(target.place)], check=True)
    assert (status, out, said) == (0, f"froyo-00c0ffee {target.place} (no room)\nhello\n".encode(), None)


def test_it_becomes_the_runner_in_busybox(target):
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("there is no busybox here")
    assert target.run(*ship(), shell=f"{busybox} sh") == (0, WORKS, None)


@pytest.mark.parametrize(
    "shell", [path for name in ("sh", "bash", "tcsh", "csh", "fish", "zsh") if (path := shutil.which(name))]
)
def test_it_passes_through_every_login_shell(target, shell):
    assert target.run(*ship(), login_shell=shell) == (0, WORKS, None)


@pytest.mark.parametrize(
    "shell", [path for name in ("sh", "bash", "tcsh", "csh", "fish", "zsh") if (path := shutil.which(name))]
)
def test_a_shell_that_is_started_in_its_place_does_not_take_the_binary_for_commands(shell, tmp_path):
    # sshd runs one for a key with `command="bash"`; the lines of a compressed binary are commands like any others.
    evil = f"touch {tmp_path}/done\n".encode()
    done = subprocess.run([shell], input=GUARD + evil, capture_output=True, check=False)
    assert (done.returncode, done.stdout, os.listdir(tmp_path)) == (GUARD_STATUS, b"", [])


def test_there_is_nothing_in_it_that_a_login_shell_could_take_for_its_own():
    for sudo in (False, True):
        assert not set("'!\n") & set(script(ship(sudo=sudo)[0]))


@pytest.mark.parametrize("word", ["a b", "$x", "a;b", "`id`", "'", "a\n"])
def test_a_word_that_would_need_quoting_is_refused(word):
    with pytest.raises(ValueError, match="quoting"):
        script(ship(arguments=["serve", word])[0])


def test_its_words_reach_the_runner_and_it_is_in_nobodys_way(target):
    shipment, content = ship(arguments=["/proc/self/cmdline", "--", "-", "MEQ+/A==", "600s"])
    status, out, _ = target.run(shipment, content)
    assert status == 1  # there is no file of that name
    words = out.removeprefix(b"froyo-00c0ffee\n").removesuffix(b"hello\n").split(b"\0")
    assert words[1:-1] == [word.encode() for word in shipment.arguments]


def test_nothing_of_ours_has_a_name_while_the_binary_is_still_arriving(target):
    shipment, content = ship()
    target.fake("head", 'echo arriving >&2; exec /usr/bin/head "$@"')
    process = target.start(shipment)
    with process:
        process.stdin.write(content[: len(content) // 2])
        assert process.stderr.readline() == b"arriving\n"
        assert os.listdir(target.place) == []
        process.kill()
    assert os.listdir(target.place) == []


def test_a_binary_that_is_cut_off_is_not_started(target):
    shipment, content = ship()
    with target.start(shipment) as process:
        out, err = process.communicate(content[: len(content) // 2])
    assert (process.returncode, out) == (STATUS, b"")
    assert complaint(err.decode().splitlines()).code == "content"
    assert os.listdir(target.place) == []


def test_a_binary_that_is_not_the_announced_one_is_not_started(target):
    shipment, _ = ship()
    evil = gzip.compress(RUNNER + b"evil")
    status, out, said = target.run(ship(size=len(evil))[0], GUARD + evil)
    assert (status, out, said.code) == (STATUS, b"", "content")
    assert "did not arrive as it was sent" in said.explain()
    assert shipment.sha256 not in said.detail


def test_a_machine_of_another_kind_says_what_it_is(target):
    target.fake("uname", "echo Linux riscv64")
    status, out, said = target.run(*ship())
    assert (status, out, said) == (STATUS, b"", Complaint("machine", "Linux riscv64"))
    assert said.machine == "riscv64"


def test_a_system_that_is_not_linux_is_a_reason_to_stop(target):
    target.fake("uname", "echo FreeBSD amd64")
    _, _, said = target.run(*ship())
    with pytest.raises(TransportError, match="it runs FreeBSD, and there is a runner for Linux only"):
        said.machine  # noqa: B018 - the question is what is asked


def test_without_gzip_it_says_so_and_takes_the_binary_as_it_is(target):
    target.take("gzip")
    assert target.run(*ship())[2] == Complaint("gzip", "")
    assert target.run(ship(gzip=False, size=len(RUNNER))[0], GUARD + RUNNER) == (0, WORKS, None)


@pytest.mark.parametrize("tool", ["openssl", "shasum", "python3"])
def test_whatever_can_compute_a_digest_will_do(target, tool):
    if shutil.which(tool) is None:
        pytest.skip(f"there is no {tool} here")
    target.take("sha256sum")
    target.give(tool)
    if tool == "shasum":
        target.give("perl")
    if tool == "python3":
        target.fake(tool, f'exec {sys.executable} "$@"')
    assert target.run(*ship()) == (0, WORKS, None)
    evil = RUNNER + b"#"
    assert target.run(ship(gzip=False, size=len(evil))[0], GUARD + evil)[2].code == "content"


def test_without_anything_to_compute_a_digest_it_starts_nothing(target):
    target.take("sha256sum")
    status, out, said = target.run(*ship())
    assert (status, out, said.code) == (STATUS, b"", "digest")
    assert "install coreutils" in said.explain()


def test_it_works_without_timeout(target):
    target.take("timeout")
    assert target.run(*ship()) == (0, WORKS, None)


def test_a_directory_that_cannot_be_used_is_passed_over(target):
    target.place.rmdir()
    target.place.write_text("not a directory")
    shipment, content = ship()
    with target.start(shipment) as process:
        said = process.communicate(content + b"hello\n")[0]
    assert said == f"froyo-00c0ffee {target.place} (cannot be written to)\nhello\n".encode()


@pytest.mark.parametrize(
    ("tool", "why"), [("mkdir", "cannot be written to"), ("chmod", "nothing can be executed there")]
)
def test_where_nothing_can_be_executed_every_place_that_was_tried_is_named(target, tool, why):
    target.fake(tool, "exit 1")
    status, out, said = target.run(*ship())
    assert (status, out, said.code) == (STATUS, b"", "place")
    for place in (str(target.place), "/dev/shm", "/tmp", "/var/tmp"):
        assert f"{place} ({why})" in said.explain()


SUDO = '[ "$1 $2" = "-n --" ] || exit 1; shift 2; exec 3>&- 4<&-; exec "$@"'


def test_with_sudo_the_runner_is_found_although_sudo_hands_no_descriptors_on(target):
    target.fake("id", "echo 1000")
    target.fake("sudo", SUDO)
    assert target.run(*ship(sudo=True)) == (0, WORKS, None)


def test_who_is_root_already_needs_no_sudo(target):
    target.fake("id", "echo 0")
    assert target.run(*ship(sudo=True)) == (0, WORKS, None)


def test_without_sudo_it_says_so(target):
    target.fake("id", "echo 1000")
    status, out, said = target.run(*ship(sudo=True))
    assert (status, out, said.code) == (STATUS, b"", "sudo")
    assert "there is no sudo there" in said.explain()


def test_a_complaint_is_found_among_other_noise_and_an_unknown_one_is_repeated():
    lines = ["motd", "froyo-bootstrap: place /tmp (full)", "gzip: stdin: unexpected end of file"]
    assert complaint(lines) == Complaint("place", "/tmp (full)")
    assert complaint(["motd"]) is None
    assert Complaint("odd", "").explain() == "the target's shell could not go on: odd"
