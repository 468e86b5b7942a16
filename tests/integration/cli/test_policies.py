"""Policies, by the real commands and a real daemon: what they deny is not there afterwards."""

import json
import secrets
import shutil
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "policies"
RULES = """\
package froyo.plan

deny contains {"msg": $"{change.subject} would be writable for everybody", "address": change.address} if {
	some change in input.changes
	change.spec.mode == "0666"
}

require_approval contains {"msg": "ada wants to see it", "address": change.address} if {
	some change in input.changes
	change.metadata.labels.tier == "web"
}
"""
FORBIDDEN = """\
apiVersion: linux.froyo.dev/v1alpha1
kind: File
metadata: {name: open}
spec: {target: here, path: "@/open", content: "x\\n", mode: "0666", deletion: delete}
"""


@pytest.fixture
def ruled(person):
    """Somebody with policies beside their manifests."""
    (person.site / "policies").mkdir()
    person.write("policies/rules.rego", RULES)
    return person


def reasons(person):
    return {one["name"]: one["reason"] for one in person.json("get")["items"]}


def test_what_is_denied_is_left_and_said_and_the_rest_is_done(ruled):
    ruled.write("open.yaml", FORBIDDEN)
    said = ruled.froyo("plan", ruled.site, status=1).stdout
    assert f"held: denied by policy: path:{ruled.machine}/open would be writable for everybody" in said
    assert "a policy wants it approved: ada wants to see it" in said
    assert "2 held (1 denied by policy)" in said
    assert list(ruled.machine.iterdir()) == []

    done = ruled.froyo("apply", ruled.site, status=1)
    assert "denied by policy" in done.stdout
    assert sorted(path.name for path in ruled.machine.iterdir()) == ["etc"]
    assert reasons(ruled) == {"etc": "Applied", "motd": "PolicyHeld", "open": "PolicyDenied"}
    [event] = ruled.json("events", "--reason", "PolicyDenied")["items"]
    [decision] = event["data"]["decisions"]
    audited = {
        one["data"]["id"]: one for one in ruled.json("audit")["items"] if one["action"].startswith("policy.")
    }
    assert audited[decision]["action"] == "policy.deny"
    assert audited[decision]["object"] == "here"

    refused = ruled.froyo("approve", "here/File/open", "--reason", "seen", status=1).stderr
    assert "here/File/open: " in refused
    assert "denied by policy: " in refused
    assert "for nobody to approve" in refused
    assert "approved here/File/motd" in ruled.froyo("approve", "here/File/motd", "--reason", "seen").stdout
    ruled.froyo("apply", ruled.site, status=1)
    assert (ruled.machine / "etc" / "motd").read_text() == "hello\n"
    assert not (ruled.machine / "open").exists()


def test_a_saved_plan_has_the_decisions_and_is_decided_about_again(ruled):
    ruled.write("files.yaml", FORBIDDEN.replace("0666", "0644"))
    kept = ruled.base / "next.plan"
    ruled.froyo("plan", ruled.site, "--out", kept, status=2)
    [decision] = json.loads(kept.read_text())["plans"][0]["decisions"]
    assert decision["effect"] == "allow"
    assert decision["input"]["changes"][0]["spec"]["mode"] == "0644"
    ruled.write("policies/rules.rego", 'package froyo.plan\ndeny contains "not today"')
    done = ruled.froyo("apply", "--plan", kept, status=1)
    assert "denied by policy: not today" in done.stdout
    assert not (ruled.machine / "open").exists()


def test_what_nobody_declares_any_more_is_governed_too(ruled):
    ruled.write("files.yaml", FORBIDDEN.replace("0666", "0644"))
    ruled.froyo("apply", ruled.site)
    ruled.write(
        "policies/rules.rego", 'package froyo.plan\ndeny contains "it stays" if input.changes[_].removal'
    )
    (ruled.site / "files.yaml").unlink()
    assert "denied by policy: it stays" in ruled.froyo("apply", ruled.site, status=1).stdout
    assert (ruled.machine / "open").exists()


