"""CUE in a source: what it declares, where that comes from, what is wrong with it, and when it is looked at again."""

from collections.abc import Mapping

import pytest

from reconciler.config import ParseCache, load
from reconciler.config.compiler import client, compiler
from reconciler.errors import ConfigError, Problem
from reconciler.languages.cue import evaluating, packages
from reconciler.languages.cue.language import Cue
from reconciler.model.desired import Desired
from reconciler.model.source import with_settings
from tests.unit.config.world import CATALOG, TARGET, loaded, snapshot

SITE = """\
package site

import "linux.froyo.dev/v1alpha1"

env: *"dev" | string @tag(env)
files: [Name=string]: v1alpha1.#File & {metadata: name: Name, spec: {target: "web-1", owner: "root"}}
files: motd: spec: {path: "/etc/motd-\\(env)", content: "hello"}
"""


@pytest.fixture(autouse=True, scope="module")
def there():
    """Where the compiler could not be built, each test says so."""
    if compiler().missing:
        pytest.skip(compiler().missing)


def declared(
    files: Mapping[str, str], *, cache: ParseCache | None = None, settings: Mapping[str, str] = {}
) -> Desired:
    shown = with_settings(snapshot({"t.yaml": TARGET, **files}), settings)
    return load(shown, CATALOG, cache=cache, languages=(Cue(),))


def wrong(files: Mapping[str, str]) -> list[Problem]:
    with pytest.raises(ConfigError) as error:
        declared(files)
    return error.value.problems


def paths(found: Desired) -> list[str]:
    return sorted(str(one.spec["path"]) for one in found.instances.values())


def test_objects_are_declared_as_if_they_stood_in_a_file() -> None:
    [instance] = declared({"site/a.cue": SITE}).instances.values()
    [written] = loaded(
        {
            "t.yaml": TARGET,
            "site/a.yaml": "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: motd}\n"
            "spec: {target: web-1, owner: root, path: /etc/motd-dev, content: hello}\n",
        }
    ).instances.values()
    assert (instance.digest, instance.spec, instance.provides) == (
        written.digest,
        written.spec,
        written.provides,
    )
    assert str(instance.origin) == "/src/site/a.cue:7"


def test_what_is_set_fills_tags_and_another_value_is_evaluated_anew() -> None:
    cache = ParseCache()
    for stage in ("dev", "prod", "prod"):
        found = declared({"a.cue": SITE}, cache=cache, settings={"env": stage})
        assert paths(found) == [f"/etc/motd-{stage}"]


def test_what_is_set_and_in_no_program_is_said() -> None:
    [warning] = declared({"a.cue": SITE}, settings={"evn": "prod"}).warnings
    assert warning == "no program reads the setting evn"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'files: b: spec: {path: "/x", contnet: "q"}',
            ["8:30: there is no field spec.contnet in a File (did you mean 'content'?)"],
        ),
        (
            'files: b: spec: {path: "x", mode: "9"}\nfiles: c: {}',
            [
                "8:24: spec.path cannot be 'x' (Where it is)",
                "8:35: spec.mode cannot be '9' (Permissions in octal, in quotes)",
                "9:8: spec.path is missing (add path: where it is)",
            ],
        ),
        (
            'files: b: spec: {path: "/x", content: "a", source: "b"}',
            ["8:52: content and source do not go together in spec (keep one)"],
        ),
        (
            'files: motd: spec: owner: "bob"',
            ['6:94: files.motd.spec.owner: conflicting values "root" and "bob" (see also a.cue:8:27)'],
        ),
        ("files: b: spec: {", ["9:1: expected '}', found 'EOF'"]),
        ("x: y", ['8:4: x: reference "y" not found']),
        (
            'x: {apiVersion: "v1", kind: "Pod"}',
            ["8:23: there is no kind Pod in v1"],
        ),
        ('files: b: spec: path: "/\\(who)"\nwho: string', ["8:23: files.b.spec.path: invalid interpolation"]),
    ],
    ids=["unknown", "values", "together", "conflict", "syntax", "reference", "kind", "open"],
)
def test_what_is_wrong_is_said_at_its_character(text: str, said: list[str]) -> None:
    found = [str(problem).removeprefix("a.cue:") for problem in wrong({"a.cue": f"{SITE}{text}\n"})]
    assert len(found) == len(said)
    for one, start in zip(found, said, strict=True):
        assert one.startswith(start)


