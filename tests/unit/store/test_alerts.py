"""What alerts have found and have to tell survives the process, in order, and goes once somebody has taken it."""

from reconciler.model.alert import About, AlertMessage, AlertName, AlertState, AlertStatus, Incident
from reconciler.model.names import SourceName
from reconciler.store.alert_batch import AlertBatch

BOTH = True
OPS = AlertName("ops")
STATE = AlertState(
    name=OPS, cursor=7, failures=2, error="no answer \\udcff", next_try=9.5, sent=3, sent_at=8.0, dropped=1
)


def incident(name="motd", *, alert=OPS, topic="Ready", told_at=None):
    about = About(
        object=f"web-1/File/{name}",
        kind="File",
        target="web-1",
        labels={"tier": "web"},
        source=SourceName("/srv/site"),
    )
    return Incident(
        alert=alert,
        about=about,
        topic=topic,
        status=AlertStatus.FIRING,
        reason="Unhealthy",
        message="nobody answers",
        warning=True,
        since=1.0,
        told_at=told_at,
        times=2,
    )


def message(number, *, alert=OPS):
    return AlertMessage(id=f"id-{number}", alert=alert, document={"id": f"id-{number}", "n": number})


async def test_everything_is_had_back_by_who_comes_next(store, open_store):
    first, second = incident(), incident("other", told_at=3.0)
    await store.write(
        AlertBatch()
        .put_incidents([first, second])
        .add_alert_messages([message(1), message(2)])
        .put_alert(STATE)
    )
    store.abandon()
    store = await open_store()
    assert await store.load_alerts() == [STATE]
    assert await store.load_incidents() == [first, second]
    kept = await store.load_alert_messages()
    assert [(one.number, one.id, one.document["n"]) for one in kept] == [(1, "id-1", 1), (2, "id-2", 2)]


async def test_what_was_taken_goes_and_no_number_is_given_twice(store):
    await store.write(AlertBatch().add_alert_messages([message(1), message(2)]))
    await store.write(AlertBatch().forget_alert_messages(["id-1", "id-2"]).add_alert_messages([message(3)]))
    assert [(one.number, one.id) for one in await store.load_alert_messages()] == [(3, "id-3")]


async def test_an_incident_is_put_in_the_place_of_the_one_before_and_goes_by_its_key(store):
    await store.write(AlertBatch().put_incidents([incident(), incident(topic="WatchDegraded")]))
    await store.write(AlertBatch().put_incidents([incident(told_at=5.0)]))
    assert [one.told_at for one in await store.load_incidents()] == [5.0, None]
    await store.write(AlertBatch().forget_incidents([incident().key]))
    assert [one.topic for one in await store.load_incidents()] == ["WatchDegraded"]


async def test_an_alert_is_forgotten_with_all_that_it_had_and_nothing_of_another(store):
    other = AlertName("other")
    await store.write(
        AlertBatch()
        .put_incidents([incident(), incident(alert=other)])
        .add_alert_messages([message(1), message(2, alert=other)])
        .put_alert(STATE)
        .put_alert(AlertState(name=other))
    )
    with store.feed.subscribe() as following:
        await store.write(AlertBatch().forget_alert(OPS))
        assert (await following.heard()).objects == {"Alert/ops"}
    assert [one.name for one in await store.load_alerts()] == [other]
    assert [one.alert for one in await store.load_incidents()] == [other]
    assert [one.alert for one in await store.load_alert_messages()] == [other]
