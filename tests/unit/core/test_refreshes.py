"""Which refreshes are owed: from the intent on, and decided by a look."""

from reconciler.core.refreshes import Refreshes
from reconciler.model.names import Address, Digest
from reconciler.model.owed import Owed

CAUSE, HANDLER = Address("t/File/a"), Address("t/Exec/reload")
BEFORE, BETWEEN, AFTER = Digest("sha256:1"), Digest("sha256:2"), Digest("sha256:3")


def owed(run="r1", *, before=BEFORE, certain=False, address=HANDLER, cause=CAUSE):
    return Owed(address=address, cause=cause, run=run, before=before, since=1.0, certain=certain)


def test_what_is_as_it_was_before_owes_nothing():
    refreshes = Refreshes()
    assert refreshes.intend([owed()]) == [owed()]
    refreshes.seen(CAUSE, BEFORE, as_declared=False)
    assert (list(refreshes), refreshes.of(HANDLER)) == ([], ())
    assert refreshes.news() == {(HANDLER, CAUSE): None}
    assert refreshes.news() == {}


def test_what_is_as_declared_and_was_not_before_owes_a_refresh_until_that_is_done():
    refreshes = Refreshes([owed()])
    refreshes.seen(Address("t/File/other"), AFTER, as_declared=True)
    refreshes.seen(CAUSE, BETWEEN, as_declared=False)
    assert refreshes.of(HANDLER) == ()
    refreshes.seen(CAUSE, AFTER, as_declared=True)
    certain = owed(certain=True)
    assert refreshes.of(HANDLER) == (certain,)
    refreshes.seen(CAUSE, BEFORE, as_declared=False)  # it is certain already
    assert refreshes.news() == {(HANDLER, CAUSE): certain}
    refreshes.done([certain])
    assert refreshes.of(HANDLER) == ()
    refreshes.done([certain])
    assert refreshes.news() == {(HANDLER, CAUSE): None}


def test_what_has_moved_between_two_attempts_has_changed_whatever_it_is_in_the_end():
    refreshes = Refreshes([owed("r1")])
    assert refreshes.intend([owed("r2")]) == [owed("r2")]
    refreshes.intend([owed("r3", before=BETWEEN)])
    refreshes.seen(CAUSE, BEFORE, as_declared=True)
    assert [one.run for one in refreshes.of(HANDLER)] == ["r3"]


def test_a_refresh_that_begins_after_an_attempt_is_over_is_one_for_that_too():
    """It ran once more when what the attempt had not changed came to be as declared otherwise."""
    refreshes = Refreshes([owed("r1"), owed("r1", cause=Address("t/File/b"), certain=True)])
    assert refreshes.covered(HANDLER) == ()  # it may go on still
    refreshes.ended(CAUSE, well=True)
    assert refreshes.covered(HANDLER) == (owed("r1"),)
    assert refreshes.covered(Address("t/Exec/other")) == ()
    refreshes.done([*refreshes.of(HANDLER), *refreshes.covered(HANDLER)])
    assert list(refreshes) == []


def test_an_attempt_that_begins_meanwhile_is_not_over():
    refreshes = Refreshes([owed("r1")])
    refreshes.ended(CAUSE, well=True)
    covered = refreshes.covered(HANDLER)
    refreshes.intend([owed("r2")])
    assert refreshes.covered(HANDLER) == ()
    refreshes.done(covered)
    refreshes.seen(CAUSE, AFTER, as_declared=True)
    assert [one.run for one in refreshes.of(HANDLER)] == ["r2"]


def test_what_could_not_be_put_on_record_owes_what_was_owed_before_it():
    """The store was full, somebody else put it right, and a handler ran although nothing had been done."""
    refreshes = Refreshes([owed("r1", before=BETWEEN)])
    before = tuple(refreshes)
    intended = refreshes.intend([owed("r2"), owed("r2", address=Address("t/Exec/other"))])
    refreshes.forgo(intended, before)
    assert list(refreshes) == [owed("r1", before=BETWEEN)]
    assert refreshes.news() == {(Address("t/Exec/other"), CAUSE): None}


