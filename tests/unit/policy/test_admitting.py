"""A snapshot that policies deny is an error at the place of what they deny."""

from dataclasses import replace

import pytest

from reconciler.app.catalogues import installed
from reconciler.app.places import places
from reconciler.config import load
from reconciler.errors import ConfigError
from reconciler.policy.admitting import NotAdmitted, admit
from tests.unit.policy.conftest import NOW, snapshot, written
from watchers.walk import walk

SITE = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: here, labels: {role: web}}
spec: {local: {}}
---
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata:
  name: motd
spec:
  target: here
  path: /etc/motd
  content: hello
  mode: "0666"
"""
RULES = """
package froyo.admission

deny contains {"msg": $"mode {object.spec.mode}", "ref": object.ref, "field": "spec.mode"} if {
	some object in input.objects
	object.spec.mode == "0666"
}

deny contains {"msg": "no local targets", "ref": object.ref} if {
	some object in input.objects
	object.kind == "Target"
	object.spec.transport == "local"
	object.metadata.labels.role != "web"
}

deny contains {"msg": "nothing by this name", "ref": "File/other"} if input.source.name == "/nowhere"

require_approval contains "somebody has to look" if count(input.objects) > 5

warn contains {"msg": $"{object.file}:{object.line} on {object.targets}", "ref": object.ref} if {
	some object in input.objects
	object.kind == "File"
}
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    return installed(places({"HOME": str(state)}, state=str(state)))[1]


@pytest.fixture
def admitted(shelf, catalog):
    def admitted(text=SITE, rules=RULES, source="/site", **files):
        shown = snapshot({"site.yaml": text, "policies/p.rego": rules, **files}, source)
        desired = load(shown, catalog)
        assert desired.policies is not None
        return admit(shelf, [desired.policies], shown, desired, now=NOW)

    return admitted


def test_a_denial_is_at_the_field_that_it_is_about(admitted):
    with pytest.raises(NotAdmitted) as refused:
        admitted()
    [problem] = refused.value.problems
    assert (problem.location, problem.message) == ("site.yaml:14:9", "denied by policy: mode 0666")
    assert problem.excerpt == '  mode: "0666"'
    [decision] = refused.value.decisions
    assert decision.id in problem.hint


def test_or_at_the_object(admitted):
    with pytest.raises(NotAdmitted) as refused:
        admitted(SITE.replace("0666", "0644").replace("web", "db"))
    [problem] = refused.value.problems
    assert (problem.location, problem.message) == ("site.yaml:1:1", "denied by policy: no local targets")


def test_or_at_the_source_where_it_is_about_nothing_that_is_there(admitted):
    with pytest.raises(NotAdmitted) as refused:
        admitted(SITE.replace("0666", "0644"), source="/nowhere")
    [problem] = refused.value.problems
    assert str(problem).startswith("/nowhere: File/other: denied by policy: nothing by this name")


def test_a_snapshot_cannot_be_approved_and_so_it_is_denied(admitted):
    more = "".join(
        f"---\n{SITE.split('---')[1].strip()}\n".replace("motd", f"f{n}").replace("0666", "0644")
        for n in range(5)
    )
    with pytest.raises(NotAdmitted, match="a snapshot is not approved: somebody has to look"):
        admitted(SITE.replace("0666", "0644") + more)


def test_a_warning_is_one_of_the_source(admitted):
    found = admitted(SITE.replace("0666", "0644"))
    assert found.desired.warnings == ('/site/site.yaml:6:1: a policy warns: site.yaml:6 on ["here"]',)
    assert [one.effect for one in found.decisions] == ["allow"]


def test_policies_that_are_wrong_admit_nothing_and_say_where(admitted):
    with pytest.raises(NotAdmitted) as refused:
        admitted(rules="package froyo.admission\ndeny contains x if some x in")
    assert [problem.location for problem in refused.value.problems] == ["policies/p.rego:2:27"]


def test_nor_do_those_that_do_not_come_to_an_answer(admitted):
    with pytest.raises(NotAdmitted, match="nothing is admitted, since the policies of"):
        admitted(rules="package froyo.admission\ndeny := true")


def test_where_there_are_none_everything_is_admitted(shelf, catalog):
    shown = snapshot({"site.yaml": SITE})
    desired = load(shown, catalog)
    assert desired.policies is None
    assert admit(shelf, [], shown, desired, now=NOW).desired is desired


