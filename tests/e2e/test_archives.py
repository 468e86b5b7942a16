"""An archive whose unpacking is cut off: nobody takes the half for the whole, and it is carried to its end."""

import io
import tarfile

import pytest

from tests.e2e.lab import on, target
from tests.e2e.site import instance, until

pytestmark = [pytest.mark.e2e, pytest.mark.lab]

COUNT = 20_000


def content(number, revision):
    return f"{revision} {number}\n".encode() * 20


def packed(revision):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for number in range(COUNT):
            member = tarfile.TarInfo(f"d{number % 50}/{number}")
            member.size = len(content(number, revision))
            archive.addfile(member, io.BytesIO(content(number, revision)))
    return made.getvalue()


def count(host, revision):
    """How many files are there with all that they are to have, and how many others."""
    found = host.exec(
        f"cd /opt/many && grep -rc '^{revision} ' . | cut -d: -f2 | sort | uniq -c", check=False
    )
    numbers = {line.split()[1]: int(line.split()[0]) for line in found.splitlines()}
    return numbers.pop("20", 0), sum(numbers.values())


@pytest.mark.parametrize("trouble", ["runner", "partition", "power"])
def test_it_is_carried_to_its_end(lab, site, trouble):
    host = lab.host("h1")
    host.exec("rm -rf /opt/many /var/lib/froyo")
    site.manifests.mkdir(exist_ok=True)
    declared = instance("Archive", "many", "/opt/many", source="many.tar.gz", purge=True, **on(host))
    (site.manifests / "many.tar.gz").write_bytes(packed("old"))
    site.declare(target(lab, host), declared)
    site.apply()
    assert count(host, "old") == (COUNT, 0)
    (site.manifests / "many.tar.gz").write_bytes(packed("new"))
    daemon = site.up()
    until("a part of it is there", lambda: count(host, "new")[0] > 1000, patience=60)
    if trouble == "runner":
        host.exec("pkill -9 -x froyo-runner")
    elif trouble == "partition":
        last = daemon.last_event()
        host.partition()
        until("that is noticed", lambda: daemon.events(after=last, reason="Unreachable"), patience=60)
        host.heal()
    else:
        host.kill()
        host.start()
    until("it is whole", lambda: count(host, "new") == (COUNT, 0), patience=120)
    daemon.until_ready(1)
    # What is half was begun here: nobody has changed anything.
    assert daemon.events(reason="Repaired") == []
    assert daemon.terminate() == 0
    assert host.exec("find /opt/many -name '.froyo*' | wc -l") == "0"
    assert "nothing to do" in site.apply().stdout
    declared["spec"]["state"] = "absent"
    site.declare(target(lab, host), declared)
    site.apply()
    assert host.exec("ls -d /opt/many /var/lib/froyo/archives/* 2>/dev/null", check=False) == ""