def test_admission_keeps_a_snapshot_out_at_its_line(ruled):
    ruled.write(
        "policies/objects.rego",
        'package froyo.admission\ndeny contains {"msg": "too open", "ref": o.ref, "field": "spec.mode"} if {\n'
        '\tsome o in input.objects\n\to.spec.mode == "0666"\n}\n',
    )
    assert ruled.json("validate", ruled.site)["valid"]
    ruled.write("open.yaml", FORBIDDEN)
    [problem] = ruled.json("validate", ruled.site, status=1)["problems"]
    assert (problem["file"], problem["line"], problem["message"]) == (
        "open.yaml",
        4,
        "denied by policy: too open",
    )
    for command in ("plan", "apply"):
        assert "site/open.yaml:4:" in ruled.froyo(command, ruled.site, status=1).stderr
    assert list(ruled.machine.iterdir()) == []


def test_the_operators_policies_have_their_say_about_everything(person):
    rules = person.base / "rules"
    rules.mkdir()
    (rules / "all.rego").write_text('package froyo.plan\ndeny contains "the operator says no"')
    said = person.real("plan", person.site, "--policies", rules, status=1).stdout
    assert "the operator says no" in said
    assert person.froyo("plan", person.site, status=2)
    # What lies in the state directory has no need to be named.
    shutil.copytree(rules, person.state / "policies")
    assert "the operator says no" in person.froyo("apply", person.site, status=1).stdout
    assert list(person.machine.iterdir()) == []


@pytest.mark.parametrize("made", [False, True])
def test_those_that_are_named_and_cannot_be_had_deny(person, made):
    rules = person.base / "rules"
    if made:
        rules.mkdir()
    said = person.froyo("validate", person.site, FROYO_POLICIES=str(rules), status=1).stdout
    assert "nothing is admitted, since the policies of" in said
    person.froyo("apply", person.site, FROYO_POLICIES=str(rules), status=1)
    assert list(person.machine.iterdir()) == []


def test_those_that_others_can_write_are_none(person):
    rules = person.base / "rules"
    rules.mkdir()
    (rules / "all.rego").write_text('package froyo.plan\nwarn contains "x"')
    rules.chmod(0o777)
    assert person.froyo("apply", person.site, FROYO_POLICIES=str(rules), status=1)
    assert list(person.machine.iterdir()) == []


def test_no_secret_is_told_to_policies_or_by_them(ruled):
    value = secrets.token_hex(16)
    (ruled.state / "secrets").mkdir(parents=True)
    ruled.state.chmod(0o700)
    kept = ruled.state / "secrets" / "token"
    kept.write_text(value)
    kept.chmod(0o600)
    ruled.write(
        "vars.yaml",
        "apiVersion: froyo.dev/v1alpha1\nkind: Vars\nmetadata: {name: v}\n"
        "spec: {targets: {}, values: {token: {secret: {file: token}}}}\n",
    )
    ruled.write("files.yaml", FORBIDDEN.replace('"x\\n"', '"${vars.token}\\n"').replace("0666", "0644"))
    ruled.write(
        "policies/rules.rego",
        "package froyo.plan\ndeny contains substring(text, at - 100, 400) if {\n"
        '\ttext := json.marshal(input.changes)\n\tat := indexof(text, "content")\n}\nwarn contains json.marshal(input)',
    )
    said = ruled.froyo("plan", ruled.site, "-o", "json", status=None).stdout
    said += ruled.froyo("apply", ruled.site, status=None).stdout + ruled.froyo("audit", "-o", "json").stdout
    assert '"effect": "deny"' in said or '"effect":"deny"' in said or "allow" in said
    assert value not in said
    (kept.parent).joinpath("token").unlink()
    for path in (one for one in ruled.base.rglob("*") if one.is_file()):
        if path.is_relative_to(ruled.machine):
            continue
        assert value.encode() not in path.read_bytes(), path


