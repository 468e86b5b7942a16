"""The class of a failure decides when it is tried again."""

import asyncio
import itertools

import pytest

from reconciler.core.workqueue import Priority
from reconciler.errors import ErrorClass, ProviderError
from reconciler.model.resource import Deletion
from reconciler.model.scope import Scope
from reconciler.plugins.calls import Phase
from tests.unit.engine.stage import execution, file, staged

NO_SUCH_USER = ProviderError("no such user", error_class=ErrorClass.PERMANENT)


async def at_ease(stage):
    """A session is there, watches, and has nothing left to do: no look but those that are asked for."""
    await stage.declare(file("motd", "before\n"))
    await stage.settled()
    stage.host.calls.clear()


class Failing:
    """A provider that fails in one phase as often as it is told, and keeps account of when."""

    def __init__(self, stage, phase, error, *, times=10**9):
        self.stage, self.phase, self.error, self.times = stage, phase, error, times
        self.at = []
        stage.host.instead = self

    def __call__(self, phase, request):
        if phase is self.phase and len(self.at) < self.times:
            self.at.append(self.stage.loop.time())
            raise self.error


@staged
async def test_what_failed_for_good_at_apply_is_tried_at_once_when_it_is_declared_otherwise(stage):
    failing = Failing(stage, Phase.APPLY, NO_SUCH_USER, times=5)
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: len(failing.at) == 5)
    assert stage.stalled("motd")
    assert stage.content("motd") is None
    assert len(await stage.events("PermanentError")) == 1
    await stage.declare(file("motd", "welcome\n"))
    assert await stage.until(lambda: stage.content("motd") == b"welcome\n") < 1


@staged
async def test_what_failed_for_good_is_tried_again_when_a_person_asks(stage):
    await at_ease(stage)
    Failing(stage, Phase.APPLY, NO_SUCH_USER, times=1)
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "PermanentError")
    await stage.controller.request()
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 1


@staged
async def test_what_failed_for_good_is_tried_again_soon_when_what_it_uses_was_put_right(stage):
    """A service whose configuration was broken, and has been mended."""
    await stage.declare(file("conf", "broken\n"), file("page", "1\n", require=("File/conf",)))
    await stage.settled()

    def fail(phase, request):
        if phase is Phase.APPLY and "/srv/page" in str(request) and stage.content("conf") == b"broken\n":
            tries.append(stage.loop.time())
            raise NO_SUCH_USER

    tries = []
    stage.host.instead = fail
    await stage.declare(file("conf", "broken\n"), file("page", "2\n", require=("File/conf",)))
    await stage.until(lambda: len(tries) == 4)
    pause = stage.loop.time() - tries[-2]
    await stage.declare(file("conf", "good\n"), file("page", "2\n", require=("File/conf",)))
    assert await stage.until(lambda: stage.content("page") == b"2\n") < min(pause, 5)


@staged
async def test_what_failed_for_good_is_tried_again_with_pauses_that_grow_to_two_minutes(stage):
    """What made it fail may be something that nobody looks at, such as a user that does not exist yet."""
    failing = Failing(stage, Phase.APPLY, NO_SUCH_USER, times=9)
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.content("motd") == b"hello\n", within=3600)
    pauses = [later - earlier for earlier, later in itertools.pairwise(failing.at)]
    assert all(2.5 <= pause <= 121 for pause in pauses)
    assert pauses[0] <= 6
    assert min(pauses[-2:]) >= 60
    assert len(await stage.events("PermanentError")) == 1


@staged
async def test_what_failed_for_good_is_tried_again_when_somebody_has_changed_it_and_changed_it_back(
    stage,
):
    """Who swaps a directory for a link and back, at the right moment, would else end its enforcement."""
    await at_ease(stage)
    failing = Failing(stage, Phase.APPLY, NO_SUCH_USER, times=1)
    stage.spoil("motd")
    await stage.until(lambda: stage.reason("motd") == "PermanentError")
    await asyncio.sleep(100)
    stage.spoil("motd", b"else\n")
    stage.spoil("motd")
    assert await stage.until(lambda: stage.content("motd") == b"before\n") < 1
    assert len(failing.at) == 1


@staged
async def test_what_fails_for_good_and_is_touched_all_the_time_does_not_spin(stage):
    """A validation that leaves something behind which touches the file was run twenty times a second."""
    await at_ease(stage)
    failing = Failing(stage, Phase.APPLY, NO_SUCH_USER)
    for _ in range(1500):
        stage.spoil("motd", b"else\n")
        stage.spoil("motd")
        await asyncio.sleep(0.1)
    assert 5 < len(failing.at) < 20
    pauses = [after - before for before, after in zip(failing.at, failing.at[1:], strict=False)]
    assert pauses[-1] > 30
    failing.times = 0
    assert await stage.until(lambda: stage.content("motd") == b"before\n", within=400)


