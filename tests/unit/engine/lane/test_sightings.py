"""What a target has reported, until somebody has looked."""

from reconciler.engine.lane.sightings import Sighting, Sightings
from reconciler.model.evidence import Evidence
from reconciler.model.names import Address

A, B = Address("m0/File/a"), Address("m0/File/b")
NOBODY, VIM = Evidence(), Evidence(command="vim", pid=7)


def test_of_several_changes_the_first_time_and_the_best_evidence_count():
    sightings = Sightings()
    sightings.add(A, VIM, at=1.0)
    sightings.add(A, NOBODY, at=2.0)
    assert sightings.of(A) == Sighting(VIM, at=1.0, latest=2.0)
    sightings.add(A, Evidence(command="ed"), at=3.0)
    assert sightings.of(A) == Sighting(Evidence(command="ed"), at=1.0, latest=3.0)


def test_what_is_reported_while_it_is_read_is_of_interest_at_the_next_look():
    """gpasswd closes /etc/group before it puts another in its place: who took a user out of a group was not known."""
    sightings = Sightings()
    sightings.add(A, NOBODY, at=1.0)
    sightings.add(B, VIM, at=1.0)
    sightings.look()
    sightings.add(A, VIM, at=2.0)
    for address in (A, B):
        sightings.settle(address)
    assert (sightings.of(A), sightings.of(B)) == (Sighting(VIM, at=2.0, latest=2.0), None)
    sightings.look([A, B])
    for address in (A, B):
        sightings.settle(address)
    assert not list(sightings)


def test_what_was_never_looked_at_is_not_settled():
    sightings = Sightings()
    sightings.look([A])
    sightings.add(A, VIM, at=1.0)
    sightings.settle(A)
    assert A in sightings


def test_a_program_that_puts_it_right_is_not_who_has_spoiled_it():
    """A package that somebody had removed was said to have been removed by the run of dpkg that brought it back."""
    for ours in (
        Evidence(command="dpkg --configure", pid=9, unit="froyo-op-0123456789.service"),
        Evidence(command="dpkg --configure", pid=9, parents=("apt-get", "froyo-operation")),
    ):
        sightings = Sightings()
        sightings.add(A, ours, at=1.0)
        assert sightings.of(A) == Sighting(ours, at=1.0, latest=1.0)  # rather than nobody
        sightings.add(A, VIM, at=2.0)
        sightings.add(A, ours, at=3.0)
        assert sightings.of(A) == Sighting(VIM, at=1.0, latest=3.0)


def test_what_somebody_has_concluded_about_is_not_of_interest_any_more():
    sightings = Sightings()
    sightings.add(A, VIM, at=1.0)
    assert sightings.take(A) == Sighting(VIM, at=1.0, latest=1.0)
    assert (sightings.take(A), sightings.of(A), sightings.latest(A)) == (None, None, None)


def test_what_was_reported_after_it_was_put_right_waits_for_the_next_look():
    sightings = Sightings()
    sightings.add(A, VIM, at=1.0)
    sightings.add(A, VIM, at=5.0)
    assert sightings.take(A, until=4.0) == Sighting(VIM, at=1.0, latest=5.0)
    assert sightings.of(A) == Sighting(VIM, at=5.0, latest=5.0)
    assert sightings.take(A, until=6.0) == Sighting(VIM, at=5.0, latest=5.0)
    assert A not in sightings


def test_what_is_declared_no_longer_is_left_out():
    sightings = Sightings()
    sightings.add(A, VIM, at=1.0)
    sightings.add(B, VIM, at=1.0)
    assert list(sightings.kept({B})) == [B]
    assert list(sightings) == [A, B]
