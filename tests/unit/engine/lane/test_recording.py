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
