"""Everything, some of it, or nothing."""

import pytest

from reconciler.model.scope import EVERYTHING, NOTHING, Scope

SOME = Scope.of(["b", "a", "b"])


@pytest.mark.parametrize(("scope", "meant"), [(EVERYTHING, ["a", "c"]), (SOME, ["a"]), (NOTHING, [])])
def test_what_is_meant_is_found_among_what_there_is_in_its_order(scope, meant):
    assert scope.among(["a", "c"]) == meant
    assert [thing for thing in ("a", "c") if thing in scope] == meant
    assert bool(scope) is bool(meant)


def test_what_is_named_is_named_once_and_in_order():
    assert SOME.named == ("b", "a")
    assert EVERYTHING.named == NOTHING.named == ()


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (SOME, NOTHING, SOME),
        (SOME, Scope.of("c"), Scope.of("abc")),
        (SOME, EVERYTHING, EVERYTHING),
        (EVERYTHING, SOME, EVERYTHING),
        (NOTHING, NOTHING, NOTHING),
    ],
)
def test_of_two_what_either_means_is_meant(one, other, both):
    assert one | other == both
    assert (one | other) is not one


def test_no_scope_is_everything_by_being_empty():
    assert Scope.of([]) == NOTHING != EVERYTHING
    assert Scope(["a"], everything=True) == EVERYTHING
    assert {"a", "b"} != SOME


def test_it_says_what_it_is():
    assert [repr(one) for one in (EVERYTHING, NOTHING, SOME)] == [
        "EVERYTHING",
        "Scope.of([])",
        "Scope.of(['b', 'a'])",
    ]
