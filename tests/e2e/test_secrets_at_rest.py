"""`kill -9` of the daemon at any instant while what is encrypted becomes another one: it is where it belongs alone."""

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_secrets import dice, kill_at_random
from tests.integration.cli.conftest import person
from tests.integration.cli.test_secrets import everything_said
from tests.integration.cli.test_secrets_at_rest import canaries

__all__ = ["canaries", "person"]

pytestmark = pytest.mark.e2e


def test_whenever_the_daemon_is_killed_nothing_is_left_anywhere_on_this_machine(person, canaries):
    chance = dice()

    def change():
        canaries.rotate(chance.choice(["db", "token", "tls"]))
        (person.machine / "conf").write_text(f"spoiled {canaries.all[-1]}\n")

    kill_at_random(person, chance, change)
    canaries.look(person.log, everything_said(person))
    newest = canaries.rotate("db")
    with person.up():
        person.until(lambda: (person.machine / "conf").read_text() == f"url = pg://app:{newest}#db/\n")
        person.froyo("wait", "--timeout", "60s")
    canaries.look(person.log, everything_said(person))


def children(pid):
    """All processes that one has begun, and those that they have."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [child, *children(child)]
    return found


def seen_of(pid):
    """What others may see of a process and of all that it has begun: command lines, environments, limits."""
    said = [Path(f"/proc/{pid}/cmdline").read_bytes()]
    for child in children(pid):
        base = Path(f"/proc/{child}")
        said += [(base / "cmdline").read_bytes(), (base / "environ").read_bytes()]
    return b"\0".join(said).decode(errors="surrogateescape")


def test_no_process_shows_it_and_none_writes_it_down_when_it_crashes(person, canaries):
    """With identities in the environment; each ending that writes a core file where there is a limit for one."""
    key = canaries.all[0]
    del person.environ["FROYO_AGE_KEY_FILE"]
    person.environ |= {"FROYO_AGE_KEY": key, "HOME": str(person.base)}
    chance = dice()
    for ending in (signal.SIGABRT, signal.SIGXCPU, signal.SIGKILL):
        before = set(person.base.iterdir())
        log = (person.base / "daemon.log").open("ab")
        daemon = subprocess.Popen(
            ["sh", "-c", 'ulimit -c unlimited; exec "$@"', "sh", *person.command("up", person.site)],
            stdout=log,
            stderr=log,
            env=person.environ,
            cwd=person.base,
        )
        try:
            value = canaries.rotate("db")
            person.until(lambda value=value: value in _text(person.machine / "conf"))
            limit = Path(f"/proc/{daemon.pid}/limits").read_text()
            assert [line.split()[4] for line in limit.splitlines() if line.startswith("Max core")] == ["0"]
            canaries.look(seen_of(daemon.pid))
            canaries.rotate(chance.choice(["db", "token", "tls"]))
        finally:
            daemon.send_signal(ending)
            daemon.wait()
            log.close()
        assert daemon.returncode == -ending
        cores = [path for path in set(person.base.iterdir()) - before if "core" in path.name]
        assert cores == []
        canaries.look(person.log)
    canaries.look(everything_said(person))


def _text(path):
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("seed", range(5))
def test_killed_while_it_encrypts_anew_nothing_is_lost(person, canaries, seed):
    """Each ciphertext is what it was or what it is to be, and opens; a second `rotate` does the rest."""
    chance = random.Random(f"{os.environ.get('FROYO_SEED', '')}{seed}")
    for index in range(200):
        (person.site / "sub" / f"more{index}.txt").write_text((person.site / "sub" / "vars.yaml").read_text())
    person.froyo("apply", person.site)
    done = subprocess.Popen(
        person.command("secrets", "rotate", person.site, "--recipient", canaries.public),
        env=person.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        done.wait(0.3 + chance.random())
    except subprocess.TimeoutExpired:
        done.kill()
        done.wait()
    for path in sorted((person.site / "sub").glob("more*.txt")):
        assert canaries.now["db"] in person.froyo("secrets", "decrypt", path).stdout
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    person.froyo("secrets", "rotate", person.site, "--recipient", canaries.public)
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    for path in (person.site / "sub").glob("more*.txt"):
        path.unlink()
    canaries.look()
