"""What a snapshot means once all of it is right."""

import gc
import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.config import ParseCache, load
from reconciler.errors import ConfigError
from reconciler.model.catalog import Catalog
from reconciler.model.names import Address, SourceName
from reconciler.model.origin import Origin
from reconciler.model.resource import Adopt, CommonSpec, Deletion, Metadata, Policy
from reconciler.model.source import DirectoryPlace, SnapshotFile, SnapshotGone, serving
from reconciler.model.subjects import Subject
from tests.unit.config.world import CATALOG, FILE, MOTD, TARGET, TUNE, loaded, problems, resource, snapshot


def targets(*names: str, **labels: str) -> str:
    return "---\n".join(
        json.dumps(
            {
                "apiVersion": "froyo.dev/v1alpha1",
                "kind": "Target",
                "metadata": {"name": name, "labels": labels},
                "spec": {"local": {}},
            }
        )
        + "\n"
        for name in names
    )


def test_a_manifest_becomes_one_instance_per_target() -> None:
    desired = loaded({"t.yaml": TARGET, "site/motd.yaml": "# a comment\n" + MOTD})
    (address,) = desired.instances
    assert address == "web-1/File/motd"
    instance = desired.instances[address]
    assert instance.target == "web-1"
    assert instance.ref == "File/motd"
    assert instance.api_version == FILE.api_version
    assert instance.kind == "File"
    assert instance.package == "linux.file"
    assert instance.metadata == Metadata("motd")
    assert instance.common == CommonSpec()
    assert instance.provides == (Subject("path", "/etc/motd"),)
    assert instance.subject == "path:/etc/motd"
    assert (instance.uses, instance.contains) == ((), ())
    assert instance.origin == Origin("site/motd.yaml", 2, 0, "/src")
    body = instance.spec["body"]
    assert body["size"] == 5
    assert desired.blobs[body["digest"]].read() == b"hello"
    assert instance.spec == {"path": "/etc/motd", "state": "present", "force": False, "body": body}
    assert desired.revision
    assert desired.warnings == ()


def test_selectors_select_as_in_kubernetes() -> None:
    hosts = (
        targets("a", "b", role="web") + "---\n" + targets("c", role="db", tier="x") + "---\n" + targets("d")
    )
    for selector, selected in [
        ({}, "abcd"),
        ({"matchLabels": {"role": "web"}}, "ab"),
        ({"matchLabels": {"role": "db", "tier": "x"}}, "c"),
        ({"matchExpressions": [{"key": "role", "operator": "In", "values": ["web", "db"]}]}, "abc"),
        ({"matchExpressions": [{"key": "role", "operator": "NotIn", "values": ["web"]}]}, "cd"),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, "c"),
        ({"matchExpressions": [{"key": "role", "operator": "DoesNotExist"}]}, "d"),
        (
            {
                "matchLabels": {"role": "web"},
                "matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}],
            },
            "ab",
        ),
    ]:
        manifest = resource(targets=selector)
        del manifest["spec"]["target"]
        desired = loaded({"t.yaml": hosts, "m.json": json.dumps(manifest)})
        assert [address.split("/")[0] for address in desired.instances] == list(selected)


def test_the_common_fields_are_not_the_providers() -> None:
    manifest = resource(
        "b",
        require=["File/a"],
        before=["File/c"],
        notify=["File/c"],
        interval="1h30m",
        policy="observe",
        adopt="hold",
        deletion="delete",
        ignoreFields=["mode"],
        inferEdges=False,
    )
    documents = [resource("a", interval=90), manifest, resource("c", interval="1500ms", policy="enforce")]
    desired = loaded({"t.yaml": TARGET, "m.json": "\n".join(map(json.dumps, documents))})
    instance = desired.instances[Address("web-1/File/b")]
    assert instance.common == CommonSpec(
        require=("File/a",),
        before=("File/c",),
        notify=("File/c",),
        interval=5400.0,
        policy=Policy.OBSERVE,
        adopt=Adopt.HOLD,
        deletion=Deletion.DELETE,
        ignore_fields=("mode",),
        infer_edges=False,
    )
    assert instance.spec == {"path": "/etc/b", "state": "present", "force": False}
    assert desired.instances[Address("web-1/File/a")].common.interval == 90
    assert desired.instances[Address("web-1/File/c")].common.interval == 1.5


