"""Several namespaces, on a real API server: nobody reaches what is another one's, unless that is shared with him."""

import pytest

from tests.integration.cluster.conftest import running
from tests.lab.pod import until

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

TARGET = """
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: %s, namespace: %s}
spec: {local: {}%s}
"""
FILE = """
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: motd, namespace: %s}
spec: {target: "%s", path: "%s", content: "of %s for ${target.name}"}
"""


@pytest.fixture
def place(known, tmp_path):
    for name in ("infra", "web", "db"):
        known.kubectl("create", "namespace", name)
    with running(known.run("kubeconfig").strip(), tmp_path, "--trust", "infra", "--trust", "web"):
        yield tmp_path


def test_each_namespace_has_its_own_and_what_is_shared_with_it(known, place):
    def reason(kind, name, namespace, wanted, *words):
        def so():
            status = known.get(kind, name, "-n", namespace).get("status", {})
            ready = next((one for one in status.get("conditions", ()) if one["type"] == "Ready"), None)
            found = ready is not None and ready["reason"] in wanted
            return found and all(word in ready["message"] for word in words)

        until(so)

    objects = [
        TARGET % ("here", "infra", ", sharedWith: [web]"),
        FILE % ("infra", "here", place / "infra", "infra"),
        FILE % ("web", "infra:here", place / "web", "web"),
        # Nobody has shared it with this one, and it is not trusted with this machine.
        FILE % ("db", "infra:here", place / "db", "db"),
        TARGET % ("mine", "db", ""),
    ]
    known.kubectl("apply", "-f", "-", given="---".join(objects))
    for name in ("infra", "web"):
        until(lambda name=name: (place / name).exists())
        assert (place / name).read_text() == f"of {name} for here"
        known.kubectl("wait", "--for=condition=Ready", "file.linux/motd", "-n", name, "--timeout=60s")
    assert known.get("ffile", "motd", "-n", "web")["status"]["target"] == "infra:here"
    reason("ffile", "motd", "db", ["Invalid"], "there is no target infra:here")
    reason("ftarget", "mine", "db", ["Invalid"], "spec.local", "not for this namespace")
    until(lambda: known.get("ftarget", "here", "-n", "infra")["status"]["instances"]["total"] == 2)
    assert not (place / "db").exists()

    # It is shared no longer: what was good stays as it was, and is said to hang on nothing.
    known.kubectl("apply", "-f", "-", given=TARGET % ("here", "infra", ""))
    reason("ffile", "motd", "web", ["Invalid"], "there is no target infra:here")
    reason("ffile", "motd", "infra", ["Applied", "InSync"])

    # What another namespace has is not to be had, and who wants it is told; so is who waits because of that.
    theirs = (
        FILE % ("web", "infra:here", place / "infra", "web")
        + "---"
        + FILE.replace("motd", "late") % (*("web", "infra:here", place / "late", "web"),)
    )
    known.kubectl(
        "apply", "-f", "-", given=TARGET % ("here", "infra", ", sharedWith: [web]") + "---" + theirs
    )
    reason(
        "ffile",
        "motd",
        "web",
        ["Invalid"],
        "is declared by another source already: kubernetes:infra, File/motd",
    )
    reason("ffile", "late", "web", ["Pending"], "waits for others of its namespace", "File/web:motd")
    known.kubectl("delete", "ffile", "motd", "-n", "infra")
    for name in ("motd", "late"):
        known.kubectl("wait", "--for=condition=Ready", f"ffile/{name}", "-n", "web", "--timeout=60s")
    assert (place / "infra").read_text() == "of web for here"
