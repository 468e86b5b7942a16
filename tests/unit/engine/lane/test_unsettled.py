"""What a rescan looks at although nothing has moved."""

from reconciler.engine.lane.unsettled import Unsettled
from reconciler.model.names import Address

A, B = Address("m0/File/a"), Address("m0/File/b")


def test_what_nothing_is_known_of_is_looked_at_until_something_is():
    unsettled = Unsettled([A])
    unsettled.add([B])
    assert unsettled.due(0.0) == {A, B}
    unsettled.settle(A)
    assert unsettled.due(0.0) == {B}
    assert A not in unsettled
    assert B in unsettled


def test_what_is_to_wait_is_looked_at_when_its_time_has_come():
    unsettled = Unsettled([A])
    unsettled.wait(A, 5.0)
    assert unsettled.due(4.9) == set()
    assert unsettled.due(5.0) == {A}


def test_a_pause_is_kept_by_what_is_looked_at_meanwhile():
    unsettled = Unsettled([A])
    unsettled.wait(A, 5.0)
    unsettled.settle(A)
    unsettled.add([A])
    assert unsettled.due(4.9) == set()
    unsettled.wait_no_more(A)
    assert unsettled.due(4.9) == {A}


def test_what_has_gone_is_forgotten_with_its_pause():
    unsettled = Unsettled([A, B])
    unsettled.wait(A, 5.0)
    unsettled.keep_only({B})
    assert list(unsettled) == [B]
    unsettled.add([A])
    assert unsettled.due(0.0) == {A, B}
