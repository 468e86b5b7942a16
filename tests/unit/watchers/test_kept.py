"""Contents that stay in memory."""

import pytest

from watchers.kept import WORTH, Kept


@pytest.mark.parametrize(
    "content", [b"", b"short", b"line of a manifest\n" * WORTH], ids=["empty", "short", "long"]
)
def test_what_is_packed_is_what_it_was(content: bytes) -> None:
    kept = Kept(content)
    assert kept() is content
    kept.pack()
    kept.pack()
    assert kept() == content
    assert (kept() is content) == (len(content) < WORTH)
