"""Probes by the commands, of a server on this machine: what a person sees."""

import http.server
import shutil
import threading
from contextlib import contextmanager

import pytest

from tests.integration.cli.conftest import REPOSITORY

PROBED = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: page}
spec: {target: here, path: "@/index.html", content: "hello\\n"}
---
apiVersion: probe.froyo.dev/v1alpha1
kind: TcpProbe
metadata: {name: port}
spec: {target: here, address: "127.0.0.1:PORT", from: target, require: [File/page], within: 1, interval: 1s}
---
apiVersion: probe.froyo.dev/v1alpha1
kind: HttpProbe
metadata: {name: page}
spec:
  target: here
  url: http://127.0.0.1:PORT/index.html
  require: [TcpProbe/port]
  contains: [hello]
  within: 1
  retries: 1
  interval: 1s
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: after}
spec: {target: here, path: "@/after", content: "after\\n", require: [HttpProbe/page]}
"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


class Site:
    """A directory that is served, or is not, on a port of its own."""

    def __init__(self, directory):
        self.directory = directory
        with self.served() as self.port:
            pass

    @contextmanager
    def served(self):
        def handler(*args):
            return Quiet(*args, directory=str(self.directory))

        port = getattr(self, "port", 0)
        with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield server.server_port
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture
def site(person):
    served = Site(person.machine)
    person.write("files.yaml", PROBED.replace("PORT", str(served.port)))
    return served


def test_what_is_served_is_in_sync_and_what_is_not_holds_up_what_comes_after_it(person, site):
    plan = person.froyo("plan", person.site, status=2).stdout
    assert "would fail" not in plan  # the page may be what makes it be served
    assert "answer  no_connection → an answer" in plan
    failed = person.froyo("apply", person.site, status=1).stdout
    assert f"✘ TcpProbe/port  127.0.0.1:{site.port}, from the target: connection refused" in failed
    assert "✘ HttpProbe/page  waits for here/TcpProbe/port, which is not ready" in failed
    assert not (person.machine / "after").exists()
    with site.served():
        assert "1 created, 3 as declared before" in person.froyo("apply", person.site).stdout
        assert (person.machine / "after").exists()
        assert "nothing to do: 4 instances" in person.froyo("apply", person.site).stdout
    # There is no short way past a probe.
    assert "connection refused" in person.froyo("apply", person.site, status=1).stdout
    reasons = [one["reason"] for one in person.json("events", "--object", "here/TcpProbe/port")["items"]]
    assert sorted(reasons) == ["Recovered", "Unhealthy", "Unhealthy"]


def test_a_daemon_tells_once_that_it_is_not_well_and_once_that_it_is(person, site):
    def told():
        return [one["reason"] for one in person.json("events", "--object", "here/HttpProbe/page")["items"]]

    with person.up():
        with site.served():
            assert person.froyo("wait", "--timeout", "60s").stdout == "4 instances: ready\n"
            (person.machine / "after").unlink()
            person.until((person.machine / "after").exists)
        person.until(lambda: "Unhealthy" in told())
        shown = person.json("get", "HttpProbe/page")["items"][0]
        assert (shown["ready"], shown["reason"]) == ("False", "Unhealthy")
        with site.served():
            person.until(lambda: "Recovered" in told())
        assert sorted(told()) == ["Recovered", "Unhealthy"]


def test_a_revision_after_which_a_probe_is_not_well_is_rolled_back(person, site):
    good = (person.site / "files.yaml").read_text()
    with site.served(), person.up("--rollback-within", "1m"):
        assert person.froyo("wait", "--timeout", "60s").stdout == "4 instances: ready\n"
        person.write("files.yaml", good.replace('content: "hello\\n"', 'content: "broken\\n"'))
        person.until(lambda: person.json("events", "--reason", "RolledBack")["items"])
        page = person.machine / "index.html"
        person.until(lambda: page.read_text() == "hello\n")
        [event] = person.json("events", "--reason", "RolledBack")["items"]
        assert "by froyo until a person ends that: HttpProbe/page was not well after" in event["message"]
        assert person.froyo("wait", "--timeout", "60s").stdout == "4 instances: ready\n"
        # It is for a person to try again.
        assert "ended" in person.froyo("rollback", "--end").stdout
        person.until(lambda: page.read_text() == "broken\n")
    usage = person.froyo("up", person.site, "--rollback-within", "soon", status=1).stderr
    assert "soon" in usage


def test_an_operator_narrows_what_is_asked(person, site):
    person.state.mkdir(mode=0o700)
    grants = '{"probe.http": [{"call": "http.get", "subjects": ["url:https://*.example.com/*"]}]}'
    (person.state / "grants.json").write_text(grants)
    with site.served():
        failed = person.froyo("apply", person.site, status=1).stdout
    assert f"the operator does not grant http.get of url:http://127.0.0.1:{site.port}/index.html" in failed
    assert "grant it to the package in grants.json" in failed


def test_the_example_is_as_its_readme_says(person):
    example = person.base / "probes"
    shutil.copytree(REPOSITORY / "examples" / "probes", example)
    served = Site(person.machine / "www")
    manifest = example / "site.yaml"
    text = (
        manifest.read_text()
        .replace("/tmp/froyo-probes", str(person.machine))
        .replace("8089", str(served.port))
    )
    manifest.write_text(text.replace("within: 10", "within: 1"))
    assert "1 failed, 2 waiting" in person.froyo("apply", example, status=1).stdout
    with served.served():
        assert "1 created, 5 as declared before" in person.froyo("apply", example).stdout
        assert "nothing to do: 6 instances" in person.froyo("apply", example).stdout
    assert (person.machine / "announced").read_text() == "it is served\n"
