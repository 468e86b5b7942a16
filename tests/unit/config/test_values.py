"""Values of targets, and expressions that read them."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.config import ParseCache, load
from reconciler.config.expressions import parse, place, put_in
from reconciler.errors import ConfigError
from reconciler.model.desired import Desired
from reconciler.model.facts import Facts, Section
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.origin import Origin
from reconciler.model.resource import Instance
from reconciler.model.values import Read, Rendered
from tests.unit.config.world import CATALOG, loaded, problems, resource, snapshot

TARGETS = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-1, labels: {role: web, dc: a}}
spec: {local: {}}
---
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {name: web-2, labels: {role: web, dc: b}}
spec: {ssh: {host: web-2}}
"""


def variables(name: str, values: dict[str, object], **where: object) -> str:
    return json.dumps(
        {
            "apiVersion": "froyo.dev/v1alpha1",
            "kind": "Vars",
            "metadata": {"name": name},
            "spec": {**(where or {"targets": {}}), "values": values},
        }
    )


def tune(**spec: object) -> str:
    spec = {"targets": {}, "key": "a", **spec}
    written = {
        "apiVersion": "linux.froyo.dev/v1alpha1",
        "kind": "Tune",
        "metadata": {"name": "t"},
        "spec": spec,
    }
    return json.dumps(written)


def one(files: dict[str, str], address: str = "web-1/Tune/t", cache: ParseCache | None = None) -> Instance:
    return loaded({"targets.yaml": TARGETS} | files, cache=cache).instances[Address(address)]


def value(expression: str, given: object = None) -> object:
    return one({"v.json": variables("v", {"x": given}), "t.json": tune(free={"it": expression})}).spec[
        "free"
    ]["it"]


@pytest.mark.parametrize("given", [1, -(2**62), 1.5, True, "a", "", None, [1, "a", None], {"a": {"b": [1]}}])
def test_a_string_that_is_one_expression_has_its_value_and_its_type(given: object) -> None:
    found = value("${vars.x}", given)
    assert (found, type(found)) == (given, type(given))


@pytest.mark.parametrize(
    ("given", "text"),
    [(1, "1"), (1.5, "1.5"), (1.0, "1.0"), (True, "true"), (False, "false"), ("a", "a"), ("", "")],
)
def test_within_text_a_value_is_converted(given: object, text: str) -> None:
    assert value("<${vars.x}>", given) == f"<{text}>"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("${vars.x + 1}", 3),
        ("${ vars.x == 2 ? 'two' : 'more' }", "two"),
        ("${{'a': vars.x}.a}", 2),
        ("${'}' + string(vars.x) + \"{\"}", "}2{"),
        ("$${vars.x}", "${vars.x}"),
        ("$${vars.x} ${vars.x} $${", "${vars.x} 2 ${"),
        ("$$${vars.x}", "$${vars.x}"),
        ("${'$'}{vars.x}${vars.x}"[5:], "}{vars.x}2"),
        ("$vars.x $ {vars.x}", "$vars.x $ {vars.x}"),
        ("${target.name}", "web-1"),
        ("${has(target.labels.tier) ? '' : target.labels['dc']}", "a"),
        ("${has(vars.y) ? vars.y : 'none'}", "none"),
        ("${['a', 'b'].map(i, i + string(vars.x)).join('-')}", "a2-b2"),
        ("${'A b'.lowerAscii().split(' ')[1].upperAscii() + string(vars.x)}", "B2"),
        ("${string(vars.x).replace('2', 'two').substring(1, 3)}", "wo"),
        ("${(' ' + string(vars.x) + ' ').trim().substring(0)}", "2"),
        ("${'ab'.split('').size() + vars.x}", 4),
        ("${'a,b,c'.split(',', vars.x)[1]}", "b,c"),
        ("${string(true) + string(null == vars.x)}", "truefalse"),
    ],
)
def test_an_expression_is_cel(written: str, found: object) -> None:
    assert value(written, 2) == found


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("${vars.x.join()}", "join: 1 is no text"),
        ("${vars.x[0].trim(1)}", "trim: takes 1 positional argument but 2 were given"),
        ("${'a'.substring(vars.x[0], 3)}", "substring: there is no 1 to 3 in 1 characters"),
        (
            "${timestamp('2026-01-01T00:00:00Z') > timestamp('1970-01-01T00:00:00Z') ? duration('1h') : vars.x}",
            "its value is a duration",
        ),
        ("${bytes('a') + bytes(string(vars.x[0]))}", "its value is bytes"),
        ("${1.0 / double(vars.x[0] - 1)}", "its value is inf, which is no number that a field may have"),
        ("${{vars.x[0]: 1}}", "its value has the key 1, and keys are text"),
        ("${int('x' + string(vars.x[0]))}", "int: string parse error: invalid digit found in string"),
        ("${timestamp(vars.x[0])}", "timestamp does not take what it is given"),
        ("${type(vars.x)}", None),
        ("${[1, 2].map(i, {'a': duration('1h'), 'b': vars.x})}", "its value is a duration"),
        (
            "${[[vars.x[0] + 9223372036854775807]]}",
            "Arithmetic overflow in 'add' on 1 and 9223372036854775807",
        ),
        ("${string([vars.x])}", "string: a list is no text"),
    ],
)
def test_what_no_field_can_have_is_refused(written: str, said: str | None) -> None:
    files = {"v.json": variables("v", {"x": [1]}), "t.json": tune(free={"it": written})}
    found = problems({"targets.yaml": TARGETS} | files)
    if said is None:
        assert found == []
    else:
        assert [problem.message for problem in found] == [f"spec.free.it: {written}: {said}, on web-1, web-2"]


