"""`froyo operator run` as a process, on a real API server: what is applied there is on the machine."""

import pytest

from tests.lab.pod import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

LOCAL = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: local, namespace: default}
spec: {local: {}}
"""
FILE = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: %s, namespace: default}
spec: {target: local, path: "%s", content: "%s", deletion: delete}
"""


def test_objects_are_kept_on_the_machine_and_a_wrong_one_holds_up_no_other(cluster, operator):
    one, two = operator / "one", operator / "two"

    def says(path, text):
        until(lambda: path.exists() and path.read_text() == text)

    cluster.kubectl("apply", "-f", "-", given=LOCAL + "---" + FILE % ("one", one, "hello"))
    says(one, "hello")
    cluster.kubectl("wait", "--for=condition=Ready", "file.linux.froyo.dev/one", "--timeout=60s")
    found = cluster.get("ffile", "one")
    assert found["status"]["observedGeneration"] == found["metadata"]["generation"]
    assert found["status"]["target"] == "local"
    one.write_text("spoiled")
    says(one, "hello")
    # It is wrong in what a schema cannot say: the version before counts, and the other is made.
    wrong = FILE % ("one", one, "${vars.nobody}")
    cluster.kubectl("apply", "-f", "-", given=wrong + "---" + FILE % ("two", two, "x"))
    says(two, "x")
    assert one.read_text() == "hello"
    assert "nobody" in (operator / "log").read_text()
    cluster.kubectl("apply", "-f", "-", given=FILE % ("one", one, "again"))
    says(one, "again")
    cluster.kubectl("delete", "ffile", "two")
    until(lambda: not two.exists())
