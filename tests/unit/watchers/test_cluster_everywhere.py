"""Namespaces that are heard together."""

import pytest

from watchers.kubernetes import everywhere
from watchers.kubernetes.everywhere import Everywhere


class Stream:
    """Events that nobody sends; how often they were asked for."""

    why_not = ""

    def __init__(self, *_):
        self.begun = self.anew_ = 0

    def begin(self):
        self.begun += 1

    def anew(self):
        self.anew_ += 1


@pytest.fixture
def streams(monkeypatch):
    made = []
    monkeypatch.setattr(everywhere, "ClusterEvents", lambda *_: made.append(Stream()) or made[-1])
    return made


async def test_rights_that_many_namespaces_were_given_have_one_stream_asked_for_once(streams):
    together = Everywhere([])
    ears = [together.listen(name)(lambda *_: None, lambda: None) for name in ("web", "infra")]
    for ear in ears:
        ear.begin()
    for ear in ears:
        ear.anew()
    [stream] = streams
    assert stream.anew_ == 1
    ears[1].begin()
    ears[1].anew()  # what it lacked then was another right
    assert stream.anew_ == 2