def test_a_text_cannot_be_made_to_grow_without_bound() -> None:
    given = "a" * 2000
    files = {
        "v.json": variables("v", {"x": given}),
        "t.json": tune(free={"it": "${vars.x.replace('a', vars.x)}"}),
    }
    assert "more than 1048576 characters" in problems({"targets.yaml": TARGETS} | files)[0].message
    long = "${vars.x + '" + "a" * 1000 + "'}"
    files["t.json"] = tune(free={"it": long})
    assert (
        "an expression of 1011 characters; at most 1000 are taken"
        in problems({"targets.yaml": TARGETS} | files)[0].message
    )


def test_the_more_specific_vars_gives_a_name_its_whole_value() -> None:
    files = {
        "v1.json": variables("all", {"a": 1, "b": 1, "c": 1, "d": {"x": 1, "y": 1}}),
        "v2.json": variables(
            "role", {"b": 2, "c": 2, "d": {"x": 2}}, targets={"matchLabels": {"role": "web"}}
        ),
        "v3.json": variables(
            "both",
            {"c": 3},
            targets={
                "matchLabels": {"role": "web"},
                "matchExpressions": [{"key": "dc", "operator": "Exists"}],
            },
        ),
        "v4.json": variables("named", {"c": 4}, target="web-2"),
        "t.json": tune(free={"it": "${vars}"}),
    }
    for names in (sorted(files), sorted(files, reverse=True)):
        ordered = {f"{i}{name}": files[name] for i, name in enumerate(names)}
        assert one(ordered).spec["free"]["it"] == {"a": 1, "b": 2, "c": 3, "d": {"x": 2}}
        assert one(ordered, "web-2/Tune/t").spec["free"]["it"] == {"a": 1, "b": 2, "c": 4, "d": {"x": 2}}


def test_a_tie_is_none_where_something_more_specific_decides() -> None:
    files = {
        "v1.json": variables("role", {"a": 1}, targets={"matchLabels": {"role": "web"}}),
        "v2.json": variables(
            "dc", {"a": 2}, targets={"matchExpressions": [{"key": "dc", "operator": "Exists"}]}
        ),
        "v3.json": variables("named", {"a": 3}, target="web-1"),
    }
    found = problems({"targets.yaml": TARGETS} | files)
    message = "Vars/dc and Vars/role both give vars.a on web-2, and neither is more specific; "
    assert [problem.message for problem in found] == [message + "Vars/role gives it at /src/v1.json:1"]
    assert not problems(
        {"targets.yaml": TARGETS} | files | {"v4.json": variables("other", {"a": 4}, target="web-2")}
    )


