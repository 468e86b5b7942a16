"""Where things are kept."""

from pathlib import Path

from reconciler.cli.places import places

HOME = {"HOME": "/home/alice"}


def test_state_is_where_the_command_line_says_then_the_environment_then_xdg():
    assert places({**HOME, "FROYO_STATE": "/s"}, state="/t").state == Path("/t")
    assert places({**HOME, "FROYO_STATE": "/s"}).state == Path("/s")
    assert places({**HOME, "XDG_STATE_HOME": "/x"}).state == Path("/x/froyo")
    assert places(HOME).state == Path("/home/alice/.local/state/froyo")
    assert places(HOME, system=True).state == Path("/var/lib/froyo")


def test_cache_and_artifacts_follow():
    assert places(HOME).cache == Path("/home/alice/.cache/froyo")
    assert places({**HOME, "XDG_CACHE_HOME": "/c"}).cache == Path("/c/froyo")
    assert places({**HOME, "FROYO_CACHE": "/d"}).cache == Path("/d")
    assert places(HOME, system=True).cache == Path("/var/cache/froyo")
    assert places({**HOME, "FROYO_ARTIFACTS": "/a"}).artifacts == Path("/a")
    assert places(HOME).artifacts.name == "_artifacts"


def test_what_is_in_them():
    where = places(HOME, state="/t")
    assert where.database == Path("/t/froyo.db")
    assert where.socket == Path("/t/froyo.sock")
    assert where.grants == Path("/t/grants.json")
    assert where.packages[1] == Path("/t/packages")
