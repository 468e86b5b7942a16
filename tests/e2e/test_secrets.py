"""`kill -9` of the daemon at any instant while secrets become others: they are where they belong, and only there."""

import os
import random
import subprocess
import threading

import pytest

from tests.integration.cli.conftest import person
from tests.integration.cli.test_secrets import canaries, everything_said
from tests.integration.cli.test_secrets_on_hosts import HOMES, ShopSecrets, command_lines, holding, host

__all__ = ["canaries", "host", "person"]

KILLS = 12


def dice():
    seed = os.environ.get("FROYO_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"FROYO_SEED={seed}")  # noqa: T201 - for who reads the report
    return random.Random(seed)


def kill_at_random(person, chance, change):
    """Start the daemon again and again, have something change, and kill it at some instant."""
    for _ in range(KILLS):
        log = (person.base / "daemon.log").open("ab")
        daemon = subprocess.Popen(
            person.command("up", person.site), stdout=log, stderr=log, env=person.environ
        )
        try:
            change()
            daemon.wait(chance.random() * 4)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        else:
            raise AssertionError(person.log)
        finally:
            log.close()


@pytest.mark.e2e
def test_whenever_the_daemon_is_killed_no_secret_is_left_anywhere_on_this_machine(person, canaries):
    chance = dice()

    def change():
        canaries.rotate(chance.choice(["db", "token"]))
        (person.machine / "conf").write_text(f"spoiled {canaries.all[-1]}\n")

    kill_at_random(person, chance, change)
    canaries.look(person.log, everything_said(person))
    newest = canaries.rotate("db")
    with person.up():
        person.until(lambda: (person.machine / "conf").read_text() == f"url = pg://app:{newest}#db/\n")
        person.froyo("wait", "--timeout", "60s")
    canaries.look(person.log, everything_said(person))


@pytest.mark.e2e
@pytest.mark.lab
def test_nor_on_its_target(person, host):
    chance, shop = dice(), ShopSecrets(person)
    seen, over = set(), threading.Event()

    def watch():
        while not over.wait(0.05):
            seen.update(command_lines(host).split(" "))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        kill_at_random(person, chance, lambda: shop.rotate(chance.choice(list(shop.files))))
    finally:
        over.set()
        watching.join()
    assert len(seen) > 10
    newest = {name: shop.rotate(name) for name in shop.files}
    person.froyo("apply", person.site)
    assert newest["db"] in host.exec("cat /etc/shop/settings")
    assert host.exec("getent shadow shopadmin").split(":")[1] == newest["admin.hash"]
    shop.look(person.log, " ".join(seen), host.exec("journalctl --no-pager -o export", check=False))
    assert holding(host, shop.all) - {"/etc/shadow-"} <= HOMES
    assert host.exec("ls /run/froyo/op 2>/dev/null", check=False) in ("", "turn")
