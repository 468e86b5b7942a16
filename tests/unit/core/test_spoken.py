"""Fields and values in words."""

import pytest

from reconciler.core.spoken import field, value


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mode", "mode"),
        ("entries", "entries"),
        ("entries[stray]", "stray"),
        ("entries[a]b].mode", "mode of a]b"),
        ("entries[conf.d/old].owner", "owner of conf.d/old"),
    ],
)
def test_an_entry_of_a_directory_goes_by_its_name(name: str, said: str) -> None:
    assert field(name) == said


@pytest.mark.parametrize(
    ("it", "said"),
    [
        (None, "absent"),
        (True, "true"),
        (7, "7"),
        ("text", "text"),
        (["x", "y"], "x, y"),
        ([], "nothing"),
        ({}, "nothing"),
        ({"soft": 1, "hard": None}, "soft: 1, hard: absent"),
        ({"digest": "sha256:" + "0" * 64, "size": 3}, "sha256:000000000000… (3 B)"),
        ({"digest": "x"}, "x… (? B)"),
    ],
)
def test_a_value_is_said_without_brackets(it: object, said: str) -> None:
    """A plan said: entries ['x'] → absent."""
    assert value(it) == said
