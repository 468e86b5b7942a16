"""What a target is decides what is declared there: by the commands, on this machine."""

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
    plan = person.froyo("plan", person.site, status=2)
    assert "+ File/ours" in plan.stdout
    assert "File/theirs is for no target: none has these labels and facts" in plan.stdout + plan.stderr
    assert not (person.machine / "ours").exists()
    person.froyo("apply", person.site)
    assert (person.machine / "ours").read_text() == "x"
    assert not (person.machine / "theirs").exists()
    assert "nothing to do" in person.real("apply", person.site).stdout
    assert "nothing to do" in person.froyo("apply", person.site, "-v").stdout
