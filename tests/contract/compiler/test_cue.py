"""What the compiler answers about CUE."""

import pytest

LIBRARY = {
    "linux.froyo.dev/v1alpha1": """\
package v1alpha1

#File: {
	apiVersion: "linux.froyo.dev/v1alpha1"
	kind:       "File"
	metadata: name!: string
	spec: {
		path!: =~"^/"
		mode:  *"0644" | =~"^0[0-7]{3}$"
		owner?: string
	}
}
"""
}
SITE = """\
package site

import linux "linux.froyo.dev/v1alpha1"

env: *"dev" | string @tag(env)
files: [Name=string]: linux.#File & {metadata: name: Name}
files: motd: spec: path: "/etc/motd-\\(env)"
"""


def objects(answer):
    return {one["path"]: one["value"] for program in answer["programs"] for one in program["objects"]}


def test_concrete_objects_are_found_wherever_they_are(evaluate):
    answer = evaluate(
        {
            "a.cue": """\
top: apiVersion: "v1"
top: kind: "Top"
in: the: midst: [{apiVersion: "v1", kind: "Listed", n: 1.50, of: {apiVersion: "v1", kind: "Inner"}}]
#Definition: {apiVersion: "v1", kind: "No"}
_hidden: {apiVersion: "v1", kind: "No"}
optional?: {apiVersion: "v1", kind: "No"}
other: {apiVersion: string, kind: string}
"""
        }
    )
    assert answer["problems"] == []
    assert objects(answer) == {
        "top": {"apiVersion": "v1", "kind": "Top"},
        "in.the.midst[0]": {
            "apiVersion": "v1",
            "kind": "Listed",
            "n": 1.5,
            "of": {"apiVersion": "v1", "kind": "Inner"},
        },
    }


def test_packages_import_definitions_without_a_module_of_their_own(evaluate):
    answer = evaluate({"site/site.cue": SITE}, library=LIBRARY)
    assert answer["problems"] == []
    assert objects(answer)["files.motd"]["spec"] == {"path": "/etc/motd-dev", "mode": "0644"}


def test_a_tag_is_set_and_all_that_may_be_set_are_named(evaluate):
    more = '@if(extra)\n\npackage extra\n\nx: {apiVersion: "v1", kind: "Extra"}\n'
    files = {"site/site.cue": SITE, "extra/extra.cue": more, "one.cue": "n: int @tag(count, type=int)\n"}
    answer = evaluate(files, library=LIBRARY, tags={"env": "prod", "of nobody": "1"})
    assert objects(answer)["files.motd"]["spec"]["path"] == "/etc/motd-prod"
    assert answer["tags"] == ["count", "env", "extra"]
    assert "x" not in objects(answer)
    answer = evaluate(files, library=LIBRARY, tags={"extra": "true", "count": "7"})
    assert answer["problems"] == []
    assert objects(answer)["x"]["kind"] == "Extra"


def test_a_tag_of_a_file_that_does_not_parse_is_not_said_to_be_unknown(evaluate):
    files = {"a.cue": "package a\n\nx: string @tag(x)\ny: [\n", "b.cue": "package a\n\nz: 1\n"}
    [problem] = evaluate(files, tags={"x": "1"})["problems"]
    assert problem["message"].startswith("expected ']'")


def test_a_value_that_a_tag_cannot_have_is_wrong(evaluate):
    [problem] = evaluate({"one.cue": "n: int @tag(count, type=int)\n"}, tags={"count": "many"})["problems"]
    assert "many" in problem["message"]


def test_a_module_imports_its_own_packages(evaluate):
    answer = evaluate(
        {
            "cue.mod/module.cue": 'module: "example.com/infra@v0"\nlanguage: version: "v0.9.0"\n',
            "lib/lib.cue": 'package lib\n\n#One: {apiVersion: "v1", kind: "One", name: string}\n',
            "site/a.cue": 'package site\n\nimport "example.com/infra/lib"\n\na: lib.#One & {name: "a"}\n',
        },
        library=LIBRARY,
    )
    assert answer["problems"] == []
    assert objects(answer)["a"]["name"] == "a"
    assert [program["files"] for program in answer["programs"]] == [
        ["lib/lib.cue"],
        ["lib/lib.cue", "site/a.cue"],
    ]


