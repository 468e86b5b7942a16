"""Of a modelled cluster: a list of which a part could not be had is no list, at whichever page that was."""

import random

import pytest

from tests.sim.cluster import DEFINITIONS, ApiServer, reached
from tests.sim.loop import run
from watchers.kubernetes.listing import Unlisted, listed

NAMES = [f"t{number}" for number in range(5)]


async def asked(troubles):
    server = ApiServer(random.Random(7))
    for name in NAMES:
        server.put("sim", "targets", name, {"port": 22})
    server.troubles.update(troubles)
    with reached(server, alone=True):
        return [found["metadata"]["name"] for _, found in await listed("sim", DEFINITIONS)]


def test_all_pages_are_read():
    assert run(asked({})) == NAMES


@pytest.mark.parametrize("trouble", ["expired", "cut", "failing", "away", "unserved"])
def test_half_a_list_is_not_taken_for_all(trouble):
    with pytest.raises(Unlisted):
        run(asked({trouble: 1.0}))
