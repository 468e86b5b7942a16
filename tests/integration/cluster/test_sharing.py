"""Several operators that share the targets out, on a real API server and a real PostgreSQL."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.lab.pod import ROOT, until
from tests.postgresql.members import joined, owners_to_be

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.cluster,
    pytest.mark.postgresql,
    pytest.mark.xdist_group("cluster"),
]

NAMES = [f"t{number}" for number in range(6)]
TARGETS = "".join(
    f"apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {{name: {name}, namespace: default}}\n"
    "spec: {local: {}}\n---\n"
    for name in NAMES
)
MADE = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: made, namespace: default}
spec: {targets: {}, path: "%s/${target.name}", content: "%s", deletion: delete}
"""


@pytest.fixture
def operators(known, shared_server, tmp_path):
    """Starts one more operator; all are ended at the end."""
    place, kubeconfig = shared_server.place(), known.run("kubeconfig").strip()
    running, begun = [], []

    def run():
        directory = tmp_path / f"operator-{len(running)}"
        directory.mkdir()
        environ = {
            **os.environ,
            "KUBECONFIG": kubeconfig,
            "FROYO_STATE": str(directory),
            "FROYO_STORE": place,
            "FROYO_CACHE": str(ROOT / "build" / "provider-cache"),
        }
        words = [
            sys.executable,
            "-m",
            "reconciler.cli",
            "operator",
            "run",
            "--namespace",
            "default",
            "--share",
            "--prune-budget",
            "10",
        ]

        def start():
            with (directory / "log").open("a") as log:
                begun.append(subprocess.Popen(words, env=environ, stdout=log, stderr=log, cwd=ROOT))
            return begun[-1]

        running.append(joined(start, place, NAMES))
        return environ

    yield run, running
    for one in begun:
        one.send_signal(signal.SIGCONT)
        one.kill()
        one.wait()


def owners(environ):
    """The process that works on each target, where that is the one that is to."""
    words = [sys.executable, "-m", "reconciler.cli", "status", "-o", "json"]
    said = subprocess.run(words, env=environ, capture_output=True, text=True, cwd=ROOT, check=False).stdout
    listed = json.loads(said)["controllers"] if said else []
    found = {name: one["pid"] for one in listed for name in one["targets"]}
    return found if found == owners_to_be(environ["FROYO_STORE"], NAMES) else {}


def test_what_the_objects_say_is_done_by_all_and_told_by_the_one_that_leads(known, operators, tmp_path):
    run, running = operators
    made = tmp_path / "made"
    made.mkdir()
    made.chmod(0o755)
    known.kubectl("apply", "-f", "-", given=TARGETS + MADE % (made, "one"))

    def all_say(content):
        found = {path.name: path.read_text() for path in made.glob("t*")}  # beside what is being written
        return found == dict.fromkeys(NAMES, content)

    try:
        first = run()
        until(lambda: all_say("one"))
        second = run()
        until(lambda: {*owners(second).values()} == {one.pid for one in running})
        known.kubectl("apply", "-f", "-", given=MADE % (made, "two"))
        until(lambda: all_say("two"))
        known.kubectl("wait", "--for=condition=Ready", "file/made", "--timeout=60s")
        until(lambda: known.get("file", "made")["status"]["targets"]["ready"] == len(NAMES))
        assert owners(first) == owners(second)

        # Another one decides, writes the status, and lets go of what was deleted.
        running[0].kill()
        until(lambda: {*owners(second).values()} == {running[1].pid})
        known.kubectl("apply", "-f", "-", given=MADE % (made, "three"))
        until(lambda: all_say("three"))
        run()
        until(lambda: {*owners(second).values()} == {one.pid for one in running[1:]})
        known.kubectl("delete", "file/made", "--timeout=120s")
        until(lambda: not [*made.iterdir()])
        for one in running[1:]:
            one.terminate()
            assert one.wait(60) == 0
    finally:
        known.froyo("operator", "release", "--namespace", "default")
        known.kubectl("delete", "file,target", "--all", "--ignore-not-found", "--wait=false")
