"""Somebody is told of what is wrong, by a real daemon and real receivers, whatever becomes of either."""

import contextlib
import http.server
import json
import signal
import threading
from pathlib import Path

import pytest

OBSERVED = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd, labels: {tier: web}}
spec: {target: here, path: "@/motd", content: "hello\\n", policy: observe}
"""
TOKEN = "t0ken-of-the-receiver"


class Receiver(http.server.ThreadingHTTPServer):
    """Takes what is posted, when it is let to."""

    def __init__(self, port=0):
        self.heard = []
        self.may = threading.Event()
        self.may.set()
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, *_args):
        """Whoever was posting is gone."""

    @property
    def told(self):
        return [(one["status"], one["object"].rpartition("/")[2], one["reason"]) for one in self.heard]


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(body)
        self.server.may.wait()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_args):
        """Says nothing."""


@contextlib.contextmanager
def receiving(port=0):
    server = Receiver(port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.may.set()
        server.shutdown()
        thread.join()
        server.server_close()


def secret(person, name, text):
    place = person.state / "secrets"
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_text(text)
    (place / name).chmod(0o600)


def declare(person, way, rest="", name="ops"):
    person.write(
        f"alert-{name}.yaml",
        f"apiVersion: froyo.dev/v1alpha1\nkind: Alert\nmetadata: {{name: {name}}}\nspec:\n  {way}\n{rest}",
    )


def hook(person, server):
    person.state.mkdir(mode=0o700, exist_ok=True)
    secret(person, "url", f"http://127.0.0.1:{server.server_port}/hooks/{TOKEN}")
    declare(person, "webhook: {urlFrom: {secret: {file: url}}}")


@pytest.fixture
def site(person):
    """One file that is only looked at."""
    person.write("files.yaml", OBSERVED)
    (person.machine / "motd").write_text("hello\n")
    (person.machine / "motd").chmod(0o644)
    return person


def test_trouble_is_told_once_and_that_it_is_over_by_every_way_out(site):
    motd = site.machine / "motd"
    page = site.state / "alerts" / "commands" / "page"
    page.parent.mkdir(parents=True)
    page.write_text(f"#!/bin/sh\ncat >> {site.base}/paged\n")
    page.chmod(0o755)
    declare(site, "file: {name: log.jsonl}", "  severity: info\n", name="log")
    declare(site, "command: {name: page}", "  match: [{kinds: [File], labels: {tier: web}}]\n", name="pager")
    with receiving() as server:
        hook(site, server)
        with site.up():
            site.froyo("wait", "--timeout", "60s")
            sent = site.json("alert", "test", "ops")
            assert [(one["id"], one["reason"]) for one in server.heard] == [(sent["id"], "Test")]
            server.heard.clear()
            motd.write_text("spoiled\n")
            site.until(lambda: server.told == [("firing", "motd", "Differs")])
            motd.write_text("spoiled again\n")
            motd.write_text("hello\n")
            site.until(lambda: len(server.told) == 2)
            assert server.told[1] == ("resolved", "motd", "InSync")
            # What does not evaluate is told, and where that is.
            site.write("more.yaml", "kind: [\n")
            site.until(lambda: len(server.told) == 3)
            assert server.told[2] == ("firing", "site", "PermanentError")
            assert "more.yaml:" in server.heard[2]["message"]
            (site.site / "more.yaml").unlink()
            site.until(lambda: len(server.told) == 4)
            assert server.told[3][0] == "resolved"
            assert len({one["id"] for one in server.heard}) == 4
            site.until(lambda: _sent(site, "ops") == 4)
            listed = {one["name"]: one for one in site.json("get", "alerts")["items"]}
            assert listed["ops"]["way"] == "webhook secret url (json)"
            assert "failing" not in site.froyo("get", "alerts").stdout
            site.until(lambda: _sent(site, "pager") == 2)
    paged = [json.loads(line) for line in (site.base / "paged").read_text().splitlines()]
    assert [(one["status"], one["reason"]) for one in paged] == [
        ("firing", "Differs"),
        ("resolved", "InSync"),
    ]
    log = [
        json.loads(line) for line in (site.state / "alerts" / "files" / "log.jsonl").read_text().splitlines()
    ]
    assert {"SourceReady", "Differs", "PermanentError"} <= {one["reason"] for one in log}
    # The store alone says what was.
    assert {one["name"]: one["sent"] for one in site.json("get", "alerts")["items"]}["ops"] == 4
    assert "alerts are sent by a daemon" in site.froyo("alert", "test", "ops", status=1).stderr


def _sent(person, name):
    return next(one["sent"] for one in person.json("get", "alerts")["items"] if one["name"] == name)


def test_what_was_sent_and_not_acknowledged_when_the_daemon_died_comes_again_with_its_id(site):
    """It is not known whether it was taken: the receiver may have acted on it, or have died as well."""
    motd = site.machine / "motd"
    with receiving() as server:
        hook(site, server)
        server.may.clear()
        with site.up(ends=signal.SIGKILL):
            site.froyo("wait", "--timeout", "60s")
            motd.write_text("spoiled\n")
            site.until(lambda: server.heard)
        server.may.set()
        [first] = server.heard
        # What becomes otherwise while nobody runs is told by the next daemon, after what it still has to tell.
        motd.write_text("hello\n")
        with site.up():
            site.until(lambda: len(server.heard) > 2)
            assert server.heard[1] == first
            assert server.told[2] == ("resolved", "motd", "InSync")
            site.until(lambda: _sent(site, "ops") == 2)


def test_a_receiver_that_is_away_is_told_later_and_meanwhile_that_is_said(site):
    motd = site.machine / "motd"
    with receiving() as server:
        port = server.server_port
        hook(site, server)
    with site.up():
        site.froyo("wait", "--timeout", "60s")
        motd.write_text("spoiled\n")
        site.until(lambda: "alert ops" in site.json("status", status=None)["problems"])
        said = site.json("status", status=1)["problems"]["alert ops"]
        assert "connection refused" in said
        assert f"127.0.0.1:{port}" in said
        assert "failing" in site.froyo("get", "alerts").stdout
        assert "connection refused" in site.froyo("alert", "test", "ops", status=1).stderr
        motd.write_text("hello\n")
        site.until(lambda: site.json("get", "alerts")["items"][0]["waiting"] == 2)
        with receiving(port) as server:
            site.until(lambda: len(server.told) == 2)
            assert [one[0] for one in server.told] == ["firing", "resolved"]
            site.until(lambda: not site.json("status", status=None)["problems"])
        # Whoever declares it no longer wants nothing told.
        (site.site / "alert-ops.yaml").unlink()
        site.until(lambda: not site.json("get", "alerts")["items"])
    assert TOKEN not in site.log
    kept = [path for path in site.state.rglob("*") if path.is_file() and path.parent.name != "secrets"]
    assert not [path for path in kept if TOKEN.encode() in Path(path).read_bytes()]
