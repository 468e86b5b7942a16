"""Who hears of what, what is put on record of it, and how what has to be told is sent."""

import asyncio
import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest

from reconciler.app.alerts import outbox as alert_outbox
from reconciler.app.alerts import round as alert_round
from reconciler.app.alerts.alerting import Alerting
from reconciler.app.alerts.outbox import AlertOutbox
from reconciler.app.alerts.round import AlertRound, firing
from reconciler.app.alerts.scope import AlertScope, declared_alerts
from reconciler.app.alerts.ways_out import NotTaken
from reconciler.core.alerting import Health, Told
from reconciler.core.backoff import Backoff
from reconciler.errors import UsageError
from reconciler.model.alert import (
    About,
    Alert,
    AlertMessage,
    AlertName,
    AlertState,
    AlertStatus,
    FileOut,
    Incident,
    WebhookOut,
)
from reconciler.model.cluster import ClusterPlace
from reconciler.model.conditions import ConditionType, Reason
from reconciler.model.event import Event, EventType
from reconciler.model.names import Digest, SourceName
from reconciler.model.source import DirectoryPlace, Source
from reconciler.store.alert_batch import AlertBatch
from reconciler.store.batch import Batch
from reconciler.store.store import Store
from tests.unit.api.known import condition, instance, source_state, state, target_state
from tests.unit.store.conftest import World

OPS, OTHER = AlertName("ops"), AlertName("other")
SITE, TEAM = SourceName("/srv/site"), SourceName("/srv/team")
MOTD, PAGE = "web-1/File/motd", "web-1/File/page"
BAD = condition(status=False, reason=Reason.PERMANENT_ERROR, message="no")


def alert(name=OPS, digest="1", way=FileOut(name="log"), **fields):  # noqa: B008 - it is immutable
    return Alert(name=name, way=way, digest=Digest(digest), **fields)


def desired(*alerts, instances=(), targets=()):
    return SimpleNamespace(
        alerts={one.name: one for one in alerts},
        instances={one: instance(one) for one in instances},
        targets=dict.fromkeys(targets, SimpleNamespace(labels={"tier": "web"})),
    )


class _Controller:
    def __init__(self, known):
        self._known = known

    @property
    def in_force(self):
        sources = self._known.in_force
        every = {a: i for one in sources.values() for a, i in one.instances.items()}
        targets = {n: t for one in sources.values() for n, t in one.targets.items()}
        return SimpleNamespace(sources=sources, instances=every, targets=targets)

    def states(self):
        return self._known.known

    @property
    def targets(self):
        return self._known.sessions

    @property
    def submissions(self):
        return SimpleNamespace(unread=self._known.expected - self._known.in_force.keys())


class Known:
    """What a daemon knows, which a test moves."""

    def __init__(self):
        self.in_force = {SITE: desired(alert(), instances=[MOTD], targets=["web-1"])}
        self.known = {MOTD: state(MOTD)}
        self.sessions = {"web-1": target_state("web-1")}
        self.expected = {SITE}
        self.given = {SITE: Source(SITE, DirectoryPlace("/srv/site"))}
        self.intakes = {SITE: SimpleNamespace(shown=source_state("/srv/site"))}
        self.controller = _Controller(self)

    @property
    def scope(self):
        return AlertScope(self.controller, self)


# --- Who hears of what -----------------------------------------------------------------------------------------------


def test_of_one_name_the_alert_counts_that_stands_in_what_the_daemon_was_given():
    known = Known()
    known.in_force = {TEAM: desired(alert(digest="2"), alert(OTHER)), SITE: desired(alert())}
    found = declared_alerts(known.controller, known)
    assert (found[OPS].source, found[OPS].everywhere, found[OPS].alert.digest) == (SITE, True, "1")
    assert (found[OTHER].source, found[OTHER].everywhere) == (TEAM, False)


def test_a_namespace_hears_of_itself_alone():
    known = Known()
    place = ClusterPlace("web")
    known.given = {place.name: Source(place.name, place)}
    known.in_force = {place.name: desired(alert())}
    [one] = declared_alerts(known.controller, known).values()
    assert one.hears(About(object="x", kind="File", source=place.name))
    assert not one.hears(About(object="x", kind="File", source=SITE))


