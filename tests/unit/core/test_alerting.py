"""What an alert tells: once when something is wrong, again when it is time, and when it is over."""

from dataclasses import replace

import pytest

from reconciler.core.alerting import (
    NO_MORE,
    OF_CONDITIONS,
    Health,
    ObjectHealth,
    follow,
    happened,
    is_meant,
    remind,
    standings,
)
from reconciler.model.alert import About, Alert, AlertFilter, AlertName, AlertStatus, FileOut
from reconciler.model.conditions import Condition, ConditionType, Reason
from reconciler.model.event import REASONS, Event, EventType

ALERT = Alert(name=AlertName("ops"), way=FileOut(name="log"), repeat=100.0)
MOTD = About(object="web-1/File/motd", kind="File", target="web-1", labels={"tier": "web"})
TOPIC = "Ready"
BAD = ObjectHealth(Health.BAD, "Unhealthy", "nobody answers", 10.0)
OPEN = ObjectHealth(Health.OPEN, "Pending", "being asked", 10.0)
WELL = ObjectHealth(Health.WELL, "InSync", "as declared", 20.0)


def condition(reason, *, status=False, type_=ConditionType.READY):
    return Condition(type_, status, reason, "why", 5.0, 1)


def event(reason, *, warning=False, at=10.0, **data):
    type_ = EventType.WARNING if warning else EventType.NORMAL
    return Event(id=1, at=at, type=type_, reason=reason, object=MOTD.object, message="put back", data=data)


def found(alert=ALERT, standing=BAD, now=10.0):
    return follow(alert, None, MOTD, TOPIC, standing, now=now)


# --- How something is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "health"),
    [
        (None, Health.OPEN),
        (condition(Reason.IN_SYNC, status=True), Health.WELL),
        (condition(Reason.PERMANENT_ERROR), Health.BAD),
        (condition(Reason.UNREACHABLE), Health.BAD),
        # Right at the moment, and changed back time and again.
        (condition(Reason.CONTESTED, status=True), Health.BAD),
        (condition(Reason.PENDING), Health.OPEN),
        (condition(Reason.DEPENDENCY_NOT_READY), Health.OPEN),
        # A person knows of it.
        (condition(Reason.SUSPENDED), Health.WELL),
        (condition(Reason.PAUSED), Health.WELL),
    ],
)
def test_trouble_is_read_off_the_condition(one, health):
    assert standings([one] if one else [])["Ready"].health is health


def test_what_is_not_heard_of_is_trouble_of_its_own():
    degraded = condition(Reason.WATCH_DEGRADED, status=True, type_=ConditionType.WATCH_DEGRADED)
    ready = condition(Reason.IN_SYNC, status=True)
    assert standings([ready, degraded])["WatchDegraded"].health is Health.BAD
    assert standings([ready])["WatchDegraded"].health is Health.WELL


def test_every_event_of_which_a_condition_speaks_is_one():
    assert set(REASONS) >= OF_CONDITIONS


# --- Who hears of it -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "meant"),
    [
        ({}, True),
        ({"kinds": frozenset({"File"})}, True),
        ({"kinds": frozenset({"Service"})}, False),
        ({"targets": ("db-*", "web-?")}, True),
        ({"targets": ("db-*",)}, False),
        ({"labels": (("tier", "web"),)}, True),
        ({"labels": (("tier", "db"),)}, False),
        ({"labels": (("zone", "a"),)}, False),
        ({"reasons": frozenset({"Unhealthy"})}, True),
        ({"reasons": frozenset({"Held"})}, False),
        ({"kinds": frozenset({"File"}), "reasons": frozenset({"Held"})}, False),
    ],
)
def test_all_that_a_filter_says_has_to_hold_and_what_is_not_meant_goes_first(fields, meant):
    one = AlertFilter(**fields)
    assert is_meant(replace(ALERT, match=(one,)), MOTD, "Unhealthy", warning=True) is meant
    either = replace(ALERT, match=(AlertFilter(kinds=frozenset({"Nothing"})), one))
    assert is_meant(either, MOTD, "Unhealthy", warning=True) is meant
    assert is_meant(replace(ALERT, unless=(one,)), MOTD, "Unhealthy", warning=True) is not meant


def test_what_is_no_trouble_is_told_to_who_wants_everything():
    assert not is_meant(ALERT, MOTD, "Repaired", warning=False)
    assert is_meant(replace(ALERT, everything=True), MOTD, "Repaired", warning=False)


# --- What lasts ------------------------------------------------------------------------------------------------------