def test_what_was_refreshed_for_while_it_could_not_be_put_on_record_is_owed_no_more():
    refreshes = Refreshes([owed("r1", certain=True)])
    before = tuple(refreshes)
    intended = refreshes.intend([owed("r2")])
    refreshes.done(before)
    refreshes.forgo(intended, before)
    assert list(refreshes) == []
    assert refreshes.news() == {(HANDLER, CAUSE): None}
    refreshes.forgo(intended, ())  # and if it has gone by then, it has
    assert refreshes.news() == {}


def test_of_a_change_after_one_that_is_refreshed_for_a_look_decides_whether_it_is_owed():
    """It may have been intended and never begun: its handler ran once more, without a cause."""
    for seen, runs in ((AFTER, ["r2"]), (BETWEEN, [])):
        refreshes = Refreshes([owed("r1", certain=True)])
        begun = refreshes.of(HANDLER)
        assert refreshes.intend([owed("r2", before=BETWEEN)]) == [owed("r2", before=BETWEEN, certain=True)]
        assert refreshes.done(begun) == [CAUSE, HANDLER]
        assert refreshes.of(HANDLER) == ()
        refreshes.seen(CAUSE, seen, as_declared=seen == AFTER)
        assert [one.run for one in refreshes.of(HANDLER)] == runs


def test_a_refresh_has_the_same_name_once_a_look_has_shown_what_a_change_was_said_to_have_made():
    """It was run once more by the next controller, which knew of the second change and of another name for it."""
    refreshes = Refreshes()
    other = Address("t/File/other")
    refreshes.intend([owed("r1"), owed("r1", cause=other)])
    refreshes.seen(other, AFTER, as_declared=True)
    assert [one.cause for one in refreshes.named(HANDLER)] == [other]
    refreshes.ended(CAUSE, well=False)  # it was refused: nothing has changed, as far as is known
    assert [one.cause for one in refreshes.named(HANDLER)] == [other]
    refreshes.ended(CAUSE, well=True)
    name = {one.cause for one in refreshes.named(HANDLER)}
    refreshes.seen(CAUSE, AFTER, as_declared=True)
    later = Refreshes(refreshes)
    assert {one.cause for one in later.of(HANDLER)} == {one.cause for one in later.named(HANDLER)} == name
    refreshes.intend([owed("r2")])
    assert [one.run for one in refreshes.named(HANDLER)] == ["r2", "r1"]


def test_what_a_look_has_decided_before_an_earlier_refresh_ended_stays_decided():
    """It was in doubt again, and its handler lost where it had come to be declared otherwise, and was as before."""
    refreshes = Refreshes([owed("r1", certain=True)])
    begun = refreshes.of(HANDLER)
    refreshes.intend([owed("r2", before=BETWEEN)])
    refreshes.seen(CAUSE, AFTER, as_declared=True)
    assert refreshes.done(begun) == [CAUSE, HANDLER]
    refreshes.seen(CAUSE, BETWEEN, as_declared=False)
    assert [one.run for one in refreshes.of(HANDLER)] == ["r2"]
    refreshes.done(refreshes.of(HANDLER))
    assert list(refreshes) == []


def test_what_is_not_declared_any_more_is_owed_nothing_and_may_have_changed():
    other = Address("t/Exec/other")
    refreshes = Refreshes([owed(), owed(address=other), owed(certain=True, cause=Address("t/File/b"))])
    refreshes.keep_only([HANDLER])
    assert refreshes.of(other) == ()
    assert [one.cause for one in refreshes.of(HANDLER)] == [CAUSE, "t/File/b"]
    assert refreshes.news() == {(other, CAUSE): None, (HANDLER, CAUSE): owed(certain=True)}
