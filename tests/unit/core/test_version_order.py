"""Which of two versions is the older one: as dpkg says it, where it is here to be asked."""

import shutil
import subprocess

import pytest

from reconciler.core.version_order import is_older

OLDER = [
    ("1.0", "1.1"),
    ("1.9", "1.10"),
    ("1.0~rc1", "1.0"),
    ("1.0", "1.0+b1"),
    ("1.0-1", "1.0-2"),
    ("1.0-1~bpo12+1", "1.0-1"),
    ("2.0", "1:1.0"),
    ("0:1.0", "1:0.5"),
    ("1.0a", "1.0b"),
    ("1.0a", "1.0+"),
    ("1.0", "1.0a"),
    ("1.2-3-1", "1.2-3-2"),
]


@pytest.mark.parametrize(("older", "newer"), OLDER)
def test_which_is_older(older, newer):
    assert is_older(older, newer)
    assert not is_older(newer, older)
    assert not is_older(older, older)
    if shutil.which("dpkg") is not None:
        subprocess.run(["dpkg", "--compare-versions", older, "lt", newer], check=True)


def test_what_is_no_epoch_is_a_part_of_the_version():
    assert is_older("a:1", "a:2")
