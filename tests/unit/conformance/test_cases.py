"""Cases as people write them, and what is wrong with some."""

import pytest

from reconciler.conformance.cases import read_cases, read_host_cases
from reconciler.conformance.mixtures import mixtures
from reconciler.conformance.trials import trials_of
from reconciler.conformance.worlds import difference, merged, same
from reconciler.errors import ConfigError
from reconciler.model.catalog import Catalog
from tests.unit.config.world import FILE

KINDS = {"File": FILE}
CATALOG = Catalog({(FILE.api_version, FILE.kind): FILE}, "1")


def cases(tmp_path, text):
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "some.yaml").write_text(text)
    (tmp_path / "cases" / "README.md").write_text("not read")
    return read_cases(tmp_path, KINDS)


def test_a_case_is_loaded_as_a_manifest_is(tmp_path):
    found = cases(
        tmp_path,
        "- {name: one, kind: File, spec: {path: /srv/a, content: x}, owned: true}\n"
        "- name: two\n  kind: File\n  spec: {path: /srv/b, source: bodies/b}\n  source: {bodies/b: body}\n",
    )
    first, second = trials_of(found, CATALOG)
    assert first.resource["spec"]["state"] == "present"
    assert first.resource["owned"] is True
    assert (first.provides, first.bodies) == (("path:/srv/a",), (b"x",))
    assert second.bodies == (b"body",)
    assert second.case.place == f"{tmp_path}/cases/some.yaml:2"


def test_a_package_without_cases_has_none(tmp_path):
    assert read_cases(tmp_path, KINDS) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- {name: a, kind: Fle, spec: {}}", "the package has no kind 'Fle'"),
        ("- {name: a, kind: File}", "the field 'spec' is missing"),
        ("- {name: a, kind: File, spec: {}, action: mend}", "'mend' will not do; an action is"),
        ("- {name: a, kind: File, spec: {}, fault: [odd, x]}", "should be a class (transient,"),
        (
            "- {name: a, kind: File, spec: {}, world: {files: {/srv/a: {typ: x}}}}",
            "is nothing that can be at a path",
        ),
        ("- {name: a, kind: File, spec: {}, world: {files: []}}", "should be a mapping of names to things"),
    ],
)
def test_what_is_no_case_is_said_to_be_none(tmp_path, text, says):
    with pytest.raises(ConfigError) as caught:
        cases(tmp_path, text)
    assert says in str(caught.value)
    assert "some.yaml:1" in str(caught.value)


def test_what_nobody_can_declare_is_told_with_the_case(tmp_path):
    with pytest.raises(ConfigError) as caught:
        trials_of(cases(tmp_path, "- {name: misspelt, kind: File, spec: {pth: /srv/a}}"), CATALOG)
    assert "some.yaml:1: misspelt: " in str(caught.value)


def test_mixtures_are_the_same_each_time_and_have_no_file_in_a_file():
    one = {
        "files": {"/srv/a": {"type": "directory"}, "/srv/a/b": {"content": "x"}},
        "packages": {"nginx": "1"},
    }
    other = {"files": {"/srv/a": {"content": "y"}}, "packages": {"nginx": "2"}}
    found = list(mixtures([one, other], 50, seed=1))
    assert found == list(mixtures([one, other], 50, seed=1))
    for world in found:
        files = world["files"]
        assert "/srv/a/b" not in files or files["/srv/a"] == {"type": "directory"}
    assert {world["packages"].get("nginx") for world in found} == {None, "1", "2"}


def test_worlds_are_compared_by_what_is_in_them():
    one = {"files": {"/srv/a": {"content": "x"}}}
    assert same({**one, "packages": {}}, one)
    assert difference(one, {"files": {}, "packages": {"nginx": 1}}) == "/srv/a, nginx"
    assert merged(one, {"packages": {"nginx": 1}}) == {**one, "packages": {"nginx": 1}}
    assert merged(one, {"files": {"/srv/a": {"content": "y"}}}) is None


def host_cases(tmp_path, text):
    (tmp_path / "cases" / "host").mkdir(parents=True)
    (tmp_path / "cases" / "host" / "some.yaml").write_text(text)
    return read_host_cases(tmp_path, KINDS)


def test_cases_for_hosts_have_scripts_in_the_place_of_worlds(tmp_path):
    found = host_cases(
        tmp_path,
        "clean: rm -f /srv/a\nlook: {a: cat /srv/a, b: cat /srv/b}\ncases:\n"
        "- {name: one, kind: File, spec: {path: /srv/a}, prepare: touch /srv/a, after: {a: 'x ', b: null}}\n"
        "- {name: two, kind: File, spec: {path: /srv/a}}\n",
    )
    assert (found.clean, found.look) == (["rm -f /srv/a"], {"a": "cat /srv/a", "b": "cat /srv/b"})
    first, second = found.cases
    assert first.world == {"prepared": {"one": "touch /srv/a"}}
    assert first.after == {"shown": {"a": "x", "b": None}}
    assert (second.world, second.after) == ({"prepared": {"two": ""}}, {"shown": {}})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("cases: [{name: a, kind: File, spec: {}, after: {a: x}}]", "nothing looks at 'a'"),
        ("cases: [{name: a, kind: File, spec: {}, world: {}}]", "unknown field 'world'"),
        ("look: {a: b}", "the field 'cases' is missing"),
    ],
)
def test_what_is_no_case_for_a_host_is_said_to_be_none(tmp_path, text, says):
    with pytest.raises(ConfigError) as caught:
        host_cases(tmp_path, text)
    assert says in str(caught.value)


def test_two_files_have_no_name_of_a_look_in_common(tmp_path):
    (tmp_path / "cases" / "host").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "cases" / "host" / f"{name}.yaml").write_text("look: {one: pwd}\ncases: []\n")
    with pytest.raises(ConfigError, match="'one' is looked at already"):
        read_host_cases(tmp_path, KINDS)