def test_yaml_and_json_mean_the_same() -> None:
    as_json = loaded({"t.yaml": TARGET, "m.json": json.dumps(resource(content="hello"))})
    as_yaml = loaded({"t.yaml": TARGET, "m.yaml": MOTD})
    (one,), (two,) = as_json.instances.values(), as_yaml.instances.values()
    assert one.digest == two.digest
    assert one == two


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"content": "hullo"}, id="body"),
        pytest.param({"mode": "0600"}, id="field"),
        pytest.param({"policy": "observe"}, id="common"),
    ],
)
def test_a_change_changes_the_digest(change: dict[str, str]) -> None:
    before = resource(content="hello")
    after = resource(**{"content": "hello", **change})
    one, two = (
        next(iter(loaded({"t.yaml": TARGET, "m.json": json.dumps(manifest)}).instances.values()))
        for manifest in (before, after)
    )
    assert one.digest != two.digest


def test_what_is_written_out_although_it_is_the_default_does_not_change_the_digest() -> None:
    one, two = (
        next(iter(loaded({"t.yaml": TARGET, "m.json": json.dumps(manifest)}).instances.values()))
        for manifest in (resource(), resource(state="present", policy="enforce", inferEdges=True))
    )
    assert one.digest == two.digest


def test_the_same_file_means_the_same_with_a_byte_order_mark_and_windows_line_ends() -> None:
    plain = loaded({"t.yaml": TARGET, "m.yaml": MOTD})
    windows = loaded({"t.yaml": TARGET, "m.yaml": b"\xef\xbb\xbf" + MOTD.replace("\n", "\r\n").encode()})
    assert plain.instances == windows.instances
    (instance,) = windows.instances.values()
    assert instance.origin.line == 1


def test_defaults_are_filled_in_at_every_level_and_only_where_the_object_is() -> None:
    manifest = {
        "apiVersion": TUNE.api_version,
        "kind": "Tune",
        "metadata": {"name": "a"},
        "spec": {
            "target": "web-1",
            "key": "k",
            "label": None,
            "free": {"any": [1, {"thing": None}]},
            "limits": {"hard": 9},
            "rules": [{"name": "x"}, {"on": False}],
            "byName": {"y": {}},
        },
    }
    (instance,) = loaded({"t.yaml": TARGET, "m.json": json.dumps(manifest)}).instances.values()
    assert instance.spec == {
        "key": "k",
        "label": None,
        "free": {"any": [1, {"thing": None}]},
        "limits": {"soft": 7, "hard": 9},
        "rules": [{"name": "x", "on": True}, {"on": False}],
        "byName": {"y": {"on": True}},
    }
    assert instance.provides == ()  # it names a field that is not there
    assert (instance.package, instance.lock, instance.transaction) == ("linux.tune", "tuning", True)


def test_a_value_that_an_alias_repeats_is_the_same_as_written_twice() -> None:
    aliases = (
        "apiVersion: linux.froyo.dev/v1alpha1\nkind: Tune\nmetadata: {name: a}\n"
        "spec:\n  target: web-1\n  key: k\n  rules:\n"
        "  - &rule {name: x}\n  - *rule\n  - {<<: *rule, on: false}\n  - {<<: [*rule, {on: true}], name: z}\n"
    )
    (instance,) = loaded({"t.yaml": TARGET, "m.yaml": aliases}).instances.values()
    x = {"name": "x", "on": True}
    assert instance.spec["rules"] == [x, x, {"name": "x", "on": False}, {"name": "z", "on": True}]


def test_bodies_come_as_text_in_base64_or_as_a_file_beside_the_manifest() -> None:
    documents = [
        resource("a", content=""),
        resource("b", contentBase64="AAEC\n AwQ="),
        resource("c", source="../files/c.bin"),
        resource("d"),
    ]
    desired = loaded(
        {
            "t.yaml": TARGET,
            "web/m.json": "\n".join(map(json.dumps, documents)),
            "files/c.bin": b"\xff\x00",
        }
    )
    bodies = {
        address[-1]: desired.blobs[instance.spec["body"]["digest"]].read()
        for address, instance in desired.instances.items()
        if "body" in instance.spec
    }
    assert bodies == {"a": b"", "b": b"\x00\x01\x02\x03\x04", "c": b"\xff\x00"}
    assert all("source" not in instance.spec for instance in desired.instances.values())