def test_where_a_field_came_from_is_told() -> None:
    files = {
        "v.json": variables("v", {"port": 80}),
        "t.json": tune(key="${target.name}:${vars.port}", count=2),
    }
    assert one(files).rendered == (
        Rendered(
            "key",
            "${target.name}:${vars.port}",
            "web-1:80",
            (Read("target.name", "web-1"), Read("vars.port", 80, Origin("v.json", 1, 0, "/src"))),
        ),
    )
    assert one({"t.json": tune()}).rendered == ()


def test_a_body_has_expressions_as_well_and_its_own_digest_on_each_target() -> None:
    written = json.dumps(resource(content="I am ${target.name}") | {})
    desired = loaded({"targets.yaml": TARGETS, "f.json": written})
    body = desired.instances[Address("web-1/File/motd")].spec["body"]
    assert desired.find_blob(Digest(body["digest"])).read() == b"I am web-1"
    rendered = desired.instances[Address("web-1/File/motd")].rendered[0]
    assert (rendered.field, rendered.body, rendered.value) == ("content", True, None)


def test_a_body_in_base64_and_one_in_a_file_are_chosen_by_a_value() -> None:
    files = {
        "v.json": variables("v", {"it": "aGk=", "file": "bodies/a.txt"}),
        "bodies/a.txt": "from a file",
        "f.json": json.dumps(resource(contentBase64="${vars.it}")),
        "g.json": json.dumps(resource("other", source="${vars.file}")),
    }
    desired = loaded({"targets.yaml": TARGETS} | files)
    read = [
        desired.find_blob(
            Digest(desired.instances[Address(f"web-1/File/{name}")].spec["body"]["digest"])
        ).read()
        for name in ("motd", "other")
    ]
    assert read == [b"hi", b"from a file"]
    files["v.json"] = variables("v", {"it": "?", "file": "bodies/b.txt"})
    assert [problem.message for problem in problems({"targets.yaml": TARGETS} | files)] == [
        "spec.contentBase64: this is not base64, on web-1",
        "spec.source: bodies/b.txt is no part of the source",
    ]


def test_a_subject_may_be_made_of_values() -> None:
    files = {
        "v.json": variables("v", {"site": "a"}),
        "f.json": json.dumps(resource(path="/etc/${vars.site}")),
        "g.json": json.dumps(resource("other", path="/etc/a")),
    }
    found = problems({"targets.yaml": TARGETS} | files)
    assert "File/other and File/motd both claim path /etc/a on web-1" in found[0].message


def test_a_tree_cannot_be_chosen_by_a_value() -> None:
    from dataclasses import replace

    from reconciler.model.catalog import BodyFields, Catalog
    from tests.unit.config.world import FILE

    kind = replace(FILE, body=BodyFields(tree="source"))
    catalog = Catalog({(kind.api_version, kind.kind): kind}, "2")
    files = {"targets.yaml": TARGETS, "f.json": json.dumps(resource(source="${target.name}"))}
    assert "no expression can stand in spec.source" in problems(files, catalog=catalog)[0].message


def test_what_depends_on_what_is_not_known_yet_is_decided_when_it_is() -> None:
    files = {"v.json": variables("v", {"key": "fixed"}), "t.json": tune(key="${vars.key}", pace=3)}
    found = problems({"targets.yaml": TARGETS} | files)
    assert [problem.message for problem in found] == [
        "pace does not go together with the key 'fixed', on web-1, web-2"
    ]
    files["v.json"] = variables("v", {"key": "free"})
    assert problems({"targets.yaml": TARGETS} | files) == []


def test_a_label_that_is_no_identifier_is_named_as_it_is_written() -> None:
    files = {"t.json": tune(key="${target.labels['example.com/tier']}")}
    found = [(p.message, p.hint) for p in problems({"targets.yaml": TARGETS} | files)]
    message = "spec.key: target.labels['example.com/tier'] is not defined, on web-1, web-2"
    assert found == [(message, "give it the label example.com/tier")]


