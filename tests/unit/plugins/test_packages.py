import json
from pathlib import Path

import pytest

from reconciler.errors import ConfigError
from reconciler.model.catalog import BodyFields, Elsewhere
from reconciler.plugins.capabilities import Capability
from reconciler.plugins.manifest import Limits
from reconciler.plugins.packages import catalog, load_packages

MANIFEST = """\
name: test.thing
version: 0.1.0
interface: froyo:provider@1
entry: plugin.py
kinds:
  - apiVersion: test.dev/v1alpha1
    kind: Thing
    plural: things
    schema: thing.json
    actual: actual.json
    provides: ["path:{path}"]
    uses: ["unit:{source}"]
    contains: ["path:{path}"]
    body: {text: content, file: source}
    lock: dpkg
capabilities:
  - {call: file.stat, subjects: ["path:/etc/**"]}
limits: {memoryMiB: 64, stepSeconds: 0.5, outputMiB: 2, calls: 10}
"""


def write(directory: Path, manifest: str = MANIFEST) -> Path:
    directory.mkdir(parents=True)
    (directory / "manifest.yaml").write_text(manifest)
    (directory / "plugin.py").write_text("")
    fields = {key: {"type": "string"} for key in ("path", "content", "source")}
    (directory / "thing.json").write_text(json.dumps({"type": "object", "properties": fields}))
    (directory / "actual.json").write_text('{"type": "object"}')
    return directory


def problems(directory: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_packages([directory])
    return [str(problem).removeprefix(f"{directory}/") for problem in caught.value.problems]


def test_a_package_is_read_whole(tmp_path: Path) -> None:
    [package] = load_packages([write(tmp_path / "thing")])

    assert (package.name, package.version, package.is_python) == ("test.thing", "0.1.0", True)
    assert package.entry == tmp_path / "thing" / "plugin.py"
    assert package.capabilities == (Capability("file.stat", ("path:/etc/**",)),)
    assert package.limits == Limits(memory_mib=64, step_seconds=0.5, output_mib=2, calls=10)
    [kind] = package.kinds
    assert (kind.api_version, kind.kind, kind.plural) == ("test.dev/v1alpha1", "Thing", "things")
    assert kind.package == "test.thing"
    assert (kind.provides, kind.uses, kind.contains) == (
        ("path:{path}",),
        ("unit:{source}",),
        ("path:{path}",),
    )
    assert kind.body == BodyFields(text="content", file="source")
    assert kind.schema["properties"].keys() == {"path", "content", "source"}
    assert kind.actual_schema == {"type": "object"}
    assert (kind.lock, kind.transaction) == ("dpkg", False)


def test_a_kind_may_say_that_many_instances_are_one_operation(tmp_path: Path) -> None:
    said = MANIFEST.replace("    lock: dpkg\n", "    lock: dpkg\n    transaction: true\n")
    [package] = load_packages([write(tmp_path / "thing", said)])
    assert package.kinds[0].transaction


def test_a_kind_may_say_which_facts_its_changes_touch(tmp_path: Path) -> None:
    said = MANIFEST.replace("    lock: dpkg\n", "    lock: dpkg\n    touches: [users, groups]\n")
    [package] = load_packages([write(tmp_path / "thing", said)])
    assert package.kinds[0].touches == ("users", "groups")
    with pytest.raises(ConfigError) as caught:
        load_packages([write(tmp_path / "other", said.replace("users, groups", "user, weather"))])
    [first, second] = caught.value.problems
    assert (first.message, first.hint) == ("there are no facts called 'user'", "did you mean 'users'?")
    assert second.hint.startswith("there are boot, cpu")


def test_a_kind_may_say_which_fields_take_a_secret(tmp_path: Path) -> None:
    said = MANIFEST.replace("    lock: dpkg\n", "    lock: dpkg\n    secrets: [content]\n")
    [package] = load_packages([write(tmp_path / "thing", said)])
    assert package.kinds[0].secrets == ("content",)
    with pytest.raises(ConfigError) as caught:
        load_packages([write(tmp_path / "other", said.replace("[content]", "[contents]"))])
    [problem] = caught.value.problems
    assert (problem.message, problem.hint) == (
        "the schema has no field 'contents'",
        "did you mean 'content'?",
    )


def test_a_kind_may_say_what_others_call_its_fields_and_values(tmp_path: Path) -> None:
    said = MANIFEST.replace(
        "    lock: dpkg\n",
        "    lock: dpkg\n    elsewhere: {fields: {dest: path}, values: {}, behind: {path: path}}\n",
    )
    [package] = load_packages([write(tmp_path / "thing", said)])
    assert package.kinds[0].elsewhere == Elsewhere({"dest": "path"}, {}, {"path": "path"})
    wrong = said.replace("dest: path", "dest: pth").replace("values: {}", "values: {path: {file: present}}")
    with pytest.raises(ConfigError) as caught:
        load_packages([write(tmp_path / "other", wrong)])
    assert [(one.message, one.hint) for one in caught.value.problems] == [
        ("the schema has no field 'pth'", "did you mean 'path'?"),
        ("path cannot be 'present'", ""),
    ]


def test_what_need_not_be_said_has_a_default(tmp_path: Path) -> None:
    short = MANIFEST[: MANIFEST.index("    actual:")]
    [package] = load_packages([write(tmp_path / "thing", short)])

    assert package.capabilities == ()
    assert package.limits == Limits()
    [kind] = package.kinds
    assert (kind.provides, kind.uses, kind.contains, kind.body) == ((), (), (), BodyFields())
    assert (kind.lock, kind.transaction, kind.touches, kind.secrets) == ("", False, (), ())


def test_a_manifest_is_yaml_like_any_other(tmp_path: Path) -> None:
    asked = '  - &stat {call: file.stat, subjects: ["path:/etc/**"]}\n  - {<<: *stat, call: dir.list}\n'
    [package] = load_packages([write(tmp_path / "thing", MANIFEST[: MANIFEST.index("  - {call")] + asked)])
    assert package.capabilities == (
        Capability("file.stat", ("path:/etc/**",)),
        Capability("dir.list", ("path:/etc/**",)),
    )


def test_packages_are_found_below_a_directory_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "1", MANIFEST.replace("test.thing", "z.last"))
    write(tmp_path / "2", MANIFEST.replace("test.thing", "a.first").replace("kind: Thing", "kind: Other"))
    (tmp_path / "no-package").mkdir()
    (tmp_path / "a file").write_text("")

    assert [package.name for package in load_packages([tmp_path])] == ["a.first", "z.last"]


