"""One controller a store: a second one is refused, and takes over at once when the first is dead."""

from tests.e2e.site import instance, local, until


def test_a_second_controller_is_told_who_has_the_store_and_takes_over_when_that_one_dies(site):
    motd = site.world / "motd"
    site.declare(local(), instance("File", "motd", motd, content="kept\n"))
    first = site.up()
    first.until_ready(1)

    for refused in (site.froyo("up", str(site.manifests), check=False), site.apply(check=False)):
        # An apply that finds nothing to do needs no lease.
        if refused.returncode == 0:
            assert "nothing to do" in refused.stdout
            continue
        assert refused.returncode == 1
        assert f"(pid {first.process.pid}" in refused.stderr
        assert "Traceback" not in refused.stderr
    assert first.ready(1)

    first.kill()
    motd.write_text("spoiled while nobody watched\n")
    second = site.up()
    until("the second has put it right", lambda: motd.read_text() == "kept\n")
    second.until_ready(1)
    assert second.terminate() == 0
    site.assert_nothing_is_left()