def test_no_other_module_is_fetched(evaluate):
    [problem] = evaluate(
        {
            "cue.mod/module.cue": 'module: "a.example@v0"\nlanguage: version: "v0.9.0"\n'
            'deps: "b.example@v0": v: "v0.1.0"\n',
            "a.cue": 'package a\n\nimport "b.example/b"\n\nx: b.x\n',
        }
    )["problems"]
    assert "none is fetched: put its packages into cue.mod/pkg" in problem["message"]
    assert (problem["file"], problem["line"], problem["column"]) == ("a.cue", 3, 8)


def test_a_package_of_a_directory_above_is_a_part_of_those_below_and_declares_once(evaluate):
    answer = evaluate(
        {
            "a/all.cue": 'package site\n\nall: {apiVersion: "v1", kind: "A"}\n'
            '#Base: {apiVersion: "v1", kind: "B", n: int}\n',
            "a/b/one.cue": "package site\n\none: #Base & {n: 1}\n",
            "a/b/two.cue": 'package other\n\ntwo: {apiVersion: "v1", kind: "Two"}\n',
        }
    )
    assert [
        (program["name"], [one["path"] for one in program["objects"]]) for program in answer["programs"]
    ] == [
        ("a:site", ["all"]),
        ("a/b:other", ["two"]),
        ("a/b:site", ["one"]),
    ]


def test_both_sides_of_a_conflict_have_their_places(evaluate):
    [problem] = evaluate({"a.cue": "package a\n\nx: 1\n", "b.cue": "package a\n\nx: 2\n"})["problems"]
    assert problem["message"] == "x: conflicting values 2 and 1"
    sides = [problem, *problem["others"]]
    assert sorted((one["file"], one["line"], one["column"]) for one in sides) == [
        ("a.cue", 3, 4),
        ("b.cue", 3, 4),
    ]


def test_a_manifest_that_is_not_concrete_says_what_is_open(evaluate):
    answer = evaluate({"site.cue": SITE + "files: open: {}\n"}, library=LIBRARY)
    assert [(one["message"], one["line"]) for one in answer["problems"]] == [
        ("files.open.spec.path: field is required but not present", 8)
    ]
    assert "files.motd" in objects(answer)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'files: [Name=string]: linux.#Flie\nfiles: motd: spec: path: "/x"',
            "files.motd: undefined field: #Flie",
        ),
        ('motd: linux.File & {metadata: name: "motd"}', "motd: undefined field: File"),
        ('stage: "dev" | "prod"\nif stage == "prod" {motd: linux.#File}', "unresolved disjunction"),
        ("a: {for page in site.pages {(page): linux.#File}}\nsite: {}", "a: undefined field: pages"),
        ('a: (linux.#File | {kind: "Link"}) & {spec: path: "/x"}', "a: non-concrete value struct"),
    ],
)
def test_where_manifests_may_be_and_it_is_not_known_which_is_not_nothing(evaluate, text, said):
    used = 'used: linux.#File & {metadata: name: "used", spec: path: "/x"}'
    answer = evaluate(
        {"a.cue": f'import linux "linux.froyo.dev/v1alpha1"\n{used}\n{text}\n'}, library=LIBRARY
    )
    (problem,) = answer["problems"]
    assert (problem["file"], problem["line"]) == ("a.cue", 4 if "stage" in text else 3)
    assert said in problem["message"]


def test_single_values_of_what_is_used_as_a_template_may_be_open(evaluate):
    text = """\
import "strings"
template: {name: string, size: int, twice: size * 2, path: "/etc/\\(name)", up: strings.ToUpper(name), of: [...int]}
"""
    assert evaluate({"a.cue": text})["problems"] == []


def test_a_field_that_a_definition_does_not_have_is_at_its_place(evaluate):
    text = SITE + 'files: motd: spec: ownr: "root"\n'
    [problem] = evaluate({"site.cue": text}, library=LIBRARY)["problems"]
    assert problem["message"] == "files.motd.spec.ownr: field not allowed"
    assert (problem["file"], problem["line"], problem["column"]) == ("site.cue", 8, 20)


