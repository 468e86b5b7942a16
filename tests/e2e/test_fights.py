"""Somebody else who rewrites a file all the time: it is called a contest, and the file is right when they give up."""

import subprocess

from tests.e2e.site import instance, local, until


def test_a_file_that_somebody_else_keeps_rewriting_is_contested_and_right_again_when_they_stop(site):
    fought, other = site.world / "fought", site.world / "other"
    site.declare(
        local(),
        instance("File", "fought", fought, content="ours\n"),
        instance("File", "other", other, content="calm\n"),
    )
    daemon = site.up()
    daemon.until_ready(2)
    fighter = subprocess.Popen(["sh", "-c", 'while :; do echo theirs >"$0"; sleep 0.02; done', str(fought)])
    try:
        contested = until(
            "it is called a contest",
            lambda: [e for e in daemon.events() if e["reason"] == "Contested"],
        )
        # What nobody fights about is looked after as ever.
        other.write_text("spoiled\n")
        until("the other file is right", lambda: other.read_text() == "calm\n")
        view = daemon.resources()["here/File/fought"]
        repairs = len(view["history"])
    finally:
        fighter.kill()
        fighter.wait()
    until("the file is right", lambda: fought.read_text() == "ours\n")
    daemon.until_ready(2)
    assert contested[0]["object"] == "here/File/fought"
    assert contested[0]["type"] == "Warning"
    assert repairs
    assert daemon.terminate() == 0
    assert fought.read_text() == "ours\n"
    site.assert_nothing_is_left()