@staged
async def test_what_failed_for_good_is_tried_again_when_something_else_was_so_meanwhile(stage):
    """The message would else be about what was in between, for ever."""
    stage.machines["m0"].weather.blind = 1.0  # nothing is reported; rescans come every ten seconds
    await at_ease(stage)
    Failing(stage, Phase.APPLY, NO_SUCH_USER, times=1)
    stage.spoil("motd")
    await stage.until(lambda: stage.reason("motd") == "PermanentError")
    Failing(stage, Phase.READ, ProviderError("a loop of links", error_class=ErrorClass.PERMANENT), times=1)
    stage.spoil("motd", b"else\n")
    await stage.until(lambda: "a loop of links" in stage.summary("motd").message)
    stage.spoil("motd")
    await stage.until(lambda: stage.content("motd") == b"before\n")


@staged
async def test_what_passes_is_tried_again_with_growing_pauses(stage):
    await at_ease(stage)
    failing = Failing(stage, Phase.READ, ProviderError("busy", error_class=ErrorClass.TRANSIENT), times=7)
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "TransientError")
    await stage.settled(within=600)
    assert len(await stage.events("TransientError")) == 1
    assert len(await stage.events("Recovered")) <= 1
    first, *_, last = [after - before for before, after in zip(failing.at, failing.at[1:], strict=False)]
    assert last > 4 * first


@staged
async def test_what_is_throttled_is_tried_again_at_the_time_that_was_named(stage):
    await at_ease(stage)
    error = ProviderError("too many", error_class=ErrorClass.THROTTLED, retry_after=7.0)
    failing = Failing(stage, Phase.APPLY, error, times=1)
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.reason("motd") == "Throttled", within=1)
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert stage.loop.time() - failing.at[0] == pytest.approx(7.0, abs=0.5)


class Busy(Failing):
    """It waits for somebody who makes just that."""

    def __call__(self, phase, request):
        if phase is self.phase and not self.at:
            self.stage.spoil("motd", b"hello\n")
        super().__call__(phase, request)


@staged
async def test_what_somebody_else_makes_while_we_are_told_to_wait_was_there_before_us(stage):
    """It counted as what had come of our attempt, and went with its manifest."""
    Busy(
        stage,
        Phase.APPLY,
        ProviderError("locked", error_class=ErrorClass.THROTTLED, retry_after=2.0),
        times=1,
    )
    await stage.declare(file("motd", "hello\n", deletion=Deletion.DELETE))
    await stage.settled()
    await stage.declare()
    await stage.until(lambda: not stage.controller.states())
    assert stage.content("motd") == b"hello\n"


@staged
async def test_a_conflict_is_read_again_at_once(stage):
    await at_ease(stage)
    error = ProviderError("it has changed", error_class=ErrorClass.CONFLICT)
    failing = Failing(stage, Phase.APPLY, error, times=1)
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: failing.at)
    assert await stage.until(lambda: stage.content("motd") == b"hello\n") < 0.2
    assert stage.host.calls.count(Phase.READ) >= 2


@staged
async def test_a_conflict_that_does_not_end_does_not_spin(stage):
    failing = Failing(stage, Phase.APPLY, ProviderError("it has changed", error_class=ErrorClass.CONFLICT))
    await stage.declare(file("motd", "hello\n"))
    await asyncio.sleep(300)
    assert 4 < len(failing.at) < 30


@staged
async def test_the_failure_of_one_instance_does_not_keep_the_others(stage):
    stage.machines["m0"].files.put(
        "/srv/motd", stage.machines["m0"].files.nodes["/srv"], {"command": "mkdir"}
    )
    await stage.declare(file("motd", "hello\n"), file("other", "other\n"))
    await stage.until(lambda: stage.content("other") == b"other\n" and stage.summary("other").ready)
    assert not stage.summary("motd").ready


@staged
async def test_looks_at_everything_do_not_shorten_a_pause(stage):
    """A new path is watched with one more look at everything, and that look must not try again what was turned away."""
    error = ProviderError("too many", error_class=ErrorClass.THROTTLED, retry_after=40.0)
    failing = Failing(stage, Phase.APPLY, error, times=1)
    stage.machines["m0"].weather.blind = 1.0  # rescans come every ten seconds
    await stage.declare(file("motd", "hello\n"))
    await stage.until(lambda: stage.content("motd") == b"hello\n")
    assert stage.loop.time() - failing.at[0] == pytest.approx(40.0, abs=1)


@staged
async def test_what_failed_for_good_is_tried_again_although_it_was_looked_at_in_between(stage):
    """That look took the place of the one that had been asked for."""
    await stage.declare(execution("make", "make", "/srv/d/made", spec={"creates": "/srv/d/made"}))
    await stage.until(lambda: stage.reason("make", kind="Exec") == "PermanentError")
    stage.controller._workers.add("m0", priority=Priority.DRIFT, scope=Scope.of(["m0/Exec/make"]))
    await asyncio.sleep(0.1)
    tried = len(stage.ran())
    await stage.until(lambda: len(stage.ran()) > tried)
