"""The manifests of the operator, as far as it takes no cluster to see that they are right."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "manifests"
DEFINITIONS = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / "crds").glob("*.yaml")}


def documents(name):
    return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def test_the_definitions_that_are_applied_are_those_that_there_are():
    listed = yaml.safe_load((ROOT / "crds/Kustomization").read_text())["resources"]
    assert listed == sorted(DEFINITIONS), "make crds"


def test_people_may_edit_every_kind_and_the_status_of_none():
    [edit] = [one for one in documents("base/users.yaml") if one["metadata"]["name"] == "froyo-edit"]
    given = {
        (group, plural)
        for rule in edit["rules"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
    }
    assert given == {(one["spec"]["group"], one["spec"]["names"]["plural"]) for one in DEFINITIONS.values()}


def test_every_group_of_ours_is_named_wherever_all_are_meant():
    groups = sorted({one["spec"]["group"] for one in DEFINITIONS.values()})
    rules = [rule for one in documents("base/users.yaml")[:1] for rule in one["rules"]]
    rules += [
        rule
        for one in documents("base/rights.yaml")
        if one["metadata"]["name"] == "froyo-operator-objects"
        for rule in one["rules"]
    ]
    assert rules
    for rule in rules:
        assert sorted(rule["apiGroups"]) == groups


def test_the_container_is_one_that_restricted_namespaces_admit():
    [deployment] = documents("base/deployment.yaml")
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == pod["securityContext"]["fsGroup"] == 65534
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "USER 65534:65534" in (ROOT / "Containerfile").read_text()


def test_no_secret_can_be_read_but_the_one_that_it_keeps_its_certificate_in():
    given = [
        rule
        for path in MANIFESTS.glob("**/*.yaml")
        for one in yaml.safe_load_all(path.read_text())
        if one.get("kind") in {"Role", "ClusterRole"}
        for rule in one.get("rules", ())
        if {"secrets", "*"} & set(rule["resources"]) and {"", "*"} & set(rule["apiGroups"])
    ]
    assert [one["resourceNames"] for one in given] == [["froyo-webhook"]]
