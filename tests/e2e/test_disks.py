"""A disk that is full or cannot be written to: what can be right is, the rest is old or new, and all is later."""

import os
import subprocess

import pytest

from tests.e2e.site import Sampler, instance, local, until

pytestmark = pytest.mark.root

OLD, NEW = b"old\n" * 600_000, b"new\n" * 600_000
"""2.4 MB each: not both of them are on a disk of 4 MiB."""


def remount(path, options):
    subprocess.run(["mount", "-o", f"remount,{options}", path], check=True)


def declare(site, disk, content, calm="calm\n"):
    (site.manifests / "big.body").write_bytes(content)
    site.declare(
        local(),
        instance("File", "big", disk / "big", source="big.body"),
        instance("Symlink", "link", disk / "link", to="big"),
        instance("File", "elsewhere", site.world / "elsewhere", content=calm),
    )


def reasons(daemon):
    return {address: view["reason"] for address, view in daemon.resources().items()}


def test_on_a_full_disk_the_old_content_stays_until_there_is_room_for_the_new(site, tmpfs):
    declare(site, tmpfs, OLD)
    site.apply()
    daemon = site.up()
    daemon.until_ready(3)
    with Sampler({tmpfs / "big": {OLD, NEW}}) as sampler:
        declare(site, tmpfs, NEW, calm="new calm\n")
        until("it fails", lambda: "TransientError" in reasons(daemon).values())
        until("what is elsewhere is right", lambda: (site.world / "elsewhere").read_text() == "new calm\n")
        view = daemon.resources()["here/File/big"]
        assert "no space" in view["message"].lower(), view["message"]
        assert (tmpfs / "big").read_bytes() == OLD
        assert set(os.listdir(tmpfs)) == {"big", "link"}
        remount(tmpfs, "size=16m")
        until("the new content is there", lambda: (tmpfs / "big").read_bytes() == NEW)
    assert sampler.wrong == []
    daemon.until_ready(3)
    assert daemon.terminate() == 0
    site.assert_nothing_is_left()


def test_a_read_only_file_system_is_written_to_when_it_is_writable_again(site, tmpfs):
    remount(tmpfs, "size=16m")
    declare(site, tmpfs, OLD)
    site.apply()
    remount(tmpfs, "ro")
    daemon = site.up()
    daemon.until_ready(3)
    with Sampler({tmpfs / "big": {OLD, NEW}}) as sampler:
        declare(site, tmpfs, NEW, calm="new calm\n")
        until(
            "it fails", lambda: reasons(daemon).get("here/File/big") in {"TransientError", "PermanentError"}
        )
        until("what is elsewhere is right", lambda: (site.world / "elsewhere").read_text() == "new calm\n")
        assert "read-only" in daemon.resources()["here/File/big"]["message"].lower()
        remount(tmpfs, "rw")
        until("the new content is there", lambda: (tmpfs / "big").read_bytes() == NEW)
    assert sampler.wrong == []
    daemon.until_ready(3)
    assert daemon.terminate() == 0
    site.assert_nothing_is_left()


def test_a_full_disk_below_the_store_delays_repairs_and_loses_nothing(site):
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", site.state], check=True)
    try:
        motd = site.world / "motd"
        site.declare(local(), instance("File", "motd", motd, content="kept\n"))
        daemon = site.up()
        daemon.until_ready(1)
        filler = site.state / "filler"
        filler.touch()
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], check=False, capture_output=True)
        room = os.statvfs(site.state)
        assert room.f_bavail == 0
        for number in range(20):
            motd.write_text(f"spoiled {number}\n")
            daemon.ask("healthz")
        filler.unlink()
        motd.write_text("spoiled\n")
        until("it is right", lambda: motd.read_text() == "kept\n")
        daemon.until_ready(1)
        before = daemon.last_event()
        motd.write_text("spoiled again\n")
        until("that is on record", lambda: daemon.events(after=before, reason="Repaired"))
        assert daemon.terminate() == 0
        site.assert_nothing_is_left()
    finally:
        subprocess.run(["umount", "--lazy", site.state], check=True)


def test_half_of_a_tree_that_a_full_disk_has_kept_goes_with_its_manifest_all_the_same(site, tmpfs):
    """What an earlier froyo has made of it is not taken for something that was there before us."""
    files = site.manifests / "files"
    files.mkdir()
    for name in ("a", "b", "c"):
        (files / name).write_bytes(OLD)
    tree = instance("Directory", "tree", tmpfs / "tree", source="files", deletion="delete")
    site.declare(local(), tree)
    assert "no space" in site.apply(check=False).stdout.lower()
    assert set(os.listdir(tmpfs / "tree")) < {"a", "b", "c"}
    remount(tmpfs, "size=16m")
    site.apply()
    assert sorted(os.listdir(tmpfs / "tree")) == ["a", "b", "c"]
    site.declare(local())
    site.apply()
    assert os.listdir(tmpfs) == []
