"""A real daemon of which a part is killed or stalled, and what it then says of its health."""

import asyncio
import contextlib
import threading
import time

import pytest

from reconciler.api.health import lives
from reconciler.app import daemon as daemons
from reconciler.app import served, watching
from reconciler.app.assembly import assemble
from reconciler.app.backend import DaemonBackend
from reconciler.app.places import places
from reconciler.cli.sourcing import directory_source
from reconciler.model import metrics
from reconciler.store.writer import LANE as WRITER
from reconciler.telemetry.meter import Measures


class Body:
    """A running daemon, and how it is."""

    def __init__(self, daemon, measures):
        self.daemon = daemon
        self.backend = DaemonBackend(daemon, measures=measures)

    @property
    def ready(self):
        return {check.name: check.wrong for check in self.backend.checks() if check.wrong}

    @property
    def alive(self):
        return {check.name: check.wrong for check in lives(self.backend.checks()) if check.wrong}

    async def until(self, holds):
        while not holds():  # noqa: ASYNC110 - nobody tells that a deadline has passed
            await asyncio.sleep(0.005)

    def task(self, name):
        return next(task for task in asyncio.all_tasks() if task.get_name() == name)


@contextlib.asynccontextmanager
async def living(tmp_path):
    environ = {
        "HOME": str(tmp_path),
        "FROYO_STATE": str(tmp_path / "s"),
        "FROYO_ARTIFACTS": str(tmp_path / "none"),
    }
    site, measures = tmp_path / "site", Measures()
    site.mkdir()
    shown = asyncio.get_running_loop().create_future()

    async def show(daemon):
        shown.set_result(daemon)
        await asyncio.Event().wait()

    told = asyncio.Event()
    async with assemble(places(environ), environ, lease=True, notice=print, meter=measures) as parts:
        running = asyncio.create_task(
            daemons.run_daemon(parts, [directory_source(site)], told, serve={"show": show})
        )
        await asyncio.wait([running, shown], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        body = Body(await shown, measures)
        try:
            await body.until(lambda: not body.ready)
            yield body
        finally:
            told.set()
            await running


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """What is noticed after half a minute is noticed in a moment."""
    monkeypatch.setattr(daemons, "LEASE", 0.6)
    monkeypatch.setattr(daemons, "PULSE", 0.02)
    monkeypatch.setattr(daemons, "LOOP_DEADLINE", 0.4)
    for module in (served, watching):
        monkeypatch.setattr(module, "RESCAN", 0.2)


@pytest.mark.parametrize("killed", ["source", "controller", "writer", "loop"])
async def test_a_task_that_is_killed_is_seen_at_once(tmp_path, killed):
    async with living(tmp_path) as body:
        name = next(one for one in body.daemon.supervisor.tasks if one.startswith(killed))
        body.task(name).cancel()
        await body.until(lambda: name in body.ready)
        assert body.ready[name] == "has ended, and nobody starts it again; restart froyo"
        assert name in body.alive


@pytest.mark.parametrize(("lane", "task"), [(WRITER, "writer"), ("source @", "source")])
async def test_a_writer_or_a_watcher_that_hangs_is_seen_and_seen_to_go_on(tmp_path, lane, task):
    release = threading.Event()
    async with living(tmp_path) as body:
        offload = body.daemon.parts.runtime.offload
        hanging = asyncio.create_task(offload(lane.replace("@", str(tmp_path / "site")), release.wait))
        try:
            await body.until(lambda: any(name.startswith(task) for name in body.alive))
            assert all("has not been heard of for" in why for why in body.alive.values())
        finally:
            release.set()
        await hanging
        await body.until(lambda: not body.ready)


async def test_a_loop_that_hangs_is_seen_by_the_first_who_can_ask(tmp_path):
    async with living(tmp_path) as body:
        time.sleep(0.6)  # noqa: ASYNC251 - that is what is tested
        assert "loop" in body.alive
        await body.until(lambda: not body.ready)
        text, _ = await body.backend.metrics("")
        assert b'froyo_healthy{check="livez"} 1.0' in text
    [lag] = [one for one in body.backend._measures.families() if one.metric is metrics.LOOP_LAG]
    assert lag.samples[0].value > 0.3


async def test_what_a_restart_would_not_mend_makes_it_unready_and_no_more(tmp_path, monkeypatch):
    async with living(tmp_path) as body:
        monkeypatch.setattr(type(body.daemon.parts.store), "trouble", "the disk is full")
        body.daemon.controller.submissions.expected.add("/srv/other")
        assert body.ready == {"housekeeping": "the disk is full", "in-force": "not in force yet: /srv/other"}
        assert body.alive == {}
