"""What the API server takes and what it does not, with the operator's webhook: through its Service, as in a cluster."""

import base64
import json
import subprocess

import pytest

from tests.lab.control_plane import COMMAND, ClusterError
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
spec: {target: %s, path: %s, content: x, require: %s}
"""


def refused(cluster, given):
    """Why the API server does not take it."""
    with pytest.raises(ClusterError) as error:
        cluster.kubectl("apply", "-f", "-", given=given)
    return str(error.value)


def warned(cluster, given):
    """What is said of what it takes."""
    done = subprocess.run(
        [str(COMMAND), "kubectl", "apply", "-f", "-"], input=given, capture_output=True, text=True, check=True
    )
    return done.stderr


# What is not answered within four seconds is taken.
@pytest.mark.e2e
def test_what_a_schema_cannot_say_is_refused_and_what_may_still_come_is_said(installed, asked):
    assert "there is no target here" in warned(installed, FILE % ("a", "here", "/tmp/a", "[]"))
    assert "Warning" not in warned(installed, TARGET)
    said = refused(installed, FILE % ("b", "here", "/tmp/a", "[]"))
    assert 'admission webhook "objects.froyo.dev" denied the request' in said
    assert "/tmp/a" in said
    # Each is right by itself, and they wait for each other.
    assert "there is no File/d" in warned(installed, FILE % ("c", "here", "/tmp/c", "[File/d]"))
    assert "File/c" in refused(installed, FILE % ("d", "here", "/tmp/d", "[File/c]"))
    installed.kubectl("delete", "ffile", "a", "c")
    assert asked.terminate() == 0


def test_without_an_operator_objects_are_taken_and_deleted(installed, asked):
    installed.kubectl("apply", "-f", "-", given=TARGET + "---" + FILE % ("a", "here", "/tmp/a", "[]"))
    assert asked.terminate() == 0
    installed.kubectl("apply", "-f", "-", given=FILE % ("b", "here", "/tmp/a", "[]"))
    installed.kubectl("delete", "ffile", "a", "b", "--timeout=60s")


@pytest.mark.e2e
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
        installed.kubectl("apply", "-f", "-", given=TARGET + "---" + FILE % ("a", "here", "/tmp/a", "[]"))
        until(lambda: again.probe("readinessProbe")[0] == 200, again)
        until(lambda: _denied(installed), again)
    finally:
        again.terminate()


def _denied(cluster):
    try:
        cluster.kubectl("apply", "--dry-run=server", "-f", "-", given=FILE % ("b", "here", "/tmp/a", "[]"))
    except ClusterError as error:
        return "denied the request" in str(error)
    return False