def test_the_line_is_shown() -> None:
    [problem] = wrong({"a.cue": SITE + 'files: b: spec: {path: "/x", größe: "q"}\n'})
    assert problem.excerpt == 'files: b: spec: {path: "/x", größe: "q"}'
    assert problem.column == 30


def test_a_program_that_sets_itself_aside_declares_nothing_until_it_is_asked_for() -> None:
    files = {
        "a.cue": "@if(more)\n\n" + SITE,
        "b.cue": SITE.replace("package site", "package other"),
        "c.cue": "c: 1\n",
    }
    files["b.cue"] = files["b.cue"].replace("motd", "issue")
    cache = ParseCache()
    assert paths(declared(files, cache=cache)) == ["/etc/issue-dev"]
    both = ["/etc/issue-dev", "/etc/motd-dev"]
    assert paths(declared(files, cache=cache, settings={"more": "true"})) == both
    assert paths(declared(files, cache=cache)) == both[:1]


def test_what_the_compiler_says_nothing_of_is_not_taken_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"programs": [], "problems": [], "aside": [], "tags": []}
    monkeypatch.setattr(client.Compiler, "ask", lambda *_, **__: answer)
    [problem] = wrong({"a.cue": SITE})
    assert problem.message == "the compiler says nothing of what it makes; this is a defect of froyo"


def test_what_is_wrong_in_what_two_programs_share_is_said_once() -> None:
    files = {
        "a/all.cue": "package site\n\nx: 1\nx: 2\n",
        "a/b/one.cue": "package site\n\ny: 1\n",
        "a/c/two.cue": "package site\n\nz: 1\n",
    }
    [problem] = wrong(files)
    assert problem.message == "x: conflicting values 2 and 1"


def test_nothing_is_evaluated_again_that_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    ask = client.Compiler.ask

    def noted(
        self: client.Compiler, operation: str, arguments: Mapping[str, object], **more: float
    ) -> object:
        asked.append(list(arguments["only"]))  # type: ignore[call-overload]
        return ask(self, operation, arguments, **more)

    monkeypatch.setattr(client.Compiler, "ask", noted)
    files = {"a/a.cue": SITE, "b/b.cue": SITE.replace("motd", "issue")}
    cache = ParseCache()
    assert len(declared(files, cache=cache).instances) == 2
    assert len(declared(files, cache=cache).instances) == 2
    assert asked == [["a:site", "b:site"]]
    files["b/b.cue"] += "\n// another one\n"
    declared(files, cache=cache)
    assert asked[1:] == [["b:site"]]
    # A file that comes may be a part of any package.
    files["a/more.cue"] = 'package site\n\nfiles: more: spec: path: "/more"\n'
    assert paths(declared(files, cache=cache))[-1] == "/more"
    assert asked[2:] == [["a:site", "b:site"]]
    del files["a/more.cue"]
    assert len(declared(files, cache=cache).instances) == 2


def test_what_lies_in_a_tree_or_is_a_body_is_no_program() -> None:
    body = "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: x}\n"
    body += "spec: {target: web-1, path: /x, source: conf.cue}\n"
    found = declared({"x.yaml": body, "conf.cue": "this is no CUE"})
    assert paths(found) == ["/x"]


def test_a_program_names_files_relative_to_itself() -> None:
    text = SITE + 'files: body: spec: {path: "/body", source: "body.txt"}\n'
    found = declared({"site/a.cue": text, "site/body.txt": "hello"})
    assert paths(found)[0] == "/body"


def test_targets_and_values_are_declared_too() -> None:
    text = """\
import "froyo.dev/v1alpha1"

targets: {for n in ["one", "two"] {(n): v1alpha1.#Target & {metadata: name: "t-\\(n)", spec: local: {}}}}
vars: v1alpha1.#Vars & {metadata: name: "all", spec: {targets: {}, values: port: 80}}
"""
    found = declared({"a.cue": text})
    assert sorted(found.targets) == ["t-one", "t-two", "web-1"]
    assert found.targets["t-one"].name == "t-one"


BOMB = "a0: [0]\n" + "".join(f"a{i}: [{', '.join([f'a{i - 1}'] * 9)}]\n" for i in range(1, 12))


