"""A directory of the source is kept as a whole by one Directory."""

import os
import subprocess

import pytest

TREE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: Directory
metadata: {name: web}
spec: {target: here, path: "@/web", source: bodies/web/, deletion: delete, except: [uploads]}
"""


def _body(person, name, content, mode=0o644):
    path = person.site / "bodies" / "web" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(mode)


def test_a_tree_is_kept_as_the_source_has_it(person):
    person.write("web.yaml", TREE)
    _body(person, "index.html", "<p>\n")
    _body(person, "bin/run", "#!/bin/sh\n", 0o755)
    _body(person, "pods/pod.yaml", "kind: {{ no manifest\n")
    assert "3 created" in person.froyo("apply", person.site).stdout
    web = person.machine / "web"
    assert (web / "pods" / "pod.yaml").read_text() == "kind: {{ no manifest\n"
    assert (web / "bin" / "run").stat().st_mode & 0o777 == 0o755

    (web / "index.html").write_text("spoiled\n")
    (web / "uploads").mkdir()
    (web / "bin" / "run").chmod(0o644)
    plan = person.froyo("plan", person.site, status=2).stdout
    assert "-spoiled" in plan
    assert "0644 → 0755" in plan
    assert "repaired" in person.froyo("apply", person.site).stdout
    assert (web / "index.html").read_text() == "<p>\n"
    assert person.froyo("apply", person.site).stdout.startswith("nothing to do")

    described = person.froyo("describe", "here/Directory/web", "-o", "json").stdout
    assert '"tree":{"files":3,"size":35}' in described.replace(" ", "").replace("\n", "")


def test_what_is_private_in_a_tree_is_said_to_differ_and_nothing_else(person):
    person.write("web.yaml", TREE.replace("except", 'recursive: {fileMode: "0600"}, except'))
    _body(person, "key", "a-secret\n")
    said = person.froyo("plan", person.site, status=2).stdout
    said += person.froyo("apply", person.site).stdout
    (person.machine / "web" / "key").write_text("another-secret\n")
    said += person.froyo("plan", person.site, status=2).stdout + person.froyo("apply", person.site).stdout
    said += person.froyo("history", "-v").stdout + person.froyo("events", "-o", "json").stdout
    assert "entries[key].content" in said
    assert "secret" not in said


def test_a_tree_that_is_declared_no_longer_goes_unless_somebody_else_has_something_in_it(person):
    person.write("web.yaml", TREE)
    _body(person, "index.html", "<p>\n")
    person.froyo("apply", person.site)
    (person.machine / "web" / "uploads").mkdir()
    (person.site / "web.yaml").unlink()
    assert "is not empty (uploads)" in person.froyo("apply", person.site, status=1).stdout
    assert (person.machine / "web" / "index.html").exists()
    (person.machine / "web" / "uploads").rmdir()
    person.froyo("apply", person.site)
    assert not (person.machine / "web").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_what_is_mounted_in_a_tree_is_told_and_not_taken_for_declared(person):
    """A directory of which a part had never been looked at was called as declared."""
    person.write("web.yaml", TREE)
    _body(person, "index.html", "<p>\n")
    _body(person, "data/table", "1\n")
    person.froyo("apply", person.site)
    mounted = person.machine / "web" / "data"
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        said = "left alone, since another file system or subvolume begins there: data"
        assert said in person.froyo("plan", person.site).stdout
        person.froyo("apply", person.site)
        assert said in person.froyo("describe", "here/Directory/web").stdout
        assert not list(mounted.iterdir())
    finally:
        subprocess.run(["umount", mounted], check=True)
    assert "left alone" not in person.froyo("plan", person.site).stdout
    person.froyo("apply", person.site)
    assert "left alone" not in person.froyo("describe", "here/Directory/web").stdout


def test_what_is_lost_when_a_tree_is_taken_over_is_said_before_and_after(person):
    person.write("web.yaml", TREE.replace("except", "purge: true, except"))
    _body(person, "index.html", "<p>\n")
    web = person.machine / "web"
    for name in ("index.html", "old/a", "old/b", "uploads/c"):
        (web / name).parent.mkdir(parents=True, exist_ok=True)
        (web / name).write_text("theirs\n")
    said = "what is in 3 files that it replaces or removes is not kept"
    assert said in person.froyo("plan", person.site, status=2).stdout
    person.froyo("apply", person.site)
    assert said in " ".join(person.froyo("events", "--warnings").stdout.split())
    assert (web / "uploads" / "c").exists()
    (web / "stray").symlink_to("nowhere")
    assert "is not kept" not in person.froyo("plan", person.site, status=2).stdout
