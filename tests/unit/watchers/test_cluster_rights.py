"""Which rights are there and which are lacking, as rules of RBAC say it; and the access that a pod is given."""

import pytest

from watchers.kubernetes.in_cluster import in_cluster, own_namespace
from watchers.kubernetes.objects import Definition
from watchers.kubernetes.rights import Right, allows, in_words, needed

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
LIST = Right("list", "linux.froyo.dev", "files")
STATUS = Right("patch", "linux.froyo.dev", "files/status")


def rule(verbs, groups, resources, **more):
    return {"verbs": verbs, "apiGroups": groups, "resources": resources, **more}


@pytest.mark.parametrize(
    ("given", "right", "allowed"),
    [
        (rule(["list"], ["linux.froyo.dev"], ["files"]), LIST, True),
        (rule(["*"], ["*"], ["*"]), LIST, True),
        (rule(["*"], ["*"], ["*"]), STATUS, True),
        (rule(["patch"], ["linux.froyo.dev"], ["*/status"]), STATUS, True),
        (rule(["patch"], ["linux.froyo.dev"], ["files"]), STATUS, False),
        (rule(["list"], [""], ["files"]), LIST, False),
        (rule(["watch"], ["linux.froyo.dev"], ["files"]), LIST, False),
        (rule(["list"], ["linux.froyo.dev"], ["files"], resourceNames=["motd"]), LIST, False),
        ({}, LIST, False),
    ],
)
def test_a_rule_allows_what_it_names_of_all_objects(given, right, allowed):
    assert allows([given], right) is allowed


def test_what_is_missing_is_said_once_for_each_thing_that_is_done_with_where_it_comes_from():
    assert in_words([], "web") == ""
    wanted = needed([FILES, Definition("linux.froyo.dev", "v1alpha1", "users", "User")])
    said = in_words([one for one in wanted if one.verb == "list"], "web")
    assert said.startswith("rights are missing in web: list files.linux.froyo.dev and 2 more")
    assert said.endswith("manifests/base/rights.yaml gives it")
    assert f"{STATUS}" == "patch files.linux.froyo.dev/status"
    assert f"{Right('get', '', 'secrets')}" == "get secrets"


def test_in_a_pod_the_environment_says_where_the_server_is_and_files_say_the_rest(tmp_path):
    here = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "6443"}
    assert in_cluster(here, tmp_path) is None
    assert own_namespace(tmp_path) == ""
    (tmp_path / "token").write_text("one\n")
    assert in_cluster({}, tmp_path) is None
    found = in_cluster({"KUBERNETES_SERVICE_HOST": "fd00::1"}, tmp_path)
    assert (found.server, found.ca_path, found.default_namespace) == ("https://[fd00::1]:443", None, None)
    (tmp_path / "ca.crt").write_text("")
    (tmp_path / "namespace").write_text("froyo-system")
    found = in_cluster(here, tmp_path)
    assert (found.server, found.token) == ("https://10.96.0.1:6443", "one")
    assert (found.ca_path, found.default_namespace) == (str(tmp_path / "ca.crt"), "froyo-system")
    assert own_namespace(tmp_path) == "froyo-system"
    (tmp_path / "token").write_text("two\n")
    assert in_cluster(here, tmp_path).token == "two"
