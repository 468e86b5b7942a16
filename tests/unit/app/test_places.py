"""Where froyo keeps things, and whom it trusts to write there."""

import os

import pytest

from reconciler.app.places import must_be_ours, places
from reconciler.errors import UsageError


def test_the_command_line_goes_before_the_environment_and_that_before_xdg(tmp_path):
    environ = {"HOME": "/home/a", "XDG_STATE_HOME": "/x"}
    assert str(places(environ).state) == "/x/froyo"
    assert str(places({**environ, "FROYO_STATE": "/s"}).state) == "/s"
    assert places({**environ, "FROYO_STATE": "/s"}, state=str(tmp_path)).state == tmp_path


def test_what_is_not_there_or_is_ours_alone_is_trusted(tmp_path):
    tmp_path.chmod(0o755)
    must_be_ours(tmp_path)
    must_be_ours(tmp_path / "absent")


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_what_others_can_write_to_is_refused_with_what_to_do(tmp_path, mode):
    tmp_path.chmod(mode)
    with pytest.raises(UsageError, match="chmod go-w"):
        must_be_ours(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_refused(tmp_path):
    os.chown(tmp_path, 65534, -1)
    with pytest.raises(UsageError, match="somebody else"):
        must_be_ours(tmp_path)
