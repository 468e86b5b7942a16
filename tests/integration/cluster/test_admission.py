"""What the API server takes and what it does not, with the operator's webhook: through its Service, as in a cluster."""

import base64
import json
import subprocess

import pytest

from tests.lab.control_plane import COMMAND
from tests.lab.pod import until
from watchers.kubernetes.certificates import AUTHORITY

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TARGET = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, namespace: default}
spec: {local: {}}
"""
FILE = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: %s, namespace: default}
spec: {target: here, path: %s, content: %s, require: %s}
"""
A = FILE % ("a", "/tmp/a", "x", "[]")
OTHERWISE = FILE % ("b", "/tmp/a", "other", "[]")


def told(given):
    """What is said of an object that is given to the API server, be it a warning or why it is not taken."""
    words = [str(COMMAND), "kubectl", "apply", "--dry-run=server", "-f", "-"]
    return subprocess.run(words, input=given, capture_output=True, text=True, check=False).stderr


def until_told(pod, given, *words):
    """Ask until it says so: what is not answered within four seconds is taken."""
    until(lambda: all(word in told(given) for word in words), pod)


def test_what_a_schema_cannot_say_is_refused_and_what_may_still_come_is_said(installed, asked):
    until_told(asked, A, "Warning", "there is no target here")
    installed.kubectl("apply", "-f", "-", given=TARGET + "---" + A)
    until_told(asked, OTHERWISE, 'admission webhook "objects.froyo.dev" denied the request', "/tmp/a")
    # Who is given another name has both for a while.
    until_told(asked, FILE % ("b", "/tmp/a", "x", "[]"), "Warning", "File/a says the same")
    # Each is right by itself, and they wait for each other.
    c = FILE % ("c", "/tmp/c", "x", "[File/d]")
    until_told(asked, c, "Warning", "there is no File/d")
    installed.kubectl("apply", "-f", "-", given=c)
    until_told(asked, FILE % ("d", "/tmp/d", "x", "[File/c]"), "denied the request", "File/c")
    assert asked.terminate() == 0


def test_without_an_operator_objects_are_taken_and_deleted(installed, asked):
    installed.kubectl("apply", "-f", "-", given=TARGET + "---" + A)
    assert asked.terminate() == 0
    installed.kubectl("apply", "-f", "-", given=OTHERWISE)
    installed.kubectl("delete", "ffile", "a", "b", "--timeout=60s")


def test_a_certificate_that_is_gone_is_made_anew_and_the_server_told(installed, asked):
    def kept():
        data = installed.get("secret", "froyo-webhook", "-n", "froyo-system").get("data") or {}
        return base64.b64decode(data.get(AUTHORITY, ""))

    before = kept()
    assert asked.terminate() == 0
    patch = json.dumps({"data": None})
    installed.kubectl("patch", "secret", "froyo-webhook", "-n", "froyo-system", "--type=merge", "-p", patch)
    again = asked.__class__(installed, asked.directory)
    try:
        until(lambda: kept() not in {b"", before}, again)
        installed.kubectl("apply", "-f", "-", given=TARGET + "---" + A)
        until_told(again, OTHERWISE, "denied the request")
    finally:
        again.terminate()
