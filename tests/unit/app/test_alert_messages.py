"""What an alert says, in each form."""

import json

import pytest

from reconciler.app.alerts.messages import LONGEST, body_of, line_of, message_of
from reconciler.model.alert import About, Alert, AlertFormat, AlertName, AlertStatus, FileOut, Incident
from reconciler.model.names import SourceName

ALERT = Alert(name=AlertName("ops"), way=FileOut(name="log"), repeat=60.0)


def said(status=AlertStatus.FIRING, **fields):
    about = About(
        object="web-1/HttpProbe/site",
        kind="HttpProbe",
        target="web-1",
        labels={"app.kubernetes.io/name": "shop", "empty": ""},
        source=SourceName("/srv/site"),
    )
    values = {
        "alert": AlertName("ops"),
        "about": about,
        "topic": "Ready",
        "status": status,
        "reason": "Unhealthy",
        "message": "answers 500",
        "warning": True,
        "since": 10.0,
        "times": 1,
    }
    told = Incident(**{**values, **fields})
    return message_of(told, status, message="id-1", controller="c1", now=20.0, lost=2)


def test_the_document_says_everything_and_keeps_its_form():
    assert said() == {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "AlertMessage",
        "id": "id-1",
        "alert": "ops",
        "controller": "c1",
        "status": "firing",
        "severity": "warning",
        "key": "ops/web-1/HttpProbe/site#Ready",
        "object": "web-1/HttpProbe/site",
        "objectKind": "HttpProbe",
        "target": "web-1",
        "labels": {"app.kubernetes.io/name": "shop", "empty": ""},
        "source": "/srv/site",
        "topic": "Ready",
        "reason": "Unhealthy",
        "message": "answers 500",
        "since": "1970-01-01T00:00:10.000000Z",
        "at": "1970-01-01T00:00:20.000000Z",
        "times": 1,
        "lost": 2,
    }
    assert body_of(ALERT, AlertFormat.JSON, said()) == said()
    assert said(warning=False)["severity"] == "info"
    assert len(said(message="x" * 2 * LONGEST)["message"]) == LONGEST + 1


def test_a_text_has_nothing_in_it_that_means_something_to_who_shows_it():
    told = body_of(ALERT, AlertFormat.SLACK, said(message="a <!channel> & b", times=3))
    assert told == {
        "text": "*FIRING* [c1] web-1/HttpProbe/site Unhealthy (3 times): a &lt;!channel&gt; &amp; b"
    }
    assert line_of(said()) == "firing: web-1/HttpProbe/site Unhealthy: answers 500"


@pytest.mark.parametrize(
    ("status", "ends"),
    [
        (AlertStatus.FIRING, "1970-01-01T00:03:20.000000Z"),
        (AlertStatus.RESOLVED, "1970-01-01T00:00:20.000000Z"),
        (AlertStatus.EVENT, "1970-01-01T00:05:20.000000Z"),
    ],
)
def test_alertmanager_is_told_as_prometheus_tells_it(status, ends):
    [told] = body_of(ALERT, AlertFormat.ALERTMANAGER, said(status))
    assert (told["startsAt"], told["endsAt"]) == ("1970-01-01T00:00:10.000000Z", ends)
    assert told["labels"] == {
        "alertname": "FroyoNotReady",
        "alert": "ops",
        "controller": "c1",
        "severity": "warning",
        "object": "web-1/HttpProbe/site",
        "kind": "HttpProbe",
        "target": "web-1",
        "source": "/srv/site",
        "label_app_kubernetes_io_name": "shop",
    }
    assert told["annotations"]["id"] == "id-1"
    json.dumps(told)


def test_what_is_the_same_incident_has_the_same_labels_from_beginning_to_end():
    """Alertmanager knows an alert again by nothing else."""
    first, last = said(), said(AlertStatus.RESOLVED, reason="InSync", message="as declared")
    both = [body_of(ALERT, AlertFormat.ALERTMANAGER, one)[0]["labels"] for one in (first, last)]
    assert both[0] == both[1]
    [event] = body_of(ALERT, AlertFormat.ALERTMANAGER, said(AlertStatus.EVENT, topic="Repaired"))
    assert event["labels"]["alertname"] == "FroyoRepaired"


def test_what_was_over_before_it_was_said_to_begin_ends_no_sooner_than_it_began():
    [told] = body_of(ALERT, AlertFormat.ALERTMANAGER, said(AlertStatus.RESOLVED, since=30.0))
    assert told["startsAt"] == told["endsAt"]
