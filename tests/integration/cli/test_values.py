"""Values per host, by the commands, on this machine."""

import platform

VARS = """\
apiVersion: froyo.dev/v1alpha1
kind: Vars
metadata: {name: all}
spec: {targets: {}, values: {port: %s, word: canary-4711}}
"""
FILES = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: site}
spec:
  target: here
  path: "@/${target.labels.role}.conf"
  template: true
  content: |
    listen {{ vars.port }}
    # {{ facts.kernel.release }}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: plain}
spec: {target: here, path: "@/plain", content: "plain"}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: secret}
spec: {target: here, path: "@/secret", mode: "0600", content: "${vars.word}"}
"""


def test_what_a_value_stands_for_is_planned_shown_applied_and_changed(person):
    person.write("files.yaml", FILES)
    person.write("vars.yaml", VARS % 80)
    plan = person.froyo("plan", person.site, "-v", status=2).stdout
    assert "+listen 80" in plan
    assert f"path     {person.machine}/test.conf  ← target.labels.role = test" in plan
    assert "vars.port = 80 (" in plan
    assert "vars.yaml:1)" in plan
    person.froyo("apply", person.site)
    assert (person.machine / "test.conf").read_text() == f"listen 80\n# {platform.release()}\n"
    assert (person.machine / "secret").read_text() == "canary-4711"
    assert "nothing to do" in person.real("apply", person.site).stdout

    person.write("vars.yaml", VARS % 8080)
    [changed] = [
        unit for unit in person.json("plan", person.site, status=2)["items"][0]["units"] if unit["diffs"]
    ]
    assert (changed["address"], changed["cause"]) == ("here/File/site", "spec")
    [*_, body] = changed["rendered"]
    assert [read["name"] for read in body["reads"]] == ["vars.port", "facts.kernel.release"]
    with person.up():
        person.until(lambda: "8080" in (person.machine / "test.conf").read_text())
        described = person.froyo("describe", "here/File/site").stdout
        assert "vars.port = 8080" in described
        told = "".join(
            person.froyo(*words).stdout
            for words in (("describe", "here/File/secret"), ("events",), ("get", "-o", "json"))
        )
        assert "canary" not in told
    assert "canary" not in person.froyo("plan", person.site, "-v").stdout


def test_what_is_wrong_is_said_with_its_place_and_nothing_is_touched(person):
    person.write("files.yaml", FILES.replace("vars.port", "vars.prot"))
    person.write("vars.yaml", VARS % 80)
    said = person.froyo("apply", person.site, status=1).stderr
    assert "files.yaml:9:20: vars.prot is not defined, on here" in said
    assert "did you mean 'port'?" in said
    assert not (person.machine / "test.conf").exists()