@pytest.mark.parametrize(
    ("read", "values", "hint"),
    [
        ("vars.kye", {"key": "a"}, "did you mean 'key'?"),
        ("vars.other", {"key": "a", "port": 1}, "a Vars for this target has to give it: there are key, port"),
        ("vars.other", {"key": "a"}, "a Vars for this target has to give it: there is key"),
        ("vars.other", {}, "a Vars for this target has to give it"),
        ("vars.app.port", {"app": {"name": "a"}}, "a Vars for this target has to give it: there is name"),
        ("target.address", {}, "there are name, labels"),
    ],
)
def test_what_is_not_there_is_told_with_what_there_is(
    read: str, values: dict[str, object], hint: str
) -> None:
    files = {"v.json": variables("v", values), "t.json": tune(key=f"${{{read}}}")}
    assert [p.hint for p in problems({"targets.yaml": TARGETS} | files)] == [hint]


def test_a_value_that_others_have_is_told_with_who_gives_it() -> None:
    files = {
        "v.json": variables("v", {"key": "a"}, target="web-2"),
        "t.json": tune(key="${vars.key}"),
    }
    assert [p.hint for p in problems({"targets.yaml": TARGETS} | files)] == [
        "Vars/v gives it at /src/v.json:1, for other targets: a Vars for this one has to give it, too"
    ]


def test_no_value_is_told_of_what_is_sensitive() -> None:
    files = {
        "v.json": variables("v", {"word": "canary", "mode": "0600"}),
        "f.json": json.dumps(resource(mode="0600", state="${vars.word}")),
        "g.json": json.dumps(resource("other", mode="${vars.mode}", state="${vars.word + 's'}")),
    }
    found = problems({"targets.yaml": TARGETS} | files)
    assert [(p.message, p.hint) for p in found] == [
        ("spec.state is refused with what it comes to, on web-1", "vars.word, given at /src/v.json:1")
    ] * 2
    assert "canary" not in str(found)
    for spec in (
        {"content": "${vars.names[vars.word]}"},
        {"content": "${string(int(vars.word))}"},
        {"content": "{{ vars.word + 1 }}", "template": True},
    ):
        files = {
            "v.json": variables("v", {"word": "canary", "names": {}}),
            "f.json": json.dumps(resource(mode="0600", **spec)),
        }
        found = problems({"targets.yaml": TARGETS} | files)
        assert "why is not told, since this is sensitive, on web-1" in found[0].message
        assert "canary" not in str(found)


def test_no_value_is_missed_where_what_gives_values_is_broken() -> None:
    files = {"t.json": tune(key="${vars.key}")}
    assert [p.message for p in problems({"targets.yaml": TARGETS} | files)] == [
        "spec.key: vars.key is not defined, on web-1, web-2"
    ]
    files["v.json"] = variables("v", {"my-key": 1})
    assert [p.message for p in problems({"targets.yaml": TARGETS} | files)] == [
        "no value can be called 'my-key'"
    ]


def test_an_escape_in_quotes_is_the_same_as_the_character() -> None:
    text = 'apiVersion: linux.froyo.dev/v1alpha1\nkind: Tune\nmetadata: {name: t}\nspec: {target: web-1, key: "%s"}'
    for written in ("\\u0024{target.name}", "$\\x7Btarget.name}", "${target.name}"):
        assert one({"t.yaml": text % written}).spec["key"] == "web-1"
    assert one({"t.yaml": text % "\\x24$\\u007btarget.name}"}).spec["key"] == "${target.name}"