def test_a_yaml_file_that_is_somebodys_body_need_not_be_a_manifest() -> None:
    files = {"t.yaml": TARGET, "m.json": json.dumps(resource(source="app.yaml")), "app.yaml": "a: [\n"}
    assert len(loaded(files).instances) == 1
    deployment = "apiVersion: apps/v1\nkind: Deployment\n"
    assert len(loaded(files | {"app.yaml": deployment}).instances) == 1
    assert problems(files | {"m.json": json.dumps(resource(source="other"))})
    assert problems(files | {"app.yaml": MOTD.replace("path", "pth")})  # a manifest, for all that


def test_the_body_of_a_manifest_with_problems_is_not_complained_about_as_a_manifest() -> None:
    files = {"t.yaml": TARGET, "m.json": json.dumps(resource(source="app.yaml", mod=1)), "app.yaml": "a: [\n"}
    assert [problem.file for problem in problems(files)] == ["m.json"]


def test_hidden_files_and_other_endings_are_no_manifests() -> None:
    desired = loaded({"t.yaml": TARGET, ".m.yaml": "a: [", "b.txt": "a: [", "c.yml": MOTD})
    assert len(desired.instances) == 1


def test_two_manifests_may_share_a_path_on_different_targets() -> None:
    files = {
        "t.yaml": targets("a", "b"),
        "m.json": "\n".join(json.dumps(resource(name, target=name, path="/etc/motd")) for name in ("a", "b")),
    }
    assert len(loaded(files).instances) == 2


def test_contested_paths_are_named_once_whatever_the_number_of_targets() -> None:
    names = [f"t{number}" for number in range(8)]
    manifests = [resource(name, path="/etc/motd", targets={}) for name in ("a", "b")]
    for manifest in manifests:
        del manifest["spec"]["target"]
    (problem,) = problems({"t.yaml": targets(*names), "m.json": "\n".join(map(json.dumps, manifests))})
    assert "path /etc/motd on t0, t1, t2, t3, t4 and 3 more" in problem.message


def test_namespaces_keep_equal_names_apart() -> None:
    other = resource("motd", path="/etc/other", require=["File/motd"])
    other["metadata"]["namespace"] = "team"
    desired = loaded({"t.yaml": TARGET, "m.yaml": MOTD, "o.json": json.dumps(other)})
    assert list(desired.instances) == ["web-1/File/motd", "web-1/File/team:motd"]


def test_a_reference_to_what_has_a_problem_of_its_own_is_not_another_problem() -> None:
    documents = [resource("a", require=["File/b"]), resource("b", colour="red"), resource("c", target="db-1")]
    broken_target = TARGET.replace("web-1", "db-1").replace("local", "locl")
    found = problems(
        {"t.yaml": TARGET, "d.yaml": broken_target, "m.json": "\n".join(map(json.dumps, documents))}
    )
    assert sorted(problem.message for problem in found) == [
        "there is no field spec.colour in a File",
        "there is no field spec.locl in a Target",
    ]


def test_a_reference_to_what_lost_its_body_is_not_another_problem() -> None:
    documents = [resource("a", require=["File/b"]), resource("b", source="gone")]
    (problem,) = problems({"t.yaml": TARGET, "m.json": "\n".join(map(json.dumps, documents))})
    assert "gone is no part of the source" in problem.message


def test_what_was_left_out_of_the_snapshot_says_why() -> None:
    (problem,) = problems(
        {"t.yaml": TARGET, "m.json": json.dumps(resource(source="big.iso"))},
        left_out={"big.iso": "larger than the 64 MiB that a file may have"},
    )
    assert problem.message.endswith(
        "big.iso is no part of the source: larger than the 64 MiB that a file may have"
    )


def test_names_that_stand_in_an_unreadable_document_may_well_exist() -> None:
    files = {"t.yaml": TARGET + "broken: [\n", "m.json": json.dumps(resource(require=["File/nowhere"]))}
    found = [problem.message for problem in problems(files)]
    assert not any("no target" in message for message in found)
    assert "there is no File/nowhere" in found
    assert len(found) == 2


def test_a_circle_on_many_targets_is_one_problem() -> None:
    documents = [resource("a", require=["File/b"], targets={}), resource("b", require=["File/a"], targets={})]
    for document in documents:
        del document["spec"]["target"]
    files = {"t.yaml": targets("x", "y"), "m.json": "\n".join(map(json.dumps, documents))}
    (problem,) = problems(files)
    assert "cycle" in problem.message
    assert problem.excerpt