def test_the_digest_moves_with_whatever_decides_an_answer(tmp_path: Path) -> None:
    directory = write(tmp_path / "thing")
    before = load_packages([directory])[0].digest
    for name in ("plugin.py", "thing.json", "actual.json", "manifest.yaml"):
        path = directory / name
        content = path.read_text()
        path.write_text(content + "\n")
        assert load_packages([directory])[0].digest != before
        path.write_text(content)
    (directory / "README").write_text("of no consequence")
    assert load_packages([directory])[0].digest == before


def test_the_catalog_has_all_kinds_and_moves_with_packages_and_runtime(tmp_path: Path) -> None:
    packages = load_packages([write(tmp_path / "thing")])
    artifacts = tmp_path / "artifacts"
    artifacts.mkdir()
    (artifacts / "MANIFEST.json").write_text('{"files": {"python-runtime.wasm": {"sha256": "ab"}}}')

    assert list(catalog(packages).kinds) == [("test.dev/v1alpha1", "Thing")]
    digests = [
        catalog(packages).digest,
        catalog([]).digest,
        catalog(packages, artifacts=artifacts).digest,
    ]
    assert len(set(digests)) == 3
    assert catalog(packages, artifacts=tmp_path / "nowhere").digest == digests[0]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("name: test.thing", "nam: test.thing", "1:1: unknown field 'nam' (did you mean 'name'?)"),
        (
            "name: test.thing",
            "name: Test Thing",
            "1:7: 'Test Thing' is not a package's name, such as linux.file",
        ),
        ("version: 0.1.0", "version: 1", "2:10: '1' is not a version, such as 0.1.0"),
        ("version: 0.1.0\n", "", "1:1: the field 'version' is missing"),
        ("version: 0.1.0", "version: [1]", "2:10: should be a text"),
        (
            "version: 0.1.0",
            "version: 0.1.0\nversion: 0.1.0",
            "3:1: the key 'version' stands here a second time",
        ),
        (
            "provider@1",
            "provider@2",
            "3:12: 'froyo:provider@2' will not do; this froyo speaks froyo:provider@1",
        ),
        ("plugin.py", "plugin.sh", "4:8: 'plugin.sh' will not do; an entry is plugin.py or plugin.wasm"),
        ("plugin.py", "plugin.wasm", "4:8: plugin.wasm cannot be read: no such file or directory"),
        (
            "schema: thing.json",
            "schema: thin.json",
            "9:13: thin.json cannot be read: no such file or directory",
        ),
        ("schema: thing.json", "schema: ../thing.json", "9:13: ../thing.json is outside of the package"),
        ("schema: thing.json", "schema: /etc/passwd", "9:13: /etc/passwd is outside of the package"),
        ("schema: thing.json", "schema: plugin.py", "9:13: plugin.py is not JSON: Expecting value"),
        (
            "apiVersion: test.dev/v1alpha1",
            "apiVersion: v1",
            "6:17: 'v1' is not such as linux.froyo.dev/v1alpha1",
        ),
        ("lock: dpkg", "lock: /var/lib/dpkg", "15:11: '/var/lib/dpkg' is not a name, such as dpkg"),
        ("kind: Thing", "kind: thing", "7:11: 'thing' is not such as File"),
        (
            'provides: ["path:{path}"]',
            'provides: ["path:{pth}"]',
            "11:16: the schema has no field 'pth' for {pth} (did you mean 'path'?)",
        ),
        ("unit:{source}", "{source}", "12:12: '{source}' is not a scheme and a name, such as path:{path}"),
        (
            "text: content",
            "text: contents",
            "14:18: the schema has no field 'contents' (did you mean 'content'?)",
        ),
        ("{text: content", "{txt: content", "14:12: unknown field 'txt' (did you mean 'text'?)"),
        ("file.stat", "file.stats", "17:12: there is no call 'file.stats'; there are: file.stat, dir.list"),
        ('["path:/etc/**"]', "[5]", "17:33: subjects is a list of texts"),
        ('["path:/etc/**"]', '["path:/etc/**", etc]', "17:50: 'etc' is no pattern of subjects"),
        ("subjects: [", "paths: [", "17:23: unknown field 'paths'"),
        ("memoryMiB: 64", "memoryMiB: 1", "18:21: 1 should be between 16 and 2048"),
        ("memoryMiB: 64", "memoryMiB: much", "18:21: should be a number"),
        ("memoryMiB: 64", "memory: 64", "18:10: unknown field 'memory' (did you mean 'memoryMiB'?)"),
        ("limits: {", "limits: [", "18:9: the [ that opens here is not closed, or a comma is missing"),
        ("test.thing", "*name", "1:7: nothing above is marked &name"),
        ("version: 0.1.0", "version: 0100", "2:10: unquoted 0100 is octal to some readers of YAML"),
        ("test.thing", "test.thing\x07", "1:17: the character U+0007 cannot stand in YAML"),
        ("limits:", "---\nlimits:", "19:1: there is one document in such a file, and this is another"),
        ("body: {", "refresh: maybe\n    body: {", "14:14: should be true or false"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, before: str, after: str, expected: str) -> None:
    assert before in MANIFEST
    directory = write(tmp_path / "thing", MANIFEST.replace(before, after, 1))
    assert any(expected in problem for problem in problems(directory)), problems(directory)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("", "is empty"),
        ("# nothing yet\n", "is empty"),
        ("- a\n- b\n", "1:1: should be a mapping with the fields name, version"),
        (MANIFEST.replace("kinds:\n", "kinds: []\nx:\n"), "should not be empty"),
        (MANIFEST[: MANIFEST.index("kinds:")] + "kinds: {a: b}\n", "5:8: should be a list"),
    ],
)
def test_a_manifest_of_another_form_says_so(tmp_path: Path, manifest: str, expected: str) -> None:
    assert any(expected in problem for problem in problems(write(tmp_path / "thing", manifest)))


