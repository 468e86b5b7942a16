"""What a target was asked, and which of it was about a path."""

from reconciler.engine.round.recording import Recording

STAT = {"call": "file.stat", "args": {"path": "/etc/motd"}}
FACTS = {"call": "facts", "args": {}}


def test_a_call_without_a_path_is_about_no_path() -> None:
    recording = Recording()
    recording.note([STAT, FACTS], [{"ok": {"exists": False}}, {"ok": {"uid": 0}}])
    merged = Recording()
    merged.merge(recording)
    for one in (recording, merged):
        assert one.calls_on("/etc/motd") == [STAT]
        assert one.calls_on("None") == []
        assert one.answer(FACTS) == {"ok": {"uid": 0}}
