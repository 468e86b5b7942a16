"""How much of the past is kept is taken as it is written, or refused with what is wrong."""

import json

import pytest

from reconciler.app.places import places
from reconciler.app.retention import FIELDS, retention
from reconciler.cli.writing import suspend
from reconciler.errors import ConfigError
from reconciler.store.records import Retention


@pytest.fixture
def path(tmp_path):
    return tmp_path / "retention.json"


def test_without_a_file_it_is_as_usual(path):
    assert retention(path) == Retention()


def test_what_is_said_is_kept_and_the_rest_is_as_usual(path):
    path.write_text(json.dumps({"events": 10, "eventDays": 2}))
    assert retention(path) == Retention(events=10, event_age=2 * 86_400)
    path.write_text(json.dumps(dict.fromkeys(FIELDS, 1)))
    assert retention(path) == Retention(
        events=1, event_age=86_400, runs=1, run_age=86_400, units=1, snapshots=1, blob_bytes=1
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "1:2: the file ends where a key in double quotes is expected"),
        ("[" * 100_000, "1:65: nested more than 64 levels deep"),
        ("[]", "1:1: should be a mapping with the fields events, eventDays"),
        ('{"event": 1}', "1:2: unknown field 'event' (did you mean 'events'?)"),
        ('{"zzz": 1}', "1:2: unknown field 'zzz' (there is: events, eventDays"),
        ('{"events": 0}', "1:12: should be a whole number above 0"),
        ('{"events": true}', "1:12: should be a whole number above 0"),
        ('{"runDays": 1.5}', "1:13: should be a whole number above 0"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_is_wrong(path, text, says):
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"retention\.json") as refused:
        retention(path)
    assert says in str(refused.value)


def test_what_cannot_be_read_is_refused(path):
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        retention(path)


async def test_every_command_that_writes_heeds_it(tmp_path):
    where = places({"HOME": str(tmp_path)})
    where.state.mkdir(parents=True)
    where.retention.write_text("{")
    with pytest.raises(ConfigError, match=r"retention\.json"):
        await suspend(where, ["*"], by="alice", reason="", until=None)
