"""A host that loses its power, or its network, in the middle of an apply of large bodies."""

import hashlib

import pytest

from tests.e2e.site import instance, until
from tests.e2e.test_four_hosts import target

pytestmark = [pytest.mark.lab, pytest.mark.slow]

BASE = "/srv/large"
SIZE = 64 * 1024 * 1024
COUNT = 2


def body(seed):
    """Large, and not to be compressed."""
    found = hashlib.shake_256(seed.encode()).digest(1024 * 1024)
    return found * (SIZE // len(found))


def declare(lab, site, host, seed):
    for n in range(COUNT):
        (site.manifests / f"body{n}").write_bytes(body(f"{seed} {n}"))
    here = {"target": host.name}
    site.declare(
        target(lab, host),
        instance("Directory", "base", BASE, **here),
        *(
            instance("File", f"f{n}", f"{BASE}/f{n}", source=f"body{n}", mode="0600", **here)
            for n in range(COUNT)
        ),
    )


def digests(host):
    """What is in the directory right now, as seen from outside of the host: name and digest."""
    found = {}
    for path in (host.path / BASE[1:]).iterdir():
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def expected(seed):
    return {f"f{n}": hashlib.sha256(body(f"{seed} {n}")).hexdigest() for n in range(COUNT)}


def torn(host):
    """What is neither old nor new, and temporary files that have a name."""
    old, new = expected("old"), expected("new")
    return [name for name, digest in digests(host).items() if digest not in {old.get(name), new.get(name)}]


@pytest.mark.parametrize("trouble", ["partition", pytest.param("kill", marks=pytest.mark.e2e)])
def test_an_apply_that_is_cut_short_leaves_old_or_new_and_is_finished_later(lab, site, trouble):
    host = lab.host("h4")
    host.exec(f"rm -rf {BASE}")
    declare(lab, site, host, "old")
    daemon = site.up()
    try:
        daemon.until_ready(COUNT + 1)
        assert digests(host) == expected("old")
        last = daemon.last_event()
        received = network(host)
        declare(lab, site, host, "new")
        until("a good part of the bodies is on its way", lambda: network(host) > received + SIZE // 2)
        if trouble == "partition":
            host.partition()
        else:
            host.kill()
        until("it is unreachable", lambda: daemon.events(after=last, reason="Unreachable"))
        assert torn(host) == []
        assert digests(host) != expected("new")
        if trouble == "partition":
            host.heal()
        else:
            host.start()
        until("it is as declared", lambda: digests(host) == expected("new"))
        daemon.until_ready(COUNT + 1)
        assert daemon.terminate() == 0
        assert sorted(digests(host)) == sorted(expected("new"))
    finally:
        if host.state == "running":
            host.exec(f"rm -rf {BASE}")


def network(host):
    """Bytes that the host has received since it was started."""
    lines = host.exec("cat /proc/net/dev").splitlines()[2:]
    return sum(int(line.split()[1]) for line in lines if not line.lstrip().startswith("lo:"))
