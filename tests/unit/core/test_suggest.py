"""What was probably meant, and when nothing is suggested at all."""

import pytest

from reconciler.core.suggest import Suggestions, closest, did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("owner", ["group", "owner"], "owner"),
        ("content_base64", ["content", "contentBase64"], "contentBase64"),
        ("ownr", ["group", "owner"], "owner"),
        ("xtarget", ["target"], "target"),
        ("source", ["force"], ""),
        ("zzz", ["group", "owner"], ""),
        ("anything", [], ""),
    ],
)
def test_the_closest_is_what_was_probably_meant(word: str, known: list[str], meant: str) -> None:
    assert closest(word, known) == meant
    assert did_you_mean(word, known) == (f"did you mean {meant!r}?" if meant else "")


def test_one_load_gets_as_many_hints_as_a_person_reads() -> None:
    suggestions = Suggestions(limit=1)
    assert suggestions.hint("ownr", ["owner"]) == "did you mean 'owner'?"
    assert suggestions.spent
    assert suggestions.hint("ownr", ["owner"]) == ""