@pytest.mark.parametrize("trusted", [True, False])
def test_one_of_a_namespace_that_is_not_trusted_goes_to_nobody_on_the_operators_machine(trusted):
    known = Known()
    place = ClusterPlace("web", trusted=trusted)
    known.given = {place.name: Source(place.name, place)}
    webhook, file = WebhookOut(url="https://h/"), FileOut(name="f")
    known.in_force = {place.name: desired(alert(way=webhook), alert(OTHER, way=file))}
    found = declared_alerts(known.controller, known)
    assert found[OPS].alert.way == replace(webhook, elsewhere=not trusted)
    assert found[OTHER].alert.way == file


def test_of_everything_it_is_known_what_it_is_and_how():
    known = Known()
    scope = known.scope
    assert list(scope.objects()) == ["Source/srv/site", "Target/web-1", MOTD]
    about = scope.about(MOTD)
    assert (about.kind, about.target, about.source, about.labels) == ("File", "web-1", SITE, {"tier": "web"})
    assert (scope.about("Target/web-1").kind, scope.about("Target/web-1").source) == ("Target", SITE)
    assert scope.about("Source/srv/site").source == SITE
    assert scope.about("Source/gone").kind == "Source"
    assert scope.standings(MOTD)["Ready"].health is Health.WELL
    assert scope.standings("Target/web-1")["Ready"].health is Health.WELL


def test_what_is_not_declared_is_gone_only_once_everything_was_read():
    known = Known()
    for gone in ("web-1/File/gone", "Target/gone"):
        assert known.scope.standings(gone)["Ready"].reason == "Gone"
    known.expected = {SITE, TEAM}
    for unknown in ("web-1/File/gone", "Target/gone"):
        assert known.scope.standings(unknown) == {}
    # What was declared by a source that is not in force is still that source's.
    known.known["web-1/File/gone"] = state("web-1/File/gone", source=TEAM)
    assert known.scope.about("web-1/File/gone").source == TEAM


def test_what_nobody_has_looked_at_is_not_judged():
    known = Known()
    known.known.clear()
    known.sessions = {"web-1": target_state("web-1", since=None)}
    assert known.scope.standings(MOTD) == {}
    assert known.scope.standings("Target/web-1") == {}
    known.sessions.clear()
    assert known.scope.standings("Target/web-1") == {}


def test_what_is_wrong_with_a_source_is_told_with_its_place():
    known = Known()
    broken = source_state("/srv/site", *(f"a.yaml:{n}: wrong" for n in range(5)))
    known.intakes = {SITE: SimpleNamespace(shown=broken)}
    found = known.scope.standings("Source/srv/site")[ConditionType.READY]
    assert found.health is Health.BAD
    assert found.message.endswith("a.yaml:0: wrong; a.yaml:1: wrong; a.yaml:2: wrong; and 2 more")


# --- What is put on record -------------------------------------------------------------------------------------------


def incident(name="x", **fields):
    values = {"status": AlertStatus.FIRING, "reason": "r", "message": "m", "warning": True, "since": 1.0}
    return Incident(alert=OPS, about=About(object=name, kind="File"), topic="Ready", **{**values, **fields})


def test_no_more_is_kept_in_mind_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(alert_round, "MOST", 1)
    found = AlertRound({}, 1.0)
    for name in ("a", "b"):
        one = incident(name)
        found.take(one.key, Told(one, one))
    assert [one.about.object for one, _ in found.messages] == ["a"]
    assert len(found.put) == 1


def test_what_was_found_and_is_over_at_once_is_not_kept():
    found = AlertRound({}, 1.0)
    one = incident()
    found.take(one.key, Told(one))
    found.take(one.key, Told(None))
    assert (found.put, found.gone, found.known(one.key)) == ({}, {one.key}, None)
    assert firing([incident(told_at=1.0), incident(), incident(status=AlertStatus.EVENT, told_at=1.0)]) == 1


# --- The task --------------------------------------------------------------------------------------------------------


class Ways:
    """Takes what it is let to."""

    def __init__(self):
        self.taken, self.wrong, self.tried = [], [], 0
        self.more = asyncio.Event()

    async def send(self, one, said):
        self.tried += 1
        self.more.set()
        if self.wrong:
            raise self.wrong.pop(0)
        self.taken.append(said)

    async def until(self, condition):
        while not condition():
            self.more.clear()
            await self.more.wait()