@pytest.mark.parametrize(
    ("most", "said"),
    [
        (8, "b.cue: this is not evaluated: it takes longer than 0.6 s"),
        (1, "a.cue: this and 1 more programs in CUE are not evaluated: it takes longer than 0.5 s"),
    ],
    ids=["one of a few", "one of many"],
)
def test_a_bomb_is_stopped_and_said_and_the_next_look_is_well(
    monkeypatch: pytest.MonkeyPatch, most: int, said: str
) -> None:
    monkeypatch.setattr(client.Compiler.ask, "__kwdefaults__", {"seconds": 0.5})
    monkeypatch.setattr(evaluating, "_ALONE_MOST", most)
    monkeypatch.setattr(evaluating, "_ALONE_SECONDS", 0.6)
    cache = ParseCache()
    for _ in range(2):
        with pytest.raises(ConfigError) as error:
            declared({"a.cue": SITE, "b.cue": BOMB}, cache=cache)
        [problem] = error.value.problems
        assert str(problem) == f"{said} (look for what repeats or multiplies itself without end)"
    assert paths(declared({"a.cue": SITE, "b.cue": "a: 1\n"}, cache=cache)) == ["/etc/motd-dev"]


def test_without_a_compiler_it_is_said_once(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    none = client.Compiler(tmp_path)  # type: ignore[arg-type]
    monkeypatch.setattr("reconciler.languages.cue.evaluating.compiler", lambda: none)
    [problem] = wrong({"a.cue": SITE, "b/b.cue": "b: 1\n"})
    assert str(problem) == f"a.cue: {none.missing}"
    assert declared({}).instances == {}


NOTE = "apiVersion: linux.froyo.dev/v1alpha1\nkind: File\nmetadata: {name: %s}\nspec: {target: web-1, path: /%s}\n"
HELD = 'package site\n\n#Manifest: {kind: string, if kind == "File" {metadata: name: =~"^a"}}\n'


def test_manifests_are_held_to_the_constraints_beside_and_above_them() -> None:
    files = {
        "site/rules.cue": HELD,
        "site/a.yaml": NOTE % ("ax", "ax"),
        "site/deep/b.yaml": f"{NOTE % ('ay', 'ay')}---\n{NOTE % ('bx', 'bx')}",
        "else/c.yaml": NOTE % ("cx", "cx"),
    }
    cache = ParseCache()
    for _ in range(2):
        with pytest.raises(ConfigError) as error:
            declared(files, cache=cache)
        assert [str(one) for one in error.value.problems] == [
            (
                'site/deep/b.yaml:8:18: metadata.name: invalid value "bx" (out of bound =~"^a") '
                "(see also site/rules.cue:3:62)"
            )
        ]
    files["site/deep/b.yaml"] = NOTE % ("ay", "ay")
    assert len(declared(files, cache=cache).instances) == 3


def test_so_are_items_of_lists_and_what_other_programs_make() -> None:
    items = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: linux.froyo.dev/v1alpha1\n  kind: File\n"
    items += "  metadata: {name: b}\n  spec: {target: web-1, path: /b}\n"
    found = wrong({"site/rules.cue": HELD, "site/list.yaml": items, "site/deep/m.cue": SITE})
    assert [one.location for one in found] == ["site/deep/m.cue:6:57", "site/list.yaml:6:20"]


def test_what_a_constraint_asks_for_and_is_not_there_is_said_at_the_nearest_place() -> None:
    rules = 'package a\n\n#Manifest: {spec: owner!: "root"}\n'
    [problem] = wrong({"a/rules.cue": rules, "a/a.yaml": NOTE % ("a", "a")})
    assert str(problem).startswith("a/a.yaml:4:1: spec.owner: field is required but not present")


@pytest.mark.parametrize(
    ("text", "package"),
    [
        ("package a", "a"),
        ("", ""),
        ("x: 1\n", ""),
        ('// package b\n\n@if(x && (y || z))\n@other("package )c")\npackage d // e\n', "d"),
        ("package _\n", ""),
        ("\n\tpackage\ta_b\r\n", "a_b"),
        ("packages: 1\n", ""),
    ],
)
def test_the_package_of_a_file_is_told_from_how_it_begins(text: str, package: str) -> None:
    assert packages.package_of(text) == package
    name = f".:{package}" if package else "f.cue"
    answer = compiler().ask(
        "cue.evaluate", {"files": {"f.cue": text}, "library": {}, "tags": {"x": "true", "y": "true"}}
    )
    assert [one["name"] for one in answer["programs"]] == ([name] if text else ["f.cue"])


def test_who_guesses_at_the_name_of_a_package_of_ours_is_told_what_there_is() -> None:
    [problem] = wrong(
        {"site.cue": 'package site\n\nimport "froyo.dev/linux/v1alpha1"\n\nx: v1alpha1.#File\n'}
    )
    assert (problem.line, problem.column) == (3, 8)
    assert "froyo.dev/v1alpha1, linux.froyo.dev/v1alpha1" in problem.hint