def test_a_manifest_that_is_not_utf8_says_so(tmp_path: Path) -> None:
    directory = write(tmp_path / "thing")
    (directory / "manifest.yaml").write_bytes(b"name: \xff\n")
    [problem] = problems(directory)
    assert problem.startswith("manifest.yaml:1:7: the byte 0xff is not UTF-8")


def test_a_manifest_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    from reconciler.documents.reader import Reader

    def denied() -> bytes:
        raise PermissionError(13, "Permission denied")

    found: list[object] = []
    assert Reader("manifest.yaml", found).document(denied) is None  # type: ignore[arg-type] # only what is read of it
    assert [str(problem) for problem in found] == ["manifest.yaml: cannot be read: permission denied"]


def test_a_schema_that_is_none_says_so(tmp_path: Path) -> None:
    directory = write(tmp_path / "thing")
    (directory / "actual.json").write_text('["type"]')
    (directory / "thing.json").write_text("[" * 100_000)
    found = problems(directory)
    assert any("10:13: actual.json is no JSON Schema of an object" in one for one in found)
    assert any("9:13: thing.json is not JSON" in one for one in found)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    write(tmp_path / "1", MANIFEST.replace("0.1.0", "one").replace("Thing", "thing"))
    write(tmp_path / "2", "")
    assert len(problems(tmp_path)) == 3


def test_a_kind_belongs_to_one_package(tmp_path: Path) -> None:
    write(tmp_path / "1")
    write(tmp_path / "2", MANIFEST.replace("test.thing", "test.other"))
    [problem] = problems(tmp_path)
    assert f"test.dev/v1alpha1 Thing is a kind of test.thing ({tmp_path}/1) already" in problem


def test_a_kind_is_declared_once(tmp_path: Path) -> None:
    kind = MANIFEST[MANIFEST.index("  - api") : MANIFEST.index("capabilities")]
    directory = write(tmp_path / "thing", MANIFEST.replace(kind, kind + kind))
    assert any("the kind Thing is there twice" in problem for problem in problems(directory))


def test_a_name_belongs_to_one_package(tmp_path: Path) -> None:
    write(tmp_path / "1")
    write(tmp_path / "2")
    [problem] = problems(tmp_path)
    assert f"there is another package test.thing, in {tmp_path}/1 (remove or rename one of them)" in problem


def test_a_directory_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no provider packages can be read: no such file"):
        load_packages([tmp_path / "nowhere"])
