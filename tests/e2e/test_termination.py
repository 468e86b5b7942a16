"""SIGTERM in the middle of an apply: what is under way is finished, or abandoned and named, and nothing is torn."""

import pytest

from tests.e2e.site import PATIENCE, instance, local, until

BODY = bytes(range(256)) * 4 * 8192  # 8 MiB


def declare(site, count, **spec):
    (site.manifests / "body").write_bytes(BODY)
    site.declare(
        local(),
        *(instance("File", f"f{n}", site.world / f"f{n}", source="body", **spec) for n in range(count)),
    )


def whole(site):
    """The files that are there, each of which is complete."""
    found = sorted(path for path in site.world.iterdir() if not path.name.startswith(".froyo-"))
    assert [path.name for path in found if path.read_bytes() != BODY] == []
    return found


@pytest.mark.timeout(900)
def test_an_apply_of_many_large_files_is_finished_first(site):
    """Half a gigabyte, twice: on a disk that others use, too, that takes its time."""
    declare(site, 60)
    daemon = site.up()
    until("the apply is under way", lambda: daemon.ask("healthz") and any(site.world.iterdir()))
    assert daemon.terminate() == 0
    said = [line for line in daemon.log.splitlines() if line.startswith("abandoned")]
    assert len(whole(site)) == 60 or said
    site.assert_nothing_is_left()

    daemon = site.up()
    daemon.until_ready(60, patience=4 * PATIENCE)
    assert len(whole(site)) == 60
    assert daemon.terminate() == 0
    site.assert_nothing_is_left()


@pytest.mark.slow
def test_what_takes_too_long_is_abandoned_and_named(site):
    """A validation command that hangs holds the write up for longer than the daemon's grace."""
    begun = site.base / "begun"
    hang = ["sh", "-c", f"echo >>{begun}; exec sleep 600 # %s"]
    declare(site, 3, validate=hang)
    daemon = site.up()
    until("the validation hangs", begun.exists)
    assert daemon.terminate() == 0
    said = sorted(line for line in daemon.log.splitlines() if line.startswith("abandoned"))
    assert [line.rpartition(" ")[2] for line in said] == [f"here/File/f{n}" for n in range(3)]
    assert whole(site) == []
    site.assert_nothing_is_left()

    declare(site, 3)
    daemon = site.up()
    daemon.until_ready(3)
    assert len(whole(site)) == 3
    assert [e for e in daemon.events() if e["reason"] == "Abandoned"]
    assert daemon.terminate() == 0
    site.assert_nothing_is_left()