def test_no_manifest_at_all_is_a_warning() -> None:
    assert loaded({"README": "hello"}).warnings == ("the source has no manifests: nothing is declared",)
    assert loaded({"empty.yaml": "---\n# nothing\n---\n~\n"}).instances == {}


def test_a_list_is_its_items() -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": [resource("a"), resource("b")]}
    desired = loaded({"t.yaml": TARGET, "m.json": json.dumps(items, indent=1)})
    assert [str(instance.origin) for instance in desired.instances.values()] == [
        "/src/m.json:5",
        "/src/m.json:16",
    ]


def test_sources_are_declared_too() -> None:
    source = (
        "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: site}\n"
        "spec: {directory: {path: ../other}, interval: 5m}\n"
    )
    desired = loaded({"a/s.yaml": source})
    (found,) = desired.sources.values()
    assert (found.name, found.place, found.interval) == ("site", DirectoryPlace("/src/other"), 300.0)
    assert found.origin == Origin("a/s.yaml", 1, 0, "/src")
    assert desired.warnings == ()


def test_the_source_that_is_served_is_known_by_its_directory() -> None:
    source = (
        "apiVersion: froyo.dev/v1alpha1\nkind: Source\nmetadata: {name: %s}\n"
        "spec: {directory: {path: %s}, interval: 5m}\n"
    )
    desired = loaded({"t.yaml": TARGET, "s.yaml": source % ("site", ".")})
    assert serving(desired.sources.values(), "/src") == desired.sources[SourceName("site")]
    assert serving(desired.sources.values(), "/srv") is None
    assert desired.warnings == ()

    desired = loaded({"t.yaml": TARGET, "s.yaml": source % ("a", "."), "z.yaml": source % ("b", "/src/")})
    served = serving(desired.sources.values(), "/src")
    assert served is not None
    assert served.name == "a"
    [warning] = desired.warnings
    assert (
        warning
        == "/src/z.yaml:4:8: Source/b does nothing: Source/a, at /src/s.yaml:1, is about this directory"
    )


def test_every_problem_of_every_file_is_told_at_once_in_order() -> None:
    broken = MOTD.replace("path", "pth") + "  mode: 0644\n"
    files = {"b.yaml": "a: [\n", "a.yaml": broken, "c.yaml": b"\xff", "targets.yaml": TARGET}
    found = problems(files)
    assert found == sorted(found)
    assert [problem.file for problem in found] == ["a.yaml"] * 2 + ["b.yaml", "c.yaml"]


def test_what_a_person_reads_has_place_message_and_hint() -> None:
    with pytest.raises(ConfigError) as caught:
        loaded({"t.yaml": TARGET, "m.yaml": MOTD.replace("path", "pth")})
    assert str(caught.value) == "m.yaml:6:3: there is no field spec.pth in a File (did you mean 'path'?)"


