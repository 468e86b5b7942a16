"""Which targets a resource is for may depend on what they are; where that is not known, nothing is concluded."""

from reconciler.config import load
from reconciler.model.facts import Facts
from tests.unit.config.world import CATALOG, loaded, problems, snapshot

TARGETS = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1, labels: {role: web}}
spec: {local: {}}
---
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: db-1, labels: {role: db}}
spec: {ssh: {host: db-1}}
"""
FILE = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: %s}
spec: {path: /%s, targets: %s}
"""
DEBIAN = Facts({"os": {"family": "debian", "major": 12}, "security": {"fips": True}})
ALPINE = Facts({"os": {"family": "alpine"}, "security": {"fips": False}})


def declared(facts, **files):
    written = {f"{name}.yaml": FILE % (name, name, targets) for name, targets in files.items()}
    return load(snapshot({"targets.yaml": TARGETS, **written}), CATALOG, facts=facts)


def test_the_targets_are_those_whose_facts_are_so():
    found = declared(
        {"web-1": DEBIAN, "db-1": ALPINE},
        a="{matchFacts: {os.family: debian, os.major: 12}}",
        b="{matchExpressions: [{fact: os.major, operator: Lt, values: ['13']}]}",
        c="{matchExpressions: [{fact: os.major, operator: DoesNotExist}]}",
        d="{matchLabels: {role: db}, matchFacts: {os.family: debian}}",
        e="{matchFacts: {security.fips: 'true'}, matchExpressions: [{key: role, operator: In, values: [web]}]}",
    )
    assert set(found.instances) == {"web-1/File/a", "web-1/File/b", "db-1/File/c", "web-1/File/e"}
    assert found.facts_read == {"os", "security"}
    assert not found.waiting
    assert [warning.partition(": ")[2] for warning in found.warnings] == [
        "File/d is for no target: none has these labels and facts"
    ]


def test_a_target_whose_facts_are_not_known_waits_with_all_that_is_declared_there():
    found = declared(
        {"web-1": DEBIAN}, a="{matchFacts: {os.family: debian}}", b="{}", c="{matchFacts: {os.family: none}}"
    )
    assert set(found.instances) == {"web-1/File/a", "web-1/File/b"}
    assert found.waiting == {"db-1"}
    assert set(found.graphs) == {"web-1"}
    assert set(found.targets) == {"web-1", "db-1"}
    [warning] = found.warnings
    assert warning == (
        "the facts of db-1 are not known yet, and what is declared there depends on them: nothing is touched or"
        " removed there until they are"
    )


def test_a_target_that_its_labels_leave_out_waits_for_nothing():
    found = declared(
        {"web-1": DEBIAN}, a="{matchLabels: {role: web}, matchFacts: {os.family: debian}}", b="{}"
    )
    assert set(found.instances) == {"web-1/File/a", "web-1/File/b", "db-1/File/b"}
    assert not found.waiting


def test_a_section_that_was_not_gathered_is_not_known():
    assert declared({"web-1": DEBIAN, "db-1": ALPINE}, a="{matchFacts: {cpu.arch: arm64}}").waiting == {
        "web-1",
        "db-1",
    }


def test_nothing_is_read_where_nobody_asks():
    found = declared({}, a="{}")
    assert (found.facts_read, found.waiting) == (frozenset(), frozenset())


def test_many_that_wait_are_counted():
    targets = "".join(
        f"apiVersion: froyo.dev/v1alpha1\nkind: Target\nmetadata: {{name: t{n}}}\nspec: {{ssh: {{host: t{n}}}}}\n---\n"
        for n in range(7)
    )
    [warning] = loaded({"t.yaml": targets, "a.yaml": FILE % ("a", "a", "{matchFacts: {os.id: x}}")}).warnings
    assert warning.startswith("the facts of t0, t1, t2, t3, t4 and 2 more are not known yet")


def test_what_is_wrong_with_a_selector_is_said_where_it_stands():
    def said(selector):
        found = problems({"targets.yaml": TARGETS, "a.yaml": FILE % ("a", "a", selector)})
        return [(one.message, one.hint) for one in found]

    [(message, hint)] = said("{matchFacts: {oss.family: debian}}")
    assert message.startswith("spec.targets.matchFacts.oss.family: there are no facts called 'oss'")
    assert hint == "did you mean 'os'?"
    [(message, _)] = said("{matchExpressions: [{fact: os..x, operator: Exists}]}")
    assert "names no fact" in message
    for wrong in ("{operator: Exists}", "{key: a, fact: os.id, operator: Exists}"):
        [(message, _)] = said(f"{{matchExpressions: [{wrong}]}}")
        assert message == "spec.targets.matchExpressions[0]: it is about a key or a fact, and one of them"
    [(message, _)] = said("{matchExpressions: [{key: role, operator: Gt, values: ['1']}]}")
    assert message == "spec.targets.matchExpressions[0].operator: Gt compares facts, and a label is text"
    [(message, _)] = said("{matchExpressions: [{fact: os.major, operator: Gt, values: [many]}]}")
    assert message == "spec.targets.matchExpressions[0]: Gt wants one whole number"


def test_what_is_certain_on_a_target_that_waits_is_checked_all_the_same():
    same = FILE % ("a", "same", "{}") + "---\n" + FILE % ("b", "same", "{}")
    waits = "---\n" + FILE % ("c", "c", "{matchFacts: {os.id: debian}}")
    [one] = problems({"targets.yaml": TARGETS, "a.yaml": same + waits})
    assert "/same" in one.message
