"""What depends on something waits for it, and is woken by it."""

import asyncio

from reconciler.errors import ErrorClass, ProviderError
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import address, file, staged


def first_fails(stage):
    """`first` cannot be applied for as long as the returned list is not empty."""
    failing = [True]

    def instead(phase, request):
        if phase is Phase.APPLY and failing and request["operations"][0]["address"] == address("first"):
            raise ProviderError("not yet", error_class=ErrorClass.TRANSIENT)

    stage.host.instead = instead
    return failing


CHAIN = (
    file("third", "3\n", require=("File/second",)),
    file("second", "2\n", require=("File/first",)),
    file("first", "1\n"),
)


@staged
async def test_what_depends_on_what_failed_is_held_back_and_woken_when_that_is_ready(stage):
    failing = first_fails(stage)
    await stage.declare(*CHAIN)
    await stage.until(lambda: stage.reason("third") == stage.reason("second") == "DependencyNotReady")
    assert stage.reason("first") == "TransientError"
    await asyncio.sleep(5)
    assert stage.content("second") is stage.content("third") is None
    failing.clear()
    await stage.until(lambda: stage.content("first") == b"1\n")
    assert await stage.until(lambda: stage.content("third") == b"3\n") < 1


@staged
async def test_what_is_depended_on_comes_first(stage):
    await stage.declare(*CHAIN)
    await stage.settled()
    made = [change.path for change in stage.machines["m0"].changes if change.ours]
    assert made == ["/srv/first", "/srv/second", "/srv/third"]


@staged
async def test_what_people_leave_alone_holds_nobody_up(stage):
    await stage.declare(file("first", "1\n", policy="paused"), file("second", "2\n", require=("File/first",)))
    await stage.until(lambda: stage.content("second") == b"2\n")
    assert stage.content("first") is None


@staged
async def test_what_is_only_observed_and_differs_holds_up_what_depends_on_it(stage):
    await stage.declare(
        file("first", "1\n", policy="observe"), file("second", "2\n", require=("File/first",))
    )
    await stage.until(lambda: stage.reason("second") == "DependencyNotReady")
    await asyncio.sleep(100)
    assert stage.content("second") is None
