"""A target whose disk is full: what needs room says so, no half of it is there, and it is done when there is room."""

import io
import os
import tarfile

import pytest

from tests.e2e.lab import on, target
from tests.e2e.site import instance, until

pytestmark = [pytest.mark.e2e, pytest.mark.lab]

FULL = "/srv/full"
VAR = ("/var/lib/froyo", "/var/tmp")
BIG = os.urandom(1_000_000)
"""More than there is room for at first, and no compression makes it less."""


def packed():
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name in ("one", "two"):
            member = tarfile.TarInfo(name)
            member.size = len(BIG)
            archive.addfile(member, io.BytesIO(BIG))
    return made.getvalue()


@pytest.fixture
def host(lab):
    """One with a small file system."""
    found = lab.host("h1")
    clean(found)
    found.exec(f"mkdir -p {FULL}; mount -t tmpfs -o size=512k full {FULL}")
    yield found
    clean(found)


def clean(host):
    host.exec(f"umount {FULL}; rm -rf {FULL} /var/lib/froyo", check=False)


def test_what_needs_room_says_so_and_is_done_when_there_is_some(lab, site, host):
    (site.manifests / "big.body").write_bytes(BIG)
    (site.manifests / "many.tar.gz").write_bytes(packed())
    site.declare(
        target(lab, host),
        instance("File", "big", f"{FULL}/big", source="big.body", **on(host)),
        instance("Archive", "many", f"{FULL}/many", source="many.tar.gz", **on(host)),
        instance("File", "calm", f"{FULL}/calm", content="calm\n", **on(host)),
    )
    daemon = site.up()

    def told(name):
        return daemon.resources().get(f"{host.name}/{name}", {"reason": "", "message": ""})

    for name in ("File/big", "Archive/many"):
        until(f"{name} says so", lambda name=name: "no space" in told(name)["message"].lower(), patience=60)
        assert told(name)["reason"] == "TransientError"
    until("what is small is there", lambda: host.exec(f"cat {FULL}/calm", check=False) == "calm")
    assert host.exec(f"ls -A {FULL} | grep -v -e many -e calm", check=False) == ""
    host.exec(f"mount -o remount,size=16m {FULL}")
    daemon.until_ready(3)
    assert host.exec(f"cat {FULL}/big {FULL}/many/one {FULL}/many/two | wc -c") == str(3 * len(BIG))
    assert daemon.terminate() == 0


@pytest.fixture
def host_with_full_var(lab):
    """One on which there is no room where a runner keeps what it has to remember, nor where it puts what is large."""
    found = lab.host("h1")
    undo = f"umount {' '.join(VAR)}; rm -rf {FULL} {VAR[0]}; true"
    found.exec(f"{undo}; mkdir -p {FULL}", check=False)
    for place in VAR:
        found.exec(f"mkdir -p {place}; mount -t tmpfs -o size=64k,mode=1777 full {place}")
        found.exec(f"chmod 755 {VAR[0]}; dd if=/dev/zero of={place}/filler bs=4k 2>/dev/null; true")
    yield found
    found.exec(undo, check=False)


def test_where_var_is_full_nothing_is_begun_that_could_not_be_remembered(lab, site, host_with_full_var):
    host = host_with_full_var
    (site.manifests / "big.body").write_bytes(BIG)
    (site.manifests / "many.tar.gz").write_bytes(packed())
    site.declare(
        target(lab, host),
        instance("Archive", "many", f"{FULL}/many", source="many.tar.gz", **on(host)),
        instance("File", "big", f"{FULL}/big", source="big.body", **on(host)),
        instance("File", "calm", f"{FULL}/calm", content="calm\n", **on(host)),
    )
    daemon = site.up()
    until(
        "the archive says so",
        lambda: "no space" in str(daemon.resources().get(f"{host.name}/Archive/many")).lower(),
        patience=60,
    )
    until(
        "what needs no memory is there",
        lambda: (
            host.exec(f"cat {FULL}/calm {FULL}/big 2>/dev/null | wc -c", check=False)
            == str(len(BIG) + len("calm\n"))
        ),
    )
    assert host.exec(f"ls -A {FULL}") == "big\ncalm"
    for place in VAR:
        host.exec(f"rm {place}/filler; mount -o remount,size=16m {place}")
    daemon.until_ready(3)
    assert host.exec(f"cat {FULL}/many/one {FULL}/many/two | wc -c") == str(2 * len(BIG))
    assert daemon.terminate() == 0


def test_a_transaction_of_packages_that_finds_no_room_says_so_and_leaves_dpkg_whole_in_the_end(
    lab, site, host
):
    place = "/usr/share/cowsay"
    host.exec(f"apt-get purge -y -q cowsay; mkdir -p {place}; mount -t tmpfs -o size=16k full {place}")
    cow = instance("Package", "cow", "", package="cowsay", **on(host))
    del cow["spec"]["path"]
    site.declare(target(lab, host), cow)
    daemon = site.up()
    try:
        until(
            "it says so",
            lambda: "no space" in str(daemon.resources().get(f"{host.name}/Package/cow")).lower(),
            patience=60,
        )
    finally:
        host.exec(f"umount {place}")
    until("it is installed", lambda: "ii" in host.exec("dpkg -l cowsay", check=False), patience=120)
    daemon.until_ready(1)
    assert (
        host.exec(f"dpkg --audit; dpkg --verify cowsay; ls {place}/cows/tux.cow") == f"{place}/cows/tux.cow"
    )
    assert daemon.terminate() == 0
    host.exec("apt-get purge -y -q cowsay")
