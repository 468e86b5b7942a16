"""What a target is decides what is declared there: by the commands, on this machine."""

import json
import os
import platform

CHOSEN = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: ours}
spec:
  targets:
    matchFacts: {kernel.name: Linux}
    matchExpressions: [{fact: cpu.count, operator: Gt, values: ["0"]}]
  path: "@/ours"
  content: "x"
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: theirs}
spec: {targets: {matchFacts: {kernel.name: Plan9}}, path: "@/theirs", content: "x"}
"""


def test_a_target_is_asked_before_what_is_for_it_is_decided(person):
    person.write("files.yaml", CHOSEN)
    warned = person.froyo("validate", person.site)
    assert "the facts of here are not known yet" in warned.stdout + warned.stderr
    assert (
        "valid: 0 instances on 1 target, without those of 1 target whose facts are not known" in warned.stdout
    )
    drawn = person.froyo("graph", person.site)
    assert "what is declared for it depends on its facts, and they are not known yet" in drawn.stderr
    assert "nothing is declared" not in drawn.stdout + drawn.stderr
    plan = person.froyo("plan", person.site, status=2)
    assert "+ File/ours" in plan.stdout
    assert "File/theirs is for no target: none has these labels and facts" in plan.stdout + plan.stderr
    assert not (person.machine / "ours").exists()
    person.froyo("apply", person.site)
    assert (person.machine / "ours").read_text() == "x"
    assert not (person.machine / "theirs").exists()
    assert "valid: 1 instance on 1 target, revision" in person.froyo("validate", person.site).stdout
    drawn = person.froyo("graph", person.site)
    assert "File/ours" in drawn.stdout
    assert "left out" not in drawn.stderr
    assert "nothing to do" in person.real("apply", person.site).stdout
    assert "nothing to do" in person.froyo("apply", person.site, "-v").stdout


def test_facts_are_told_by_the_store_and_by_a_daemon_and_asked_for_anew(person):
    assert "nothing is known yet" in person.froyo("facts", "here", status=1).stderr
    person.froyo("apply", person.site)
    everything = person.json("facts", "here")["facts"]
    assert everything["kernel"]["release"] == platform.release()
    assert everything["users"]["root"]["uid"] == 0
    told = person.froyo("facts", "here", "kernel.release")
    assert told.stdout == platform.release() + "\n"
    assert "gathered " in told.stderr
    assert person.froyo("facts", "here", "security.fips", "-q").stdout in ("false\n", "true\n")
    assert person.froyo("facts", "here", "network", "-o", "yaml").stdout.startswith("apiVersion:")
    assert "did you mean 'here'?" in person.froyo("facts", "hree", status=1).stderr
    assert "did you mean 'release'?" in person.froyo("facts", "here", "kernel.relaese", status=1).stderr
    before = person.json("facts", "here", "os")["gatheredAt"]
    assert person.json("facts", "here", "os", "--refresh")["gatheredAt"] > before
    with person.up():
        person.until(lambda: person.froyo("facts", "here", "--refresh", status=None).returncode == 0)
        before = person.json("facts", "here", "os")["gatheredAt"]
        assert person.json("facts", "here", "os", "--refresh")["gatheredAt"] > before
        assert "no target is named" in person.froyo("facts", "away", "--refresh", status=1).stderr


def test_a_daemon_follows_what_a_target_is(person):
    chosen = CHOSEN.replace("{kernel.name: Linux}", f"{{kernel.release: {json.dumps(platform.release())}}}")
    person.write("files.yaml", chosen)
    with person.up():
        person.until((person.machine / "ours").exists)
        status = person.json("status")["sources"][0]["conditions"]
        person.until(lambda: "not known yet" not in json.dumps(person.json("status")["sources"]))
        assert status
        assert os.listdir(person.machine) == ["ours"]
