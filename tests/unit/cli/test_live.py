"""What `froyo up` shows in a terminal."""

import asyncio
import json

from reconciler.cli.output import Format
from reconciler.cli.show.live import QUIET, Live
from reconciler.model.event import EventType
from reconciler.model.state import TargetState
from reconciler.store.records import Receipt
from tests.sim.loop import run
from tests.unit.api.known import Known, event, state, target_state
from tests.unit.cli.screens import Screen


def shown(live, known, *then):
    """What is shown until it is quiet, and after each of what happens `then`."""

    async def play():
        task = asyncio.create_task(live.run(known))
        for happens in (lambda: None, *then):
            happens()
            await asyncio.sleep(QUIET * 3)
        task.cancel()
        await asyncio.wait([task])

    run(play())


def known(*events, **fields):
    return Known.of(
        state("web-1/File/motd"),
        **{"known_targets": {"web-1": target_state("web-1")}, "known_events": list(events), **fields},
    )


def test_events_are_shown_once_and_then_how_everything_is():
    screen = Screen()
    live = Live(screen.terminal, after=1)
    live.banner("/site", "/state")
    warning = event(3, type=EventType.WARNING, data={"problems": ["a.yaml:1: no"]})
    shown(live, known(event(1), event(2), warning))
    lines = screen.text.splitlines()
    assert lines[0] == "froyo up keeps everything as /site declares it"
    assert [line.split()[3] for line in lines[2:4]] == ["web-1/File/motd"] * 2
    assert lines[4] == "    a.yaml:1: no"
    assert lines[5].endswith("● 1 of 1 instance as declared")
    assert len(lines) == 6


def test_what_happens_later_is_shown_and_summed_up_again():
    screen, one = Screen(), known()
    shown(Live(screen.terminal, after=0), one, lambda: one.happen(event(1)))
    lines = screen.text.splitlines()
    assert [line.split()[-2:] == ["as", "declared"] for line in lines] == [True, False, True]


def test_what_is_no_event_is_not_shown():
    screen, one = Screen(), known(event(1))
    tell = lambda: one.feed.committed(Receipt(objects=("web-1/File/motd",)))  # noqa: E731 - one of a few
    shown(Live(screen.terminal, after=0), one, tell, tell)
    assert len(screen.text.splitlines()) == 2


def test_a_program_gets_a_line_for_each_event_and_nothing_else():
    screen = Screen(interactive=True, width=80, colour=True)
    live = Live(screen.terminal, after=1, output=Format.JSON)
    live.banner("/site", "/state")
    one = known(event(1), event(2), event(3))
    shown(live, one, lambda: one.happen(event(4)))
    assert [json.loads(line)["id"] for line in screen.text.splitlines()] == [2, 3, 4]


def test_nothing_is_summed_up_that_was_not_looked_at():
    screen, one = Screen(), known(known_targets={"web-1": TargetState(name="web-1")})

    def connect():
        assert screen.text == ""
        one.known_targets = {"web-1": target_state("web-1")}
        one.feed.committed(Receipt(objects=("Target/web-1",)))

    shown(Live(screen.terminal, after=0), one, connect)
    assert screen.text.count("as declared") == 1