def test_what_lies_beside_policies_is_no_manifest(catalog):
    files = {"site.yaml": SITE, "policies/p.rego": RULES, "policies/data.yaml": "a: 1\n"}
    desired = load(snapshot(files), catalog)
    assert sorted(desired.policies.files) == ["policies/data.yaml", "policies/p.rego"]
    del files["policies/p.rego"]
    with pytest.raises(ConfigError):
        load(snapshot(files), catalog)


def test_tests_alone_are_no_policies(catalog):
    desired = load(snapshot({"site.yaml": SITE, "policies/p_test.rego": "package x"}), catalog)
    assert desired.policies is None


def test_a_policy_that_could_not_be_read_is_an_error(catalog):
    shown = replace(snapshot({"site.yaml": SITE}), left_out={"policies/p.rego": "it is too large"})
    with pytest.raises(ConfigError, match="policies there cannot be read: it is too large"):
        load(shown, catalog)


@pytest.mark.parametrize("path", ["policies", "policies/of-all", "policies/of.all"])
@pytest.mark.parametrize("to", ["../rules", "nowhere"])
def test_a_link_to_policies_that_are_not_in_the_source_is_an_error(tmp_path, catalog, path, to):
    """They had been taken for none, and all that they forbid was allowed."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "p.rego").write_text(RULES)
    (tmp_path / "site" / "policies").mkdir(parents=True)
    (tmp_path / "site" / "docs").symlink_to(to)
    (tmp_path / "site" / "site.yaml").write_text(SITE)
    listing = walk(str(tmp_path / "site"))
    shown = replace(snapshot({"site.yaml": SITE}), left_out=listing.left_out)
    assert load(shown, catalog).policies is None
    if path == "policies":
        (tmp_path / "site" / "policies").rmdir()
    (tmp_path / "site" / path).symlink_to(f"../{to}" if "/" in path else to)
    with pytest.raises(ConfigError, match=f"{path}: policies there cannot be read: a symbolic link that"):
        load(replace(shown, left_out=walk(str(tmp_path / "site")).left_out), catalog)


@pytest.mark.parametrize("path", ["policies/p.rego", "policies", "policies/shared", "policies/shared.v2"])
def test_what_may_be_policies_and_could_not_be_read_is_an_error(catalog, path):
    shown = replace(snapshot({"site.yaml": SITE}), left_out={path: "a submodule, which is not fetched"})
    with pytest.raises(ConfigError, match="policies there cannot be read: a submodule"):
        load(shown, catalog)


@pytest.mark.parametrize("path", ["policies/.regal", "policiesx", "bodies/policies"])
def test_what_cannot_be_policies_may_be_left_out(catalog, path):
    shown = replace(
        snapshot({"site.yaml": SITE}), left_out={path: "a directory whose name begins with a dot"}
    )
    assert load(shown, catalog).policies is None


def test_rego_elsewhere_in_a_source_is_warned_of(catalog):
    files = {"site.yaml": SITE, "policy/p.rego": RULES, "policy/q.rego": RULES, "policies/p.rego": RULES}
    warned = load(snapshot(files), catalog).warnings
    assert warned == ("policy/p.rego decides nothing: policies of a source lie in policies/",)


def test_the_operators_policies_are_told_where_they_are(shelf, catalog):
    shown = snapshot({"site.yaml": SITE})
    rules = written(place="rules", p="package froyo.admission\ndeny contains x if some x in")
    for root, file in (("/rules", "/rules/p.rego"), ("", "/site")):
        with pytest.raises(NotAdmitted) as refused:
            admit(shelf, [replace(rules, root=root)], shown, load(shown, catalog), now=NOW)
        assert refused.value.problems[0].file == file


def test_nothing_secret_is_told_to_policies(shelf, catalog):
    rules = """
    package froyo.admission
    warn contains json.marshal(object.spec.body) if {
        some object in input.objects
        object.kind == "File"
    }
    """
    shown = snapshot({"site.yaml": SITE.replace("0666", "0600"), "policies/p.rego": rules})
    found = admit(shelf, [load(shown, catalog).policies], shown, load(shown, catalog), now=NOW)
    assert found.desired.warnings == ('a policy warns: "(sensitive)"',)