def test_trouble_is_told_at_once_once_and_when_it_is_over():
    told = found()
    assert told.message is not None
    assert (told.status, told.message.reason, told.message.since) == (AlertStatus.FIRING, "Unhealthy", 10.0)
    again = follow(ALERT, told.incident, MOTD, TOPIC, BAD, now=50.0)
    assert (again.message, again.incident, again.due) == (None, told.incident, 110.0)
    over = follow(ALERT, told.incident, MOTD, TOPIC, WELL, now=60.0)
    assert over.message is not None
    assert (over.incident, over.status) == (None, AlertStatus.RESOLVED)
    assert (over.message.reason, over.message.message, over.message.since) == ("InSync", "as declared", 10.0)


def test_what_has_no_time_on_record_began_when_it_was_found():
    told = found(standing=replace(BAD, since=0.0), now=33.0)
    assert told.incident is not None
    assert told.incident.since == 33.0


def test_what_is_being_looked_at_is_neither_trouble_nor_over():
    assert found(standing=OPEN).incident is None
    told = found()
    still = follow(ALERT, told.incident, MOTD, TOPIC, OPEN, now=50.0)
    assert (still.incident, still.message, still.due) == (told.incident, None, 110.0)


def test_trouble_of_another_reason_is_told_anew_and_the_same_again_when_it_is_time():
    told = found()
    worse = replace(BAD, reason="PermanentError", message="no")
    anew = follow(ALERT, told.incident, MOTD, TOPIC, worse, now=20.0)
    assert anew.message is not None
    assert (anew.message.reason, anew.due) == ("PermanentError", 120.0)
    repeated = follow(ALERT, anew.incident, MOTD, TOPIC, worse, now=120.0)
    assert repeated.message is not None
    by_clock = remind(ALERT, anew.incident, now=130.0)
    assert by_clock.message is not None
    assert remind(ALERT, anew.incident, now=119.0).message is None


def test_trouble_of_another_reason_that_is_not_meant_is_kept_in_mind_until_it_is_over():
    only = replace(ALERT, match=(AlertFilter(reasons=frozenset({"Unhealthy"})),))
    assert follow(only, None, MOTD, TOPIC, replace(BAD, reason="Held"), now=1.0).incident is None
    told = found(only)
    other = follow(only, told.incident, MOTD, TOPIC, replace(BAD, reason="Held"), now=500.0)
    assert (other.message, other.due) == (None, None)
    assert other.incident is not None
    assert follow(only, other.incident, MOTD, TOPIC, WELL, now=501.0).message is not None


def test_trouble_is_told_only_once_it_has_lasted():
    patient = replace(ALERT, after=30.0)
    first = found(patient)
    assert (first.message, first.due) == (None, 40.0)
    assert follow(patient, first.incident, MOTD, TOPIC, WELL, now=20.0).message is None
    another = follow(patient, first.incident, MOTD, TOPIC, replace(BAD, reason="Throttled"), now=20.0)
    assert another.message is None
    assert follow(patient, another.incident, MOTD, TOPIC, BAD, now=40.0).message is not None


def test_that_it_is_over_is_told_to_nobody_who_does_not_want_that():
    silent = replace(ALERT, recovery=False)
    over = follow(silent, found(silent).incident, MOTD, TOPIC, WELL, now=20.0)
    assert (over.message, over.incident) == (None, None)
    assert follow(ALERT, None, MOTD, TOPIC, NO_MORE[TOPIC], now=20.0).incident is None


# --- What happens ----------------------------------------------------------------------------------------------------


def test_of_what_conditions_say_no_event_is_told():
    assert happened(ALERT, None, MOTD, event("Unhealthy", warning=True), now=10.0).incident is None
    known = found().incident
    kept = happened(ALERT, known, MOTD, event("Unhealthy", warning=True), now=10.0)
    assert (kept.incident, kept.message, kept.due) == (known, None, 110.0)


def test_what_happens_again_is_counted_and_told_when_it_is_time():
    everything = replace(ALERT, everything=True)
    first = happened(everything, None, MOTD, event("Repaired"), now=10.0)
    assert first.message is not None
    assert (first.status, first.message.times, first.message.warning) == (AlertStatus.EVENT, 1, False)
    second = happened(everything, first.incident, MOTD, event("Repaired", at=20.0), now=20.0)
    third = happened(everything, second.incident, MOTD, event("Repaired", at=30.0, times=7), now=30.0)
    assert (second.message, third.message, third.due) == (None, None, 110.0)
    assert remind(everything, third.incident, now=109.0).due == 110.0
    summed = remind(everything, third.incident, now=110.0)
    assert summed.message is not None
    assert (summed.message.times, summed.message.since, summed.due) == (8, 30.0, 210.0)
    # Nothing has come since, and so there is nothing more to tell.
    assert remind(everything, summed.incident, now=210.0).incident is None


def test_what_happens_once_more_after_that_time_is_told_at_once():
    first = happened(ALERT, None, MOTD, event("Abandoned", warning=True), now=10.0)
    again = happened(ALERT, first.incident, MOTD, event("Abandoned", warning=True, at=200.0), now=200.0)
    assert again.message is not None
    assert again.message.times == 1
