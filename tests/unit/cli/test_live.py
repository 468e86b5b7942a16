"""What `froyo up` shows in a terminal."""

import asyncio
import json

from reconciler.cli.output import Format
from reconciler.cli.show.live import QUIET, Live
from reconciler.model.event import EventType
from reconciler.model.state import TargetState
from tests.unit.api.known import Known, event, state, target_state
from tests.unit.cli.screens import Screen


async def looks(live, known, monkeypatch, count):
    """Let it look so many times."""
    left = count

    async def pause(_seconds):
        nonlocal left
        left -= 1
        if not left:
            raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(asyncio, "sleep", pause)
        try:
            await live.run(known)
        except asyncio.CancelledError:
            assert not left


async def test_events_are_shown_once_and_then_how_everything_is(monkeypatch):
    screen = Screen()
    known = Known.of(
        state("web-1/File/motd"),
        known_targets={"web-1": target_state("web-1")},
        known_events=[
            event(1),
            event(2),
            event(3, type=EventType.WARNING, data={"problems": ["a.yaml:1: no"]}),
        ],
    )
    live = Live(screen.terminal, after=1)
    live.banner("/site", "/state")
    await looks(live, known, monkeypatch, QUIET * 5)
    lines = screen.text.splitlines()
    assert lines[0] == "froyo up keeps everything as /site declares it"
    assert [line.split()[3] for line in lines[2:4]] == ["web-1/File/motd"] * 2
    assert lines[4] == "    a.yaml:1: no"
    assert lines[5].endswith("● 1 of 1 instance as declared")
    assert len(lines) == 6


async def test_a_program_gets_a_line_for_each_event_and_nothing_else(monkeypatch):
    screen = Screen(interactive=True, width=80, colour=True)
    known = Known.of(
        state("web-1/File/motd"),
        known_targets={"web-1": target_state("web-1")},
        known_events=[event(1), event(2), event(3)],
    )
    live = Live(screen.terminal, after=1, output=Format.JSON)
    live.banner("/site", "/state")
    await looks(live, known, monkeypatch, QUIET * 5)
    assert [json.loads(line)["id"] for line in screen.text.splitlines()] == [2, 3]


async def test_nothing_is_summed_up_that_was_not_looked_at(monkeypatch):
    screen = Screen()
    known = Known.of(state("web-1/File/motd"), known_targets={"web-1": TargetState(name="web-1")})
    await looks(Live(screen.terminal, after=0), known, monkeypatch, QUIET * 3)
    assert screen.text == ""
    known.known_targets = {"web-1": target_state("web-1")}
    await looks(Live(screen.terminal, after=0), known, monkeypatch, QUIET * 3)
    assert screen.text.count("as declared") == 1
