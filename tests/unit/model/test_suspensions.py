"""What a suspension covers: what is declared later as much as what is there today."""

import pytest

from reconciler.model.state import covers


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