class TestMadeOfOthers:
    def test_a_value_may_be_made_of_others_of_the_same_target(self) -> None:
        files = {
            "v.json": variables(
                "all",
                {
                    "url": "https://${vars.host}:${vars.ports[0] + 1}/",
                    "site": {"name": "${vars.host}", "urls": ["${vars.url}", "$${x}"]},
                    "host": "${target.name}.${vars.domain}",
                    "ports": [80],
                    "domain": "example.org",
                },
            ),
            "w.json": variables("two", {"domain": "example.com"}, target="web-2"),
            "t.json": tune(free={"it": "${vars.site}"}),
        }
        assert one(files).spec["free"]["it"] == {
            "name": "web-1.example.org",
            "urls": ["https://web-1.example.org:81/", "${x}"],
        }
        assert one(files, "web-2/Tune/t").spec["free"]["it"]["name"] == "web-2.example.com"

    def test_what_is_given_by_something_more_specific_is_not_made(self) -> None:
        files = {
            "v.json": variables("all", {"it": "${target.labels.rack}"}, targets={}),
            "w.json": variables("one", {"it": "a"}, target="web-1"),
            "x.json": variables("two", {"it": "b"}, target="web-2"),
            "t.json": tune(key="${vars.it}"),
        }
        assert one(files).spec["key"] == "a"

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            (
                {"a": "${vars.b}", "b": "${vars.c}", "c": "${vars.a}"},
                "is made of itself: vars.a → vars.b → vars.c → vars.a",
            ),
            (
                {"a": "${vars.a}"},
                "spec.values.a is made of itself: vars.a → vars.a, on web-1, web-2",
            ),
            ({"a": {"b": ["${vars.d}"]}}, "spec.values.a.b[0]: vars.d is not defined, on web-1, web-2"),
            ({"a": "${facts.os.id}"}, "a Vars reads no facts"),
            ({"a": "${size(vars)}"}, "a Vars names the values that it reads"),
            (
                {"a": "${nothing}"},
                "spec.values.a: an expression reads vars, target or facts, and there is no nothing",
            ),
        ],
    )
    def test_one_that_cannot_be_made_is_an_error_and_the_only_one(
        self, values: dict[str, object], said: str
    ) -> None:
        files = {"targets.yaml": TARGETS, "v.json": variables("v", values), "t.json": tune(key="${vars.a}")}
        found = problems(files)
        assert said in found[0].message
        assert {problem.file for problem in found} == {"v.json"}


