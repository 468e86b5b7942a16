"""Two operators, of which one works, on a real API server: the other goes on when that one is killed or ends."""

import json
import signal

import pytest

from tests.lab.pod import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

LOCAL = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, namespace: default}
spec: {local: {}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: made, namespace: default}
spec: {target: here, path: /tmp/made, content: "%s"}
"""


def says(pod):
    path = pod.directory / f"{pod.name}.tmp" / "made"
    return path.read_text() if path.exists() else None


def leads(cluster, pod):
    said = cluster.kubectl(
        "get", "lease", "froyo-operator", "-n", "froyo-system", "-o", "json", "--ignore-not-found"
    )
    return bool(said.strip()) and (json.loads(said)["spec"].get("holderIdentity") or "").startswith(
        pod.name + "_"
    )


@pytest.fixture
def two(installed, pods):
    return both(installed, pods, "ha")


@pytest.fixture
def two_apart(installed, pods, own_server):
    """Each with a state directory of its own, and a store on a server."""
    own_server.ask("CREATE ROLE ops LOGIN PASSWORD 'hunter2'; CREATE SCHEMA ops AUTHORIZATION ops")
    own_server.ask("GRANT guarded TO ops")
    address = f"postgresql://ops@127.0.0.1:{own_server.port}/froyo"
    given = [
        f"--from-literal={key}={value}" for key, value in (("address", address), ("password", "hunter2"))
    ]
    given.append(f"--from-literal=secrets.key={'k' * 32}")
    installed.kubectl("create", "secret", "generic", "froyo-store", "-n", "froyo-system", *given)
    return both(installed, pods, "ha-postgresql")


def both(installed, pods, overlay):
    installed.install(overlay)
    installed.kubectl("apply", "-f", "-", given=LOCAL % "one")

    def run(name, other):
        # Both have this machine's network: what the second listens on is elsewhere.
        found = installed.get("deployment", "froyo-operator", "-n", "froyo-system")
        [container] = found["spec"]["template"]["spec"]["containers"]
        args = [one.replace(":9", ":1" if other else ":9") for one in container["args"]]
        return pods(name=name, instead=args)

    first = run("froyo-operator-a", other=False)
    until(lambda: says(first) == "one", first)
    second = run("froyo-operator-b", other=True)
    return first, second


def test_the_next_goes_on_when_the_one_that_works_is_killed(installed, two):
    first, second = two
    assert leads(installed, first)
    first.kill()
    until(lambda: leads(installed, second), second)
    installed.kubectl("apply", "-f", "-", given=LOCAL % "two")
    until(lambda: says(second) == "two", second)
    assert second.terminate() == 0


@pytest.mark.e2e
def test_the_next_goes_on_from_another_node_where_the_store_is_on_a_server(installed, two_apart):
    first, second = two_apart
    assert leads(installed, first)
    first.kill()
    until(lambda: leads(installed, second), second)
    installed.kubectl("apply", "-f", "-", given=LOCAL % "two")
    until(lambda: says(second) == "two", second)
    assert "hunter2" not in first.text + second.text
    # What the other one had put on record is known.
    assert second.froyo("history").count("here") > 1
    assert second.terminate() == 0


@pytest.mark.e2e
def test_the_next_goes_on_when_the_one_that_works_has_ended(installed, two):
    first, second = two
    assert first.terminate() == 0
    until(lambda: leads(installed, second), second)
    installed.kubectl("apply", "-f", "-", given=LOCAL % "two")
    until(lambda: says(second) == "two", second)
    # One that waits is told to end, and does.
    assert second.terminate() == 0


@pytest.mark.e2e
def test_one_that_was_stopped_for_long_and_comes_back_works_no_more(installed, two):
    first, second = two
    first.signal(signal.SIGSTOP)
    until(lambda: leads(installed, second) or second.ended)
    # The store is the first one's as long as it lives, so the second works on nothing.
    until(lambda: second.ended)
    assert says(second) is None
    first.signal(signal.SIGCONT)
    until(lambda: first.ended)
    assert "another operator goes on" in first.text
