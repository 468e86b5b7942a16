"""What a target was asked, and what that was about."""

from reconciler.engine.lane.recording import Recording
from reconciler.model.calls import Call, Ok

STAT = Call("file.stat", {"path": "/etc/motd"})
FACTS = Call("facts", {})


def test_a_call_is_about_the_subjects_that_it_names() -> None:
    recording = Recording()
    recording.note([STAT, FACTS], [Ok({"exists": False}), Ok({"uid": 0})])
    merged = Recording()
    merged.merge(recording)
    for one in (recording, merged):
        assert one.calls_on("path:/etc/motd") == [STAT]
        assert one.calls_on("path:None") == []
        assert one.answer(FACTS) == Ok({"uid": 0})


def test_a_batch_has_every_call_that_was_noted_and_another_key_for_each_more() -> None:
    recording = Recording()
    recording.note([STAT], [Ok({"exists": False})])
    first, key = recording.batch(), recording.key
    assert first == [{"command": "file.stat", "items": [STAT.args]}]
    recording.note([STAT], [Ok({"exists": True})])
    assert (recording.batch(), recording.key) == (first, key)
    recording.note([FACTS], [Ok({"uid": 0})])
    both = [*first, {"command": "facts", "items": [FACTS.args]}]
    assert recording.batch() == both
    assert recording.key != key
    other = Recording()
    other.note([Call("dir.list", {"path": "/etc"})], [Ok({"exists": True})])
    recording.merge(other)
    assert recording.batch() == [*both, {"command": "dir.list", "items": [{"path": "/etc"}]}]
