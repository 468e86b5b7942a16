"""Which of what is declared undo each other, and which do not."""

from reconciler.core.contradictions import Contradictions


def put_right(known: Contradictions[str], *things: str, among: str = "ab") -> None:
    """Each is looked at, differs, and is changed at once."""
    for thing in things:
        known.looked(thing, differs=True, sharing=[one for one in among if one != thing])
        known.changed(thing)
        known.looked(thing, differs=False)


def test_two_that_undo_each_other_contradict_each_other():
    known = Contradictions[str]()
    put_right(known, *"abab")
    assert known.of("a") is known.of("b") is None
    put_right(known, *"ab")
    assert (known.of("a"), known.of("b")) == ("b", "a")
    assert known.of("c") is None


def test_what_a_third_spoils_together_is_no_contradiction():
    known = Contradictions[str]()
    for _ in range(10):
        for thing, other in ("ab", "ba"):
            known.looked(thing, differs=True, sharing=[other])
        for thing in "ab":
            known.changed(thing)
            known.looked(thing, differs=False)
    assert known.of("a") is known.of("b") is None


def test_what_was_seen_to_hold_after_the_other_was_changed_was_not_undone_by_it():
    known = Contradictions[str]()
    for _ in range(10):
        put_right(known, "a", "b")
        for thing in "ab":
            known.looked(thing, differs=False)
    assert known.of("a") is None


def test_what_somebody_else_is_known_to_have_changed_was_not_undone_by_us():
    known = Contradictions[str]()
    for _ in range(10):
        put_right(known, "a", "b", among="")
    assert known.of("a") is None


def test_one_that_is_declared_anew_contradicts_nobody():
    known = Contradictions[str]()
    put_right(known, *"ababab")
    known.forget(["b"])
    assert known.of("a") is known.of("b") is None
    put_right(known, *"ab")
    assert known.of("a") is None