class TestParseCache:
    def test_only_files_that_changed_are_read_again(self) -> None:
        cache = ParseCache()
        files = {"t.yaml": TARGET, "m.yaml": MOTD}
        first = loaded(files, cache=cache)
        read: list[str] = []

        def noting(file: SnapshotFile) -> SnapshotFile:
            return replace(file, read=lambda: read.append(file.path) or file.read())

        taken = snapshot(files | {"m.yaml": MOTD.replace("hello", "hullo")})
        taken = replace(taken, files={path: noting(file) for path, file in taken.files.items()})
        second = load(taken, CATALOG, cache=cache, environ={"HOME": "/home/ann"})
        assert read == ["m.yaml"]
        assert second.targets == first.targets
        assert second.instances != first.instances

    def test_instances_of_what_did_not_change_are_the_very_same(self) -> None:
        cache = ParseCache()
        files = {"t.yaml": TARGET, "m.yaml": MOTD}
        first = loaded(files, cache=cache)
        second = loaded(files | {"n.json": json.dumps(resource("new"))}, cache=cache)
        address = Address("web-1/File/motd")
        assert second.instances[address] is first.instances[address]

    def test_problems_are_remembered_too(self) -> None:
        cache = ParseCache()
        files = {"t.yaml": TARGET, "m.yaml": MOTD.replace("path", "pth")}
        assert problems(files, cache=cache) == problems(files, cache=cache) != []

    def test_a_body_that_changed_makes_a_new_instance(self) -> None:
        cache = ParseCache()
        files = {"t.yaml": TARGET, "m.json": json.dumps(resource(source="f")), "f": "one"}
        (first,) = loaded(files, cache=cache).instances.values()
        (second,) = loaded(files | {"f": "two"}, cache=cache).instances.values()
        assert first.digest != second.digest

    def test_a_target_that_comes_and_goes(self) -> None:
        cache = ParseCache()
        manifest = resource(targets={}, require=["File/other"])
        other = resource("other", targets={})
        for document in (manifest, other):
            del document["spec"]["target"]
        files = {"m.json": json.dumps(manifest) + json.dumps(other)}
        both = loaded(files | {"t.yaml": targets("a", "b")}, cache=cache)
        one = loaded(files | {"t.yaml": targets("a")}, cache=cache)
        assert (len(both.instances), len(one.instances)) == (4, 2)
        again = loaded(files | {"t.yaml": targets("a", "b")}, cache=cache)
        assert again.instances == both.instances

    def test_another_catalog_or_home_forgets_everything(self) -> None:
        cache = ParseCache()
        files = {"t.yaml": TARGET, "m.yaml": MOTD}
        (first,) = loaded(files, cache=cache).instances.values()
        (second,) = loaded(files, cache=cache, catalog=Catalog(CATALOG.kinds, "2")).instances.values()
        assert first == second
        assert first is not second
        (third,) = loaded(files, cache=cache, root="/elsewhere").instances.values()
        assert third is not second

    def test_files_that_are_gone_are_forgotten(self) -> None:
        cache = ParseCache()
        loaded({"t.yaml": TARGET, "m.yaml": MOTD}, cache=cache)
        loaded({"t.yaml": TARGET}, cache=cache)
        assert cache.get("m.yaml", snapshot({"m.yaml": MOTD}).files["m.yaml"].digest) is None


def test_a_file_that_moved_on_is_no_error_of_the_user() -> None:
    def gone() -> bytes:
        raise SnapshotGone("m.yaml")

    taken = snapshot({"m.yaml": MOTD})
    taken = replace(taken, files={"m.yaml": replace(taken.files["m.yaml"], read=gone)})
    with pytest.raises(SnapshotGone):
        load(taken, CATALOG)


def test_the_collector_is_back_at_work_afterwards_if_it_was_before() -> None:
    assert gc.isenabled()
    assert problems({"a.yaml": "a: ["})
    assert gc.isenabled()
    gc.disable()
    try:
        loaded({})
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("key", ["", "a b", "-a", "a-", "/role", "x/", "Example.com/role", "a/b/c", "a" * 64])
def test_a_label_that_no_selector_could_ask_for_is_a_problem(key: str) -> None:
    labelled = {"apiVersion": "froyo.dev/v1alpha1", "kind": "Target", "spec": {"local": {}}}
    one = {**labelled, "metadata": {"name": "here", "labels": {key: "x"}}}
    (problem,) = problems({"site.json": json.dumps(one)})
    assert problem.message == f"no label can be called {key!r}"


@pytest.mark.parametrize("key", ["role", "a", "A_b.c-d", "example.com/role", "a" * 63])
def test_a_label_as_kubernetes_allows_it_is_fine(key: str) -> None:
    labelled = {"apiVersion": "froyo.dev/v1alpha1", "kind": "Target", "spec": {"local": {}}}
    one = {**labelled, "metadata": {"name": "here", "labels": {key: "x"}}}
    assert problems({"site.json": json.dumps(one)}) == []


@pytest.mark.parametrize(
    ("selector", "where"),
    [
        ({"matchLabels": {"a b": "x"}}, "spec.targets.matchLabels.a b"),
        (
            {"matchExpressions": [{"key": "a b", "operator": "Exists"}]},
            "spec.targets.matchExpressions[0].key",
        ),
    ],
)
def test_a_selector_that_asks_for_no_label_is_a_problem(selector: dict[str, Any], where: str) -> None:
    file = resource()
    file["spec"] = {"targets": selector, "path": "/a"}
    found = problems({"site.json": json.dumps(file)})
    assert f"{where}: no label can be called 'a b'" in [problem.message for problem in found]