def test_every_value_has_the_place_that_it_was_written_at(evaluate):
    answer = evaluate({"site/site.cue": SITE}, library=LIBRARY)
    [program] = answer["programs"]
    [motd] = program["objects"]
    file, line, column, fields = motd["place"]
    assert (program["files"][file], line, column) == ("site/site.cue", 7, 26)
    assert fields["spec"][1:3] == [7, 26]
    assert fields["spec"][3]["path"][1:3] == [7, 26]
    # It comes from the library: where it is written first is for whom that matters.
    assert fields["spec"][3]["mode"][1] == 0


def test_what_is_set_aside_is_no_program(evaluate):
    text = 'x: {apiVersion: "v1", kind: "No"}\n'
    files = dict.fromkeys(("_a.cue", "a_tool.cue", "a_test.cue", ".b.cue", "_c/c.cue", "cue.mod/x.cue"), text)
    assert evaluate({**files, "ignored.cue": f"@ignore()\n\n{text}"})["programs"] == []


def test_data_is_held_to_the_constraints_of_its_directory_and_those_above(compiler):
    files = {
        "a.cue": 'package a\n\n#Manifest: {kind!: string, spec: owner!: "root"}\n',
        "b/b.cue": 'package b\n\n#Manifest: {metadata: name!: =~"^b-"}\n',
    }
    data = [
        {"file": "x.yaml", "value": {"kind": "File", "spec": {"owner": "bob"}}},
        {
            "file": "b/y.yaml",
            "value": {"kind": "File", "metadata": {"name": "b-y"}, "spec": {"owner": "root"}},
        },
        {"file": "b/c/z.yaml", "value": {"kind": "File", "metadata": {"name": "z"}, "spec": {}}},
    ]
    answer = compiler.ask("cue.vet", {"files": files, "library": {}, "tags": {}, "data": data})
    assert [(one["document"], one["path"], one["message"]) for one in answer["problems"]] == [
        (0, ["spec", "owner"], 'conflicting values "bob" and "root"'),
        (2, ["metadata", "name"], 'invalid value "z" (out of bound =~"^b-")'),
        (2, ["spec", "owner"], "field is required but not present"),
    ]
    assert answer["problems"][0]["others"] == [{"file": "a.cue", "line": 3, "column": 42}]


def test_it_is_formatted_as_cue_does(compiler):
    answer = compiler.ask("cue.format", {"files": {"a.cue": "a:   1\nb: {c:2}", "b.cue": "a: ["}})
    assert answer["files"] == {"a.cue": "a: 1\nb: {c: 2}\n"}
    assert [(one["file"], one["line"]) for one in answer["problems"]] == [("b.cue", 1)]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("9223372036854775808", "x.n: a whole number of more than 64 bits cannot be declared"),
        ("-" + "9" * 5000, "x.n: a whole number of more than 64 bits cannot be declared"),
        ("1.0e400", "x.n: a number of more than 64 bits cannot be declared"),
        ('"a\\u0000b"', "x.n: a NUL character cannot be declared"),
        ("{a: " * 70 + "1" + "}" * 70, "nested more than 64 levels deep"),
        ("[" * 70 + "]" * 70, "nested more than 64 levels deep"),
    ],
    ids=["int", "long int", "float", "nul", "structs", "lists"],
)
def test_what_no_manifest_can_have_is_refused_at_its_place(evaluate, value, said):
    answer = evaluate({"a.cue": f'x: {{apiVersion: "v1", kind: "K", n: {value}}}\n'})
    [problem] = answer["problems"]
    assert problem["message"].endswith(said)
    assert problem["line"] == 1
    assert objects(answer) == {}


def test_what_is_within_64_bits_is_as_it_was_written(evaluate):
    text = 'x: {apiVersion: "v1", kind: "K", n: [9223372036854775807, 0.1, 1.5e3, 1_0, 0x1F, 2K, true, null, \'a\']}\n'
    answer = evaluate({"a.cue": text})
    assert objects(answer)["x"]["n"] == [2**63 - 1, 0.1, 1500.0, 10, 31, 2000, True, None, "YQ=="]


def test_a_message_is_no_longer_than_a_person_reads(evaluate):
    long = "x" * 10000
    [problem] = evaluate({"a.cue": f'a: "{long}" & "y{long}"\n'})["problems"]
    assert len(problem["message"]) < 1100
