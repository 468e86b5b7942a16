"""Fields and values in words."""

import pytest

from reconciler.cli import phrases
from reconciler.core.spoken import count, duration, field, lasting, listed, lowered, value, with_article


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


def test_a_kind_has_its_article() -> None:
    assert (with_article("File"), with_article("Exec")) == ("a File", "an Exec")


def test_words_are_listed_with_a_word_before_the_last() -> None:
    assert [listed(words, "or") for words in (["a", "b", "c"], ["a"], [])] == ["a, b or c", "a", ""]


def test_a_sentence_goes_on_in_small_letters_but_for_what_is_written_in_capitals() -> None:
    assert (lowered("Where it is"), lowered("SSH goes on")) == ("where it is", "SSH goes on")


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 targets"), (1, "1 target"), (2, "2 targets"), (2000, "2,000 targets")]
)
def test_a_number_goes_with_its_noun_wherever_it_is_said(number: int, said: str) -> None:
    assert count(number, "target") == phrases.count(number, "target") == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0004, "0.4 ms"), (0.038, "38 ms"), (1.44, "1.4 s"), (185, "3 min 5 s"), (3600, "60 min 0 s")],
)
def test_a_time_that_was_measured_is_said_with_the_unit_that_fits(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(1.0, "1 s"), (45.0, "45 s"), (300.0, "5 min"), (330.0, "5 min 30 s")]
)
def test_a_time_that_was_declared_is_said_as_shortly_as_it_was_written(seconds: float, said: str) -> None:
    assert lasting(seconds) == said
