"""The daemon and the commands that ask it, as real processes."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.cli.conftest import PATIENCE


def test_a_daemon_puts_right_what_is_spoiled_and_tells(person):
    with person.up() as daemon:
        assert person.froyo("wait", "--timeout", "60s").stdout == "2 instances: ready\n"
        # What is ready is watched a moment later; by the end of another look it certainly is.
        person.froyo("reconcile", "--wait")
        motd = person.machine / "etc" / "motd"
        motd.write_text("spoiled\n")
        person.until(lambda: motd.read_text() == "hello\n")
        person.until(lambda: person.json("events", "--cause", "drift")["items"])
        [event] = person.json("events", "--cause", "drift")["items"]
        assert (event["object"], event["reason"]) == ("here/File/motd", "Repaired")
        assert event["duration"] > 0

        status = person.json("status")
        assert (status["live"], status["instances"]) == (True, 2)
        assert "connected as " in person.froyo("get", "targets").stdout
        assert "/site" in person.froyo("get", "sources").stdout
        assert person.froyo("diff").stdout == "nothing to do: 2 instances on 1 target are as declared\n"
        assert person.json("doctor")["healthy"]
        assert f"pid {daemon.pid}" in person.froyo("doctor").stdout

        assert "did you mean 'here'?" in person.froyo("diff", "--target", "hree", status=1).stderr
        assert "did you mean 'tier=web'?" in person.froyo("diff", "-l", "tier=wbe", status=1).stderr
        assert person.froyo("diff", "-l", "tier=web").stdout.startswith("nothing to do: 1 instance on")
        assert "did you mean 'files'?" in person.froyo("reconcile", "flies", status=1).stderr
        [source] = {e["object"] for e in person.json("events", "--object", "Source")["items"]}
        assert source == f"Source{person.site}"

        motd.write_text("again\n")
        assert person.froyo("reconcile", "--wait").stdout == "2 instances as declared\n"
        assert motd.read_text() == "hello\n"
        assert "looking at 1 instance" in person.froyo("reconcile", "File/motd").stdout
        assert person.json("history")["items"]
    assert not (person.state / "froyo.sock").exists()
    lines = [json.loads(line) for line in person.log.splitlines() if line.startswith("{")]
    assert any(line.get("reason") == "Repaired" for line in lines)


def test_a_release_is_deployed_by_swapping_the_link_that_is_served(person):
    (person.base / "r1").mkdir()
    person.site.rename(person.base / "r1" / "site")
    shutil.copytree(person.base / "r1", person.base / "r2")
    newer = person.base / "r2" / "site" / "files.yaml"
    newer.write_text(newer.read_text().replace("hello", "hello again"))
    person.site.symlink_to("r1/site")
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        (person.base / "next").symlink_to("r2/site")
        (person.base / "next").rename(person.site)
        motd = person.machine / "etc" / "motd"
        person.until(lambda: motd.read_text() == "hello again\n")
    assert "nothing to do" in person.froyo("apply", person.site).stdout
    # What the first release declared is not another source's.
    newer.write_text("# nothing\n")
    assert "2 instances are no longer declared" in person.froyo("apply", person.site).stderr


def test_what_is_needed_only_for_what_somebody_asks_is_loaded_only_then(person):
    """A daemon has enough of its own to carry: pydantic alone takes 10 MB."""

    def loaded(daemon):
        libraries = Path(f"/proc/{daemon.pid}/maps").read_text()
        return {name for name in ("_pydantic_core", "cryptography") if name in libraries}

    with person.up() as daemon:
        person.froyo("wait", "--timeout", "60s")
        person.froyo("status")
        assert loaded(daemon) == set()
        person.froyo("reconcile")
        assert loaded(daemon) == {"_pydantic_core"}


def watched_over(person, path):
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(person.state / "froyo.sock"))
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_what_is_measured_is_as_prometheus_wants_it(person):
    with person.up("--metrics-listen", "127.0.0.1:0"):
        person.froyo("wait", "--timeout", "60s")
        assert watched_over(person, "/readyz") == (200, "ok")
        status, text = watched_over(person, "/metrics")
        assert status == 200
        assert 'froyo_resources{kind="File",ready="True",reason="Applied"} 1.0' in text
        assert 'froyo_target_connected{target="here"} 1.0' in text
        assert "/etc/motd" not in text  # what is managed is in no label
        assert "File/motd" not in text
        if shutil.which("promtool"):
            checked = subprocess.run(
                ["promtool", "check", "metrics"], input=text, text=True, check=False, capture_output=True
            )
            assert (checked.returncode, checked.stderr) == (0, "")
    nowhere = person.real("up", person.site, "--metrics-listen", "192.0.2.1:1", status=1)
    assert "cannot listen there" in nowhere.stderr


def test_a_suspension_holds_and_ends_over_the_socket(person):
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        motd = person.machine / "etc" / "motd"
        person.froyo("suspend", "File/motd", "--reason", "trying something")
        person.froyo("wait", "File/motd", "--for", "reason=Suspended", "--timeout", "30s")
        motd.write_text("mine\n")
        assert "1 instance not looked at, being suspended" in person.froyo("reconcile").stderr
        assert "Suspended" in person.froyo("reconcile", "--wait", status=1).stdout
        assert motd.read_text() == "mine\n"
        person.froyo("resume", "File/motd")
        person.until(lambda: motd.read_text() == "hello\n")
        assert (
            "nothing is known that matches"
            in person.froyo("suspend", "Nope", "--reason", "x", status=1).stderr
        )


def test_a_daemon_that_is_being_started_is_waited_for(person, monkeypatch):
    """`froyo up DIR & froyo wait` ended at once: no daemon listened yet."""
    monkeypatch.setattr("reconciler.cli.commands.wait.START", PATIENCE)
    # Through a link that is made once the daemon runs: that the other had begun before is certain then.
    late = person.base / "late"
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(person.froyo, "wait", "--state", late, "--timeout", "60s")
        with person.up():
            assert not waiting.done()
            late.symlink_to(person.state)
            assert waiting.result().stdout == "2 instances: ready\n"


def test_a_broken_file_shows_at_once_and_the_last_good_snapshot_stays_in_force(person):
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        person.write("bad.yaml", "kind: [\n")
        person.until(lambda: person.json("get", "sources")["items"][0]["problems"])
        assert "bad.yaml:1:" in person.froyo("status", status=1).stdout
        waited = person.froyo("wait", "--timeout", "1s", status=1)
        assert "not ready after 1s: 1 source\n" in waited.stderr
        assert "bad.yaml:1:" in waited.stdout
        assert person.froyo("wait", "File/motd", "--timeout", "60s").stdout == "1 instance: ready\n"
        diff = person.froyo("diff")
        assert "1 problem in" in diff.stderr
        assert "the last good one stays in force" in diff.stderr
        assert "bad.yaml:1:" in diff.stderr
        assert "nothing to do" in diff.stdout
        motd = person.machine / "etc" / "motd"
        motd.write_text("spoiled\n")
        person.until(lambda: motd.read_text() == "hello\n")
        (person.site / "bad.yaml").unlink()
        person.froyo("wait", "--timeout", "60s")
        person.froyo("status")


def test_a_directory_that_is_emptied_gives_nothing_up_and_shows_at_once(person):
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        for path in person.site.iterdir():
            path.rename(person.base / path.name)
        person.until(lambda: person.json("get", "sources")["items"][0]["problems"])
        status = person.froyo("status", status=1).stdout
        assert "declares nothing at all; the last good one stays in force" in status
        assert "is something not mounted?" in status
        assert "2 of 2 instances as declared" in status
        assert "declares nothing at all" in person.froyo("events", "--warnings", "--object", "Source/").stdout
        motd = person.machine / "etc" / "motd"
        motd.write_text("spoiled\n")
        person.until(lambda: motd.read_text() == "hello\n")
        for name in ("target.yaml", "files.yaml"):
            (person.base / name).rename(person.site / name)
        person.until(lambda: not person.json("get", "sources")["items"][0]["problems"])
        assert "Orphaned" not in {event["reason"] for event in person.json("events", "--all")["items"]}


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_whoever_follows_or_waits_is_told_when_the_daemon_goes_away(person, how):
    """Neither may hang, nor end as if all were well."""
    with person.up(ends=how):
        person.froyo("wait", "--timeout", "60s")
        commands = (("events", "-f"), ("events", "-f", "-o", "json"), ("wait", "--for", "stalled"))
        told = [
            subprocess.Popen(
                person.command(*command),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=person.environ,
            )
            for command in commands
        ]
        for follower in told[:2]:
            assert follower.stdout.readline()
        person.until(lambda: connections(person.state / ".froyo") == len(commands))
    for follower in told:
        _, error = follower.communicate(timeout=PATIENCE)
        assert follower.returncode == 1
        assert "froyo: the daemon has ended" in error
        assert "froyo status" in error
        assert "Traceback" not in error


def connections(path):
    """How many connections there are to a socket that was bound with that name, as the kernel counts them."""
    with open("/proc/net/unix") as table:
        return sum(line.split()[5] == "03" and line.split()[-1] == str(path) for line in table if "/" in line)


def test_waiting_is_for_what_is_declared_now_not_for_what_was(person):
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        revision = person.json("get", "sources")["items"][0]["revision"]
        files = (person.site / "files.yaml").read_text()
        (person.site / "files.yaml").write_text(files.replace("hello", "changed"))
        person.until(lambda: person.json("get", "sources")["items"][0]["revision"] != revision)
        person.froyo("wait", "--timeout", "60s")
        assert (person.machine / "etc" / "motd").read_text() == "changed\n"


def test_whoever_wants_the_store_too_is_told_who_has_it_and_what_to_do(person):
    with person.up() as daemon:
        person.froyo("wait", "--timeout", "60s")
        refused = person.froyo("apply", person.site, "-v", status=1).stderr
        assert f"a daemon runs here already (pid {daemon.pid}, since " in refused
        assert "froyo reconcile" in refused
        assert f"kill {daemon.pid}" in refused
        assert "UTC" not in refused


def test_a_daemon_that_is_stopped_is_named_and_nobody_waits_for_it(person, monkeypatch):
    monkeypatch.setattr("reconciler.api.client.ANSWER", 0.5)
    monkeypatch.setattr("reconciler.cli.commands.wait.LEAST", 0.5)
    with person.up() as daemon:
        person.froyo("wait", "--timeout", "60s")
        daemon.send_signal(signal.SIGSTOP)
        try:
            silent = f"the daemon (pid {daemon.pid}) does not answer: is it stopped, or its cgroup frozen?"
            todo = f"`kill -CONT {daemon.pid}` lets a stopped one go on"
            shown = person.froyo("status", status=1)
            assert f"{silent} {todo}" in shown.stderr
            assert f"This is what the store in {person.state} knows" in shown.stderr
            assert "2 of 2 instances as declared" in shown.stdout
            assert "no daemon runs" not in shown.stdout
            assert "File/motd" in person.froyo("get").stdout
            (check,) = [c for c in person.json("doctor", status=1)["items"] if c["name"] == "daemon"]
            assert check["level"] == "fail"
            assert todo in check["todo"]
            for command in (
                ("wait", "--timeout", "1s"),
                ("reconcile",),
                ("suspend", "File/motd", "--reason", "to see"),
                ("resume", "all"),
                ("diff",),
                ("up", person.site),
                ("apply", person.site, "-v"),
            ):
                assert silent in person.froyo(*command, status=1).stderr
        finally:
            daemon.send_signal(signal.SIGCONT)
        person.froyo("wait", "--timeout", "60s")


def test_events_are_followed_from_the_first_on(person):
    with person.up():
        follower = subprocess.Popen(
            person.command("events", "-f", "--all", "-o", "json"),
            stdout=subprocess.PIPE,
            text=True,
            env=person.environ,
        )
        seen = []

        def read():
            seen.extend(json.loads(line) for line in follower.stdout)

        reader = threading.Thread(target=read)
        reader.start()
        person.until(lambda: sum(event["reason"] == "Created" for event in seen) == 2)
        os.unlink(person.machine / "etc" / "motd")
        person.until(lambda: any(event["reason"] == "Repaired" for event in seen))
        ids = [event["id"] for event in seen]
        assert ids == list(range(1, len(ids) + 1))
    # It says so, and ends, when the daemon has.
    assert follower.wait(timeout=PATIENCE) == 1
    reader.join()
    follower.stdout.close()


def test_a_program_reads_each_event_in_a_line_and_when_it_reads_no_more_the_daemon_ends_in_order(person):
    daemon = subprocess.Popen(
        person.command("up", person.site, "-o", "json"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=person.environ,
        text=True,
    )
    try:
        reasons = {json.loads(daemon.stdout.readline())["reason"] for _ in range(4)}
        assert {"SourceReady", "Connected", "Created"} == reasons
        daemon.stdout.close()
        (person.machine / "etc" / "motd").write_text("spoiled\n")
        assert daemon.wait(timeout=PATIENCE) == 141
        assert "Traceback" not in daemon.stderr.read()
    finally:
        daemon.kill()
        daemon.wait()
        daemon.stderr.close()
    assert not (person.state / "froyo.sock").exists()


def test_a_daemon_whose_socket_is_taken_away_can_be_asked_again(person):
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        (person.state / "froyo.sock").unlink()
        person.until((person.state / "froyo.sock").exists)
        assert person.json("status")["live"]
        assert "the socket was removed or replaced" in person.log


@pytest.mark.parametrize("how", [shutil.rmtree, lambda path: path.rename(path.with_name("elsewhere"))])
def test_a_daemon_whose_state_directory_is_taken_away_says_so_and_ends(person, how):
    """It would go on, and a second one on the same path would start and work against it."""
    with person.up() as daemon:
        person.froyo("wait", "--timeout", "60s")
        how(person.state)
        assert daemon.wait(timeout=PATIENCE) == 1
        assert "removed, moved away or replaced" in person.log
        assert "Traceback" not in person.log
        daemon.returncode = 0  # as the end of the block expects it
    assert not (person.state / "froyo.db").exists()
