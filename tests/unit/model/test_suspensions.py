"""What a suspension covers: what is declared later as much as what is there today."""

import pytest

from reconciler.model.state import covers, overlap


@pytest.mark.parametrize(
    ("suspended", "address", "covered"),
    [
        ("*", "h2/File/motd", True),
        ("h2", "h2/File/motd", True),
        ("h2", "h20/File/motd", False),
        ("h2/File", "h2/File/motd", True),
        ("h2/File", "h2/Directory/etc", False),
        ("*/File", "h2/File/motd", True),
        ("*/File", "h2/Directory/etc", False),
        ("*/File/motd", "h2/File/motd", True),
        ("*/File/motd", "h2/File/motd2", False),
        ("h2/File/motd", "h2/File/motd", True),
        ("h2/File/motd", "h1/File/motd", False),
        ("h2/File/motd", "h2", False),
    ],
)
def test_a_suspension_covers(suspended, address, covered):
    assert covers(suspended, address) is covered


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("h1", "*/File/motd", True),
        ("h1/File", "*/File/motd", True),
        ("*", "h1/File/motd", True),
        ("h1/File/motd", "h1", True),
        ("h1", "h2/File/motd", False),
        ("*/File/motd", "h1/File/other", False),
        ("*/File", "h1/Directory", False),
    ],
)
def test_two_suspensions_can_be_of_the_same(one, other, both):
    assert overlap(one, other) is both
    assert overlap(other, one) is both
