"""What is wrong is looked at again, although nobody has changed it; what is right is left alone."""

import asyncio
from types import SimpleNamespace

import pytest

from reconciler.app import looking_again
from reconciler.app.looking_again import look_again, reconsider_what_is_wrong


class Looked:
    """A source that notes that it was reconsidered."""

    def __init__(self, *problems):
        self.state = SimpleNamespace(problems=problems)
        self.wrong = dict.fromkeys(problems, "")
        self.times = 0

    async def reconsider(self):
        self.times += 1

    def again(self):
        self.times += 1


async def test_only_what_is_wrong_is_reconsidered_in_its_own_way():
    wrong, right = Looked("it was ended"), Looked()
    apart, mended = Looked("it was ended"), Looked()
    sources = SimpleNamespace(
        intakes={"wrong": wrong, "right": right, "apart": Looked("x"), "mended": Looked("x")},
        mending={"apart": apart, "mended": mended},
    )
    await reconsider_what_is_wrong(sources)
    assert [one.times for one in (wrong, right, apart, mended)] == [1, 0, 1, 0]
    assert sources.intakes["apart"].times == 0


async def test_it_is_done_again_and_again(monkeypatch):
    monkeypatch.setattr(looking_again, "EVERY", 0.0)
    wrong, thrice = Looked("it was ended"), asyncio.Event()

    async def reconsider():
        wrong.times += 1
        if wrong.times == 3:
            thrice.set()

    monkeypatch.setattr(wrong, "reconsider", reconsider)
    looking = asyncio.create_task(look_again(SimpleNamespace(intakes={"wrong": wrong}, mending={})))
    await thrice.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
