"""Each kind of our own is read by somebody."""

from reconciler.config.builtin import VARS
from reconciler.config.inventory.kind import INVENTORY
from reconciler.config.own import OWN
from reconciler.config.own_reading import READERS


def test_each_kind_of_ours_has_its_reader():
    """One without was taken for a Source."""
    apart = {VARS.kind, INVENTORY.kind}
    assert READERS.keys() | apart == {one.kind for one in OWN}
    assert READERS.keys().isdisjoint(apart)
