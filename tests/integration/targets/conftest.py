"""The real runner, as the build has left it."""

import asyncio
import os

import pytest

from reconciler.errors import TransportError
from reconciler.runtime import Runtime, ThreadLanes
from reconciler.targets.artifacts import Artifacts
from reconciler.targets.connect import make_connect
from reconciler.targets.session import Session
from reconciler.targets.settings import SessionSettings


@pytest.fixture(scope="session")
def artifacts():
    """Runners that are there and verified."""
    found = Artifacts()
    try:
        found.packed("amd64")
    except TransportError as error:
        pytest.skip(str(error))
    return found


class World:
    """A controller's part of the world, which opens sessions and closes those that a test has left open."""

    def __init__(self, directory):
        self.state = directory / "state"
        self.lanes = ThreadLanes()
        self.sessions = []

    def runtime(self, artifacts, *, ttl=600.0):
        connect = make_connect(
            state=self.state, offload=self.lanes, environ=os.environ, artifacts=artifacts, ttl=ttl
        )
        return Runtime(connect=connect, offload=self.lanes)

    async def open(self, target, artifacts, *, on_event=lambda event: None, ttl=600.0, **settings):
        session = await Session.open(
            target,
            runtime=self.runtime(artifacts, ttl=ttl),
            on_event=on_event,
            settings=SessionSettings(ttl=ttl, **settings),
        )
        self.sessions.append(session)
        return session


@pytest.fixture
async def world(tmp_path):
    world = World(tmp_path)
    yield world
    await asyncio.gather(*(session.close() for session in world.sessions))
    world.lanes.close()