class TestFacts:
    FACTS = Facts(
        {Section("os"): {"family": "debian", "major": 12}, Section("network"): {"ipv4": ["10.0.0.5"]}}
    )

    def load(self, *known: str, facts: Facts | None = None, **spec: object) -> Desired:
        files = {"targets.yaml": TARGETS, "t.json": tune(**spec), "f.json": json.dumps(resource("plain"))}
        given = dict.fromkeys(map(TargetName, known), self.FACTS if facts is None else facts)
        return load(snapshot(files), CATALOG, facts=given)

    def test_they_are_read_as_all_else(self) -> None:
        found = self.load(
            "web-1", "web-2", key="${facts.os.family}-${facts.os.major + 1} ${facts.network.ipv4[0]}"
        )
        assert found.instances[Address("web-1/Tune/t")].spec["key"] == "debian-13 10.0.0.5"
        assert found.facts_read == {"os", "network"}
        assert [read.name for read in found.instances[Address("web-1/Tune/t")].rendered[0].reads] == [
            "facts.os.family",
            "facts.os.major",
            "facts.network.ipv4",
        ]

    def test_what_a_template_lacks_in_any_case_is_said_before_its_facts_are_known(self) -> None:
        """It took an apply to hear of a name that any look at the files could tell."""
        text = (
            "{{ facts.os.name }} {{ vars.kye }} {% if facts.os.major > 11 %}{{ vars.perhaps }}{% endif %} "
            "{{ vars.other | default('x') }} {{ target.name }} {{ target.nmae }}"
        )
        files = {
            "v.json": variables("v", {"key": 1}),
            "f.json": json.dumps(resource(content=text, template=True)),
        }
        with pytest.raises(ConfigError) as refused:
            loaded({"targets.yaml": TARGETS} | files)
        assert [(problem.message, problem.hint) for problem in refused.value.problems] == [
            ("vars.kye is not defined, on web-1", "did you mean 'key'?"),
            ("target.nmae is not defined, on web-1", "did you mean 'name'?"),
        ]
        files["f.json"] = json.dumps(
            resource(content="{% set vars = {'kye': 1} %}{{ vars.kye }}", template=True)
        )
        loaded({"targets.yaml": TARGETS} | files)

    def test_a_target_whose_facts_are_not_known_waits(self) -> None:
        found = self.load("web-2", key="${facts.os.family}")
        assert set(found.instances) == {"web-2/Tune/t"}
        assert found.waiting == {"web-1"}

    def test_what_is_not_there_is_an_error(self) -> None:
        with pytest.raises(ConfigError) as refused:
            self.load("web-1", "web-2", key="${facts.os.codename}")
        assert [(problem.message, problem.hint) for problem in refused.value.problems] == [
            (
                "spec.key: facts.os.codename is not defined, on web-1, web-2",
                "it is not there on every machine: ask first whether it is",
            )
        ]
        found = self.load("web-1", key="${has(facts.os.codename) ? facts.os.codename : 'none'}")
        assert found.instances[Address("web-1/Tune/t")].spec["key"] == "none"

    def test_a_machine_that_is_not_as_the_others_keeps_nobody_else_from_anything(self) -> None:
        other = Facts({Section("os"): {"family": "alpine", "codename": "edge"}})
        files = {
            "targets.yaml": TARGETS,
            "t.json": tune(key="${facts.os.codename}"),
            "u.json": tune(count="${facts.os.family == 'alpine' ? 3 : 9}")
            .replace('"t"', '"u"')
            .replace('"a"', '"b"'),
            "v.json": json.dumps(resource(content="{{ facts.os.codename }}", template=True, targets={}) | {}),
            "f.json": json.dumps(resource("plain")),
        }
        files["v.json"] = files["v.json"].replace('"target": "web-1", ', "")
        given = {TargetName("web-1"): self.FACTS, TargetName("web-2"): other}
        found = load(snapshot(files), CATALOG, facts=given)
        assert set(found.instances) == {"web-2/Tune/t", "web-2/Tune/u", "web-2/File/motd"}
        assert found.waiting == {"web-1"}
        assert [
            warning.partition(":1:")[2].partition(": ")[2].partition(",")[0] for warning in found.warnings
        ] == [
            "spec.key: facts.os.codename is not defined",
            "spec.count is 9; at most 4 is wanted",
            "facts.os.codename is not defined",
        ]

    @pytest.mark.parametrize(
        ("written", "said"),
        [
            ("${facts.oss.family}", "there are no facts called oss"),
            ("${facts.hostname}", "there are no facts called hostname"),
            ("${facts[target.name].family}", "an expression names the facts that it reads"),
        ],
    )
    def test_an_expression_says_which_facts_it_reads(self, written: str, said: str) -> None:
        with pytest.raises(ConfigError) as refused:
            self.load("web-1", key=written)
        assert [problem.message for problem in refused.value.problems] == [f"spec.key: {said}"]

    def test_a_vars_may_select_by_them(self) -> None:
        debian = {"matchLabels": {"role": "web"}, "matchFacts": {"os.family": "debian"}}
        files = {
            "targets.yaml": TARGETS,
            "v.json": variables("v", {"it": "debian"}, targets=debian),
            "w.json": variables("w", {"it": "any"}, targets={"matchLabels": {"role": "web"}}),
            "t.json": tune(key="${vars.it}"),
        }
        found = load(snapshot(files), CATALOG, facts={TargetName("web-1"): self.FACTS})
        assert {a: one.spec["key"] for a, one in found.instances.items()} == {"web-1/Tune/t": "debian"}
        assert found.waiting == {"web-2"}

    def test_a_changed_fact_is_a_change_of_what_reads_it_only(self) -> None:
        other = Facts({Section("os"): {"family": "debian", "major": 13}})
        before, after = (
            self.load("web-1", facts=one, key="${facts.os.family}") for one in (self.FACTS, other)
        )
        assert (
            before.instances[Address("web-1/Tune/t")].digest
            == after.instances[Address("web-1/Tune/t")].digest
        )
        before, after = (
            self.load("web-1", facts=one, count="${facts.os.major - 10}") for one in (self.FACTS, other)
        )
        assert (
            before.instances[Address("web-1/Tune/t")].digest
            != after.instances[Address("web-1/Tune/t")].digest
        )


