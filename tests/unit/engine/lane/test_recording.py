"""What a target was asked, and what that was about."""

from reconciler.engine.lane.recording import Recording

STAT = {"call": "file.stat", "args": {"path": "/etc/motd"}}
FACTS = {"call": "facts", "args": {}}


def test_a_call_is_about_the_subjects_that_it_names() -> None:
    recording = Recording()
    recording.note([STAT, FACTS], [{"ok": {"exists": False}}, {"ok": {"uid": 0}}])
    merged = Recording()
    merged.merge(recording)
    for one in (recording, merged):
        assert one.calls_on("path:/etc/motd") == [STAT]
        assert one.calls_on("path:None") == []
        assert one.answer(FACTS) == {"ok": {"uid": 0}}