def test_policies_are_tried_without_any_target(ruled):
    rules = ruled.site / "policies"
    found = ruled.json("policy", "check", ruled.site)
    assert (found["modules"], found["stages"]) == (1, ["plan"])
    recorded = ruled.froyo("plan", ruled.site, "-o", "json", status=2).stdout
    (rules / "now.plan.json").write_text(recorded)
    assert "1 test passed" in ruled.froyo("policy", "test", ruled.site).stdout
    ruled.write("policies/rules.rego", RULES.replace("ada wants", "grace wants"))
    said = ruled.froyo("policy", "test", ruled.site, status=1).stdout
    assert "requireApproval: more than expected: grace wants to see it (here/File/motd)" in said
    assert "requireApproval: expected, and not said: ada wants to see it (here/File/motd)" in said
    (rules / "now.plan.json").write_text('{"kind": "PlanList", "items": []}')
    assert "has no decisions" in ruled.froyo("policy", "test", ruled.site, status=1).stdout
    (rules / "now.plan.json").write_text("[]")
    assert "is no recorded plan" in ruled.froyo("policy", "test", ruled.site, status=1).stdout
    (rules / "now.plan.json").unlink()
    ruled.write("policies/rules_test.rego", 'package x\ntest_no if { print("hm"); 1 == 2 }\ntest_yes if true')
    said = ruled.froyo("policy", "test", ruled.site, status=1).stdout
    assert "✘ x.test_no" in said
    assert "printed: hm" in said
    assert "1 test passed, 1 failed" in said
    assert "1 test passed" in ruled.froyo("policy", "test", ruled.site, "--run", "yes").stdout
    assert (
        "has 'yse' in its name" in ruled.froyo("policy", "test", ruled.site, "--run", "yse", status=1).stderr
    )
    ruled.write("policies/rules.rego", "package froyo.plan\ndeny contains   1 if   true")
    assert str(rules / "rules.rego") in ruled.froyo("policy", "fmt", ruled.site).stdout
    assert (rules / "rules.rego").read_text() == "package froyo.plan\n\ndeny contains 1\n"
    ruled.write("policies/rules.rego", "package froyo.plan\ndeny contains x if some x in")
    assert "rules.rego:2:27" in ruled.froyo("policy", "check", ruled.site, status=1).stdout
    assert "rules.rego:2:27" in ruled.froyo("policy", "fmt", ruled.site, status=1).stdout
    shutil.rmtree(rules)
    assert "there are no policies" in ruled.froyo("policy", "check", ruled.site, status=1).stderr


def test_the_starter_set_is_a_set_to_begin_with(person):
    there = person.site / "policies"
    assert "froyo policy test" in person.froyo("policy", "starter", there).stdout
    assert "25 tests passed" in person.froyo("policy", "test", person.site).stdout
    assert "is there already" in person.froyo("policy", "starter", there, status=1).stderr
    assert "name the directory" in person.froyo("policy", "starter", status=1).stderr
    person.write("open.yaml", FORBIDDEN)
    said = person.froyo("validate", person.site, status=1).stdout
    assert "mode 0666 lets everybody write to it" in said


def test_the_example_is_valid_and_its_policies_pass(person):
    assert "valid:" in person.froyo("validate", EXAMPLE).stdout
    assert "tests passed" in person.froyo("policy", "test", EXAMPLE).stdout


def mounted(rules, number, text):
    """As a ConfigMap is mounted: links to a hidden directory, which is exchanged whole."""
    (rules / f"..{number}").mkdir(parents=True)
    (rules / f"..{number}" / "all.rego").write_text(f"package froyo.plan\n{text}\n")
    (rules / "..new").symlink_to(f"..{number}")
    (rules / "..new").rename(rules / "..data")
    if not (rules / "all.rego").is_symlink():
        (rules / "all.rego").symlink_to("..data/all.rego")


def test_a_daemon_goes_by_them_and_follows_them(ruled):
    rules, opened = ruled.base / "rules", ruled.machine / "open"
    mounted(rules, 1, 'warn contains "looked at"')
    ruled.write("files.yaml", FORBIDDEN.replace("0666", "0644"))
    with ruled.up("--policies", rules):
        ruled.until(opened.exists)
        opened.write_text("spoiled\n")
        ruled.until(lambda: opened.read_text() == "x\n")
        mounted(rules, 2, 'deny contains "from now on, nothing"')
        ruled.until(lambda: '"event": "policies"' in ruled.log)
        opened.write_text("spoiled again\n")
        ruled.until(lambda: reasons(ruled)["open"] == "PolicyDenied")
        assert opened.read_text() == "spoiled again\n"
        mounted(rules, 3, 'warn contains "fine again"')
        ruled.until(lambda: opened.read_text() == "x\n")