class TestKeptFromLoadToLoad:
    def test_a_changed_value_is_another_declaration_of_what_reads_it_and_of_nothing_else(self) -> None:
        cache = ParseCache()
        files = {
            "t.json": tune(key="${vars.key}"),
            "f.json": json.dumps(resource(content="${target.name}")),
            "v.json": variables("v", {"key": 1, "other": 1}, target="web-1"),
            "w.json": variables("w", {"key": "b", "other": 1}, target="web-2"),
        }
        files["v.json"] = variables("v", {"key": "a", "other": 1}, target="web-1")
        before = loaded({"targets.yaml": TARGETS} | files, cache=cache).instances
        files["v.json"] = variables("v", {"key": "c", "other": 2}, target="web-1")
        after = loaded({"targets.yaml": TARGETS} | files, cache=cache).instances
        same = {address for address in before if before[address] is after[address]}
        assert same == {"web-2/Tune/t", "web-1/File/motd"}
        assert before[Address("web-1/Tune/t")].digest != after[Address("web-1/Tune/t")].digest

    def test_values_that_are_equal_to_python_are_told_apart(self) -> None:
        cache = ParseCache()
        for it in (1, True, 1.0, "1"):
            files = {"t.json": tune(free={"it": "${vars.it}"}), "v.json": variables("v", {"it": it})}
            found = one(files, cache=cache).spec["free"]["it"]
            assert (found, type(found)) == (it, type(it))

    def test_another_place_of_a_value_is_told_at_once(self) -> None:
        cache = ParseCache()
        files = {"t.json": tune(key="${vars.key}"), "v.json": variables("v", {"key": "a"})}
        before = one(files, cache=cache)
        files["v.json"] = "\n\n" + files["v.json"]
        after = one(files, cache=cache)
        assert (before.digest, before.rendered[0].reads[0].origin.line) == (after.digest, 1)
        assert after.rendered[0].reads[0].origin.line == 3

    def test_a_written_value_and_one_that_comes_out_the_same_are_one_declaration(self) -> None:
        files = {"t.json": tune(key="a"), "v.json": variables("v", {"key": "a"})}
        assert one(files).digest == one(files | {"t.json": tune(key="${vars.key}")}).digest


def test_without_an_expression_the_language_is_not_imported() -> None:
    program = """
import sys
from tests.unit.config.test_values import TARGETS, loaded, tune, variables
loaded({"targets.yaml": TARGETS, "v.json": variables("v", {"a": 1}), "t.json": tune()})
assert "reconciler.config.cel" not in sys.modules
loaded({"targets.yaml": TARGETS, "v.json": variables("v", {"a": "b"}), "t.json": tune(key="${vars.a}")})
assert "reconciler.config.cel" in sys.modules and "prompt_toolkit" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_implementation_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from reconciler.config import cel

    monkeypatch.setattr(cel, "find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="common-expression-language"):
        cel._load()


@given(st.text(alphabet="${}'\"\\ab.+ \n", max_size=30))
def test_any_text_is_taken_or_complained_of(text: str) -> None:
    told: list[object] = []
    leaf = parse(("spec",), text, lambda *said: told.append(said))
    assert (leaf is None) == bool(told)
    if leaf is not None and not any(leaf.expressions):
        assert "".join(map(str, leaf.parts)) == text.replace("$${", "${")


@given(st.text(alphabet="${}'\" ab\n", max_size=30))
def test_whatever_is_escaped_is_itself(text: str) -> None:
    leaf = parse(("spec",), text.replace("${", "$${"), lambda *_: None)
    assert leaf is not None
    assert "".join(map(str, leaf.parts)) == text


def test_a_place_is_that_of_the_expression() -> None:
    text = 'a: "$${x} ${y} ${z}"'
    assert [place(text, 3, len(text), count) for count in range(3)] == [
        text.index("${y}"),
        text.index("${z}"),
        3,
    ]
    assert place(text, 3, len(text), 0, 1) == text.index("} ${z}")
    assert place("${a\nb}", 0, 6, 0, 3) == 0


def test_values_are_put_in_without_touching_what_they_are_put_into() -> None:
    written = {"a": [{"b": "x"}, 1], "c": {"d": 2}}
    found = put_in(written, [(("a", 0, "b"), 5), (("a", 1), 6)])
    assert found == {"a": [{"b": 5}, 6], "c": {"d": 2}}
    assert written == {"a": [{"b": "x"}, 1], "c": {"d": 2}}
    assert found["c"] is written["c"]