@pytest.fixture
def world():
    return World()


@pytest.fixture
async def store(tmp_path, world):
    found = await Store.open(tmp_path / "froyo.db", runtime=world.runtime)
    yield found
    found.abandon()


@pytest.fixture
def known():
    return Known()


@pytest.fixture
async def ways():
    return Ways()


@pytest.fixture
async def alerting(store, world, known, ways, monkeypatch):
    """The task, on a store and a clock of a test."""
    monkeypatch.setattr("reconciler.app.alerts.alerting.QUIET", 0.0)
    monkeypatch.setattr(alert_outbox, "BACKOFF", Backoff(base=0.001, cap=0.002))
    secrets = SimpleNamespace(masked=lambda text: text.replace("s3cr3t", "…"))
    outbox = AlertOutbox(store, ways, secrets, world.runtime)
    return Alerting(store, world.runtime, known.controller, known, ways, outbox)


async def so(condition):
    """Wait until something is so."""
    while not condition():  # noqa: ASYNC110 - of what several things may change
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(alerting):
    task = asyncio.create_task(alerting.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def moved(store, *addresses):
    await store.write(Batch().put_states([state(address) for address in addresses]))


def told(ways):
    return [(one["status"], one["object"], one["reason"]) for one in ways.taken]


async def test_what_is_wrong_already_is_told_when_an_alert_is_declared_and_again_when_it_is_over(
    alerting, known, ways, store
):
    known.known[MOTD] = state(MOTD, BAD)
    await store.write(Batch().add_events([event("Repaired")]))
    async with running(alerting):
        await ways.until(lambda: ways.taken)
        [seen] = alerting.known()
        assert (seen.firing, seen.way) == (1, "file log")
        known.known[MOTD] = state(MOTD)
        await moved(store, MOTD)
        await ways.until(lambda: len(ways.taken) == 2)
    assert told(ways) == [("firing", MOTD, "PermanentError"), ("resolved", MOTD, "InSync")]
    assert await store.load_incidents() == []


def event(reason, object_=MOTD, **fields):
    return Event(at=1.0, type=EventType.WARNING, reason=reason, object=object_, message="m", **fields)


async def test_what_happens_is_told_to_who_may_hear_of_it_and_counted_for_the_others(
    alerting, known, ways, store, monkeypatch
):
    monkeypatch.setattr("reconciler.app.alerts.alerting.EVENTS", 2)
    known.in_force[TEAM] = desired(alert(OTHER), instances=[PAGE])
    async with running(alerting):
        await so(lambda: not ({OPS, OTHER} - alerting.outbox.states.keys()))
        await store.write(Batch().add_events([event("Repaired"), event("Abandoned"), event("Repaired")]))
        await ways.until(lambda: len(ways.taken) == 2)
        await store.write(Batch().add_events([event("Abandoned", PAGE), event("Unhealthy", PAGE)]))
        await ways.until(lambda: len(ways.taken) == 4)
    assert sorted((one["alert"], one["object"], one["reason"]) for one in ways.taken) == [
        ("ops", MOTD, "Abandoned"),
        ("ops", MOTD, "Repaired"),
        ("ops", PAGE, "Abandoned"),
        ("other", PAGE, "Abandoned"),
    ]
    kept = {(one.alert, one.topic, one.about.object): one.times for one in await store.load_incidents()}
    assert kept[OPS, "Repaired", MOTD] == 1


async def test_what_is_not_taken_is_tried_again_and_what_is_refused_for_what_it_is_given_up(
    alerting, known, ways, store
):
    ways.wrong = [
        NotTaken("s3cr3t is not known"),
        NotTaken("busy", retry_after=0.001),
        NotTaken("no", refused=True),
    ]
    known.known[MOTD] = state(MOTD, BAD)
    async with running(alerting):
        await ways.until(lambda: ways.tried == 3)
        known.known[MOTD] = state(MOTD)
        await moved(store, MOTD)
        await ways.until(lambda: ways.taken)
        await so(lambda: not alerting.outbox.waiting(OPS))
        [seen] = alerting.known()
    assert [one["status"] for one in ways.taken] == ["resolved"]
    assert (seen.state.sent, seen.state.dropped, seen.state.failures, seen.waiting) == (1, 1, 0, 0)
    assert [one["lost"] for one in ways.taken] == [1]


async def test_that_nobody_takes_anything_is_said_without_what_is_secret(alerting, known, ways, monkeypatch):
    monkeypatch.setattr(alert_outbox, "BACKOFF", Backoff(base=1000.0, cap=1000.0))
    ways.wrong = [NotTaken("s3cr3t is not known")]
    known.known[MOTD] = state(MOTD, BAD)
    async with running(alerting):
        await so(alerting.outbox.trouble)
        assert alerting.outbox.trouble() == {
            "alert ops": "nobody takes what it has to tell (1 waiting): … is not known"
        }
        # Who declares it otherwise has another try at once.
        known.in_force[SITE] = desired(alert(digest="2"), instances=[MOTD], targets=["web-1"])
        alerting.outbox.declare({OPS: alert(digest="2")})
        await ways.until(lambda: ways.taken)


async def test_what_is_to_be_told_is_sent_by_who_comes_next_with_its_id(alerting, known, ways, store, world):
    ways.wrong = [NotTaken("away")] * 1000
    known.known[MOTD] = state(MOTD, BAD)
    async with running(alerting):
        await ways.until(lambda: ways.tried)
    [kept] = await store.load_alert_messages()
    ways.wrong.clear()
    async with running(alerting):
        await ways.until(lambda: ways.taken)
    assert [one["id"] for one in ways.taken] == [kept.id]


async def test_too_much_that_waits_is_given_up_from_the_oldest_on(alerting, ways, store, monkeypatch):
    monkeypatch.setattr(alert_outbox, "MOST", 2)
    outbox = alerting.outbox
    messages = [AlertMessage(id=f"m{n}", alert=OPS, document={}) for n in range(3)]
    await outbox.put(AlertState(name=OPS, cursor=4), messages, AlertBatch())
    assert [one.id for one in await store.load_alert_messages()] == ["m1", "m2"]
    [kept] = await store.load_alerts()
    assert (kept.cursor, kept.dropped, outbox.waiting(OPS)) == (4, 1, 2)


async def test_an_alert_that_nobody_declares_is_forgotten_once_everything_was_read(
    alerting, known, ways, store
):
    known.known[MOTD] = state(MOTD, BAD)
    async with running(alerting):
        await ways.until(lambda: ways.taken)
        known.expected = {SITE, TEAM}
        known.in_force[SITE] = desired(instances=[MOTD], targets=["web-1"])
        await moved(store, MOTD)
        await so(lambda: not alerting.known())
        assert OPS in alerting.outbox.states
        known.expected = {SITE}
        await moved(store, MOTD)
        await so(lambda: not alerting.outbox.states)
    assert await store.load_alerts() == await store.load_incidents() == []


async def test_what_fails_for_another_reason_than_its_way_out_is_sent_once_more(alerting, known, ways):
    ways.wrong = [OSError("s3cr3t")]
    known.known[MOTD] = state(MOTD, BAD)
    async with running(alerting):
        await ways.until(lambda: ways.taken)


async def test_a_message_by_hand_goes_out_at_once_and_says_so_where_it_does_not(alerting, known, ways):
    sent = await alerting.test(OPS, by="ann")
    assert [(one["id"], one["reason"], one["severity"]) for one in ways.taken] == [(sent, "Test", "info")]
    ways.wrong = [NotTaken("s3cr3t is not known")]
    with pytest.raises(UsageError, match="nobody has taken it: … is not known"):
        await alerting.test(OPS, by="ann")
    with pytest.raises(UsageError, match="there is no alert nope; declared: ops"):
        await alerting.test(AlertName("nope"), by="ann")


async def test_what_lasts_is_told_again_when_it_is_time(alerting, known, ways, world):
    known.in_force[SITE] = desired(alert(repeat=0.01), instances=[MOTD], targets=["web-1"])
    known.known[MOTD] = state(MOTD, BAD)
    async with running(alerting):
        await ways.until(lambda: ways.taken)
        world.time += 1.0
        await ways.until(lambda: len(ways.taken) == 2)
    assert [one["status"] for one in ways.taken] == ["firing", "firing"]
