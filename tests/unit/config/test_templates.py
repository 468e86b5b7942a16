"""Bodies that are templates."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.config import ParseCache, load
from reconciler.config.template_trees import TemplateError
from reconciler.config.templates import compile_template
from reconciler.model.desired import Desired
from reconciler.model.facts import Facts, Section
from reconciler.model.names import Address, Digest, TargetName
from reconciler.model.origin import Origin
from reconciler.model.values import Read, Rendered
from tests.unit.config.test_values import TARGETS, variables
from tests.unit.config.world import CATALOG, loaded, problems, resource, snapshot

VALUES: Mapping[str, Any] = {
    "vars": {
        "port": 80,
        "name": "x",
        "numbers": [3, 1, 2],
        "names": ["a", "b"],
        "items": 5,
        "site": {"tls": True},
        "nothing": None,
    },
    "target": {"name": "web-1", "labels": {"role": "web"}},
    "facts": {"os": {"id": "debian"}},
}


PIECES = [
    "{{",
    "}}",
    "{%",
    "%}",
    " vars.name ",
    " if ",
    " for x in vars.names ",
    "endif",
    "'",
    "\n",
    "|",
    "a",
    ".",
]


def rendered(source: str) -> str:
    return compile_template(source).render(VALUES)


def failed(source: str) -> TemplateError:
    with pytest.raises(TemplateError) as refused:
        rendered(source)
    return refused.value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Listen {{ vars.port }}\n", "Listen 80\n"),
        ("{{ target.name }} {{ target['labels'].role }} {{ facts.os.id }}", "web-1 web debian"),
        ("{{ vars.items }} {% for k, v in vars.site.items() %}{{ k }}={{ v }}{% endfor %}", "5 tls=true"),
        (
            "{{ vars.port / 2 }} {{ vars.port // 3 }} {{ 2 ** 3 }} {{ 'a' * 3 }} {{ 'a' ~ 1 }}",
            "40.0 26 8 aaa a1",
        ),
        ("{{ vars.numbers | sort | join(' ') }} {{ vars.names | map('upper') | join }}", "1 2 3 AB"),
        ("{{ '-'.join(vars.names) }} {{ 'aXb'.replace('X', '-') }} {{ vars.name.upper() }}", "a-b a-b X"),
        ("{{ '%03d' | format(7) }} {{ '%s' % 'a' }} {{ vars.site | tojson }}", '007 a {"tls": true}'),
        ("{{ vars.unknown | default('d') }}{% if vars.unknown is defined %}no{% endif %}", "d"),
        ("{{ vars.a.b['c'].d | default('deep') }}{% if vars.a.b is defined %}no{% endif %}", "deep"),
        ("  {% if true %}\n  a\n  {% endif %}\nb\n", "  a\nb\n"),
        ("{# nothing #}{% raw %}{{ x }}{% endraw %}${HOME}", "{{ x }}${HOME}"),
        (
            "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
            "3",
        ),
        ("{% for i in range(9) %}{% if i == 2 %}{% break %}{% endif %}{{ loop.index }}{% endfor %}", "12"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}{% filter upper %}a{% endfilter %}", "<1>A"),
        ("{% set x %}a{{ vars.name }}{% endset %}{{ x }}{{ [1, [2, 'a' ~ 'b']][1][1] }}", "axab"),
        ("a\r\nb", "a\nb"),
        ("", ""),
    ],
)
def test_a_template_is_jinja(source: str, text: str) -> None:
    assert rendered(source) == text


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("a\n{{ vars.prt }}", "2:9 there is no prt"),
        ("{% if vars.prt %}{% endif %}", "1:12 there is no prt"),
        ("{{ vars.prt.x.y }}", "1:9 there is no prt"),
        ("{{ vars.numbers[7] }}", "1:17 there is no 7"),
        ("{{ foo }}", "1:4 a template reads vars, target and facts, and there is no foo"),
        ("{{ lipsum() }}", "1:4 a template reads vars, target and facts, and there is no lipsum"),
        ("{{ facts[vars.name] }}", "1:4 a template names the facts that it reads"),
        ("{{ facts.oss.id }}", "1:10 there are no facts called oss"),
        ("a\n  {% include 'x' %}", "2:3 only a template in a file can have others in it"),
        ("{{ vars.names | random }}", "1:17 there is no filter random"),
        ("{{ 'a' is bogus }}", "1:1 no test named 'bogus'"),
        ("{% if %}", "1:1 expected an expression, got 'end of statement block'"),
        ("\n\n{{ vars.port", "3:1 unexpected end of template, expected 'end of print statement'"),
        ("{{ vars.names }}", "1:1 a list is no text: join(', ') or tojson makes text of it"),
        ("{{ vars.nothing }}", "1:1 null is no text: say what is meant"),
        ("{{ vars.site }}", "1:1 a mapping is no text: say what is meant"),
        ("{{ range }}", "1:1 something that is no text, such as a function that is not called"),
        ("{{ 1 / 0 }}", "1:1 division by zero"),
        ("{{ vars.name + 1 }}", '1:1 can only concatenate str (not "int") to str'),
    ],
)
def test_what_is_wrong_with_one_has_its_place(source: str, said: str) -> None:
    error = failed(source)
    assert f"{error.line}:{error.column} {error.message}" == said


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ vars.__class__ }}",
        "{{ vars['__class__'] }}",
        "{{ vars.name.format(1) }}",
        "{{ 'a'.ljust(9) }}",
        "{{ (1).__add__(1) }}",
        "{% do vars.numbers.append(1) %}",
        "{{ self.__init__ }}",
        "{{ range.__init__ }}",
        "{{ vars.site.update({}) }}",
    ],
)
def test_nothing_of_python_can_be_reached(source: str) -> None:
    assert (
        "nothing that a template can use" in failed(source).message or "there is no" in failed(source).message
    )


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
        "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
        "{% macro m() %}{{ 'a' * 9000 }}{% endmacro %}{% for i in range(9000) %}{% set x = m() %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
        "{% set n = namespace(x=3) %}{% for i in range(99) %}{% set n.x = n.x * n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}",
        "{% for i in range(90000) %}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
        "{{ 'x' * 999999999 }}",
        "{{ 999999999 * [1] }}",
        "{{ 9 ** 99999 }}",
        "{{ range(999999) | list }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' | format(999999999, 1) }}",
        "{{ 'a' | indent(999999999) }}",
        "{{ ('a' * 4000) | replace('a', 'b' * 4000) }}",
        "{{ ('a' * 4000).replace('a', 'b' * 4000) }}",
        "{{ (['a'] * 4000) | join('b' * 4000) }}",
        "{{ ('b' * 4000).join(['a'] * 4000) }}",
        "{{ vars.names | batch(999999999, 'x') | list }}",
    ],
)
def test_a_template_ends_and_makes_no_more_than_it_may(source: str) -> None:
    failed(source)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_text_is_rendered_or_refused_with_a_place(parts: list[str]) -> None:
    source = "".join(parts)
    try:
        first = rendered(source)
    except TemplateError as error:
        refused = error
    else:
        assert rendered(source) == first
        return
    assert 1 <= refused.line <= source.count("\n") + 1
    assert refused.column >= 1


@given(st.text(alphabet="ab {}%#$\n", max_size=30))
def test_what_is_raw_stays_as_it_is(text: str) -> None:
    if "%}" not in text:
        assert rendered("{% raw %}a" + text + "a{% endraw %}") == f"a{text}a"


def file(name: str = "motd", **spec: object) -> str:
    written = resource(name, **spec)
    del written["spec"]["target"]
    written["spec"]["targets"] = {}
    return json.dumps(written)


def body(desired: Desired, address: str) -> bytes:
    return desired.find_blob(Digest(desired.instances[Address(address)].spec["body"]["digest"])).read()


def test_each_target_has_its_own_text() -> None:
    files = {
        "targets.yaml": TARGETS,
        "f.json": file(content="I am {{ target.name }}, ${HOME}\n", template=True),
    }
    desired = loaded(files)
    assert [body(desired, f"{name}/File/motd") for name in ("web-1", "web-2")] == [
        b"I am web-1, ${HOME}\n",
        b"I am web-2, ${HOME}\n",
    ]
    assert "template" not in desired.instances[Address("web-1/File/motd")].spec


def test_a_file_is_chosen_by_a_value_and_rendered() -> None:
    files = {
        "targets.yaml": TARGETS,
        "v.json": variables("v", {"which": "a", "port": 80}),
        "w.json": variables("w", {"which": "b"}, target="web-2"),
        "a.j2": "A{{ vars.port }}",
        "b.j2": "B{{ vars.port }}",
        "f.json": file(source="${vars.which}.j2", template=True),
    }
    desired = loaded(files)
    assert [body(desired, f"{name}/File/motd") for name in ("web-1", "web-2")] == [b"A80", b"B80"]
    given = Read("vars.which", "a", Origin("v.json", 1, 0, "/src"))
    port = Read("vars.port", 80, Origin("v.json", 1, 0, "/src"))
    assert desired.instances[Address("web-1/File/motd")].rendered == (
        Rendered("source", "${vars.which}.j2", "a.j2", (given,)),
        Rendered("source", "a.j2", None, (port,), body=True),
    )


class TestOthersInIt:
    FILES: ClassVar[dict[str, str]] = {
        "targets.yaml": TARGETS,
        "v.json": variables("v", {"ports": [80, 443], "name": "x"}),
        "f.json": file(source="t/site.j2", template=True),
    }

    def test_a_template_in_a_file_may_have_others_in_it(self) -> None:
        files = {
            "t/site.j2": "{% extends 'base.j2' %}{% from '../m.j2' import listen %}{% block body %}\n"
            "{% for port in vars.ports %}{{ listen(port) }}{% include 'parts/port.j2' %}{% endfor %}{% endblock %}",
            "t/base.j2": "# {{ target.name }}{% include 'no.j2' ignore missing %}{% block body %}{% endblock %}",
            "m.j2": "{% macro listen(port) %}Listen {{ port }} {{ target.name }}{% endmacro %}",
            "t/parts/port.j2": " {{ port + 1 }}{% include '../end.j2' %}",
            "t/end.j2": ";{{ facts.os.id }}\n",
        }
        files["m.j2"] = "{% macro listen(port) %}Listen {{ port }}{% endmacro %}"
        facts = {TargetName("web-1"): Facts({Section("os"): {"id": "debian"}})}
        desired = load(snapshot(self.FILES | files), CATALOG, facts=facts)
        assert body(desired, "web-1/File/motd") == b"# web-1Listen 80 81;debian\nListen 443 444;debian\n"
        assert (desired.waiting, desired.facts_read) == ({"web-2"}, {"os"})

    def test_a_change_of_one_of_them_is_a_change(self) -> None:
        cache = ParseCache()
        files = self.FILES | {"t/site.j2": "{% include 'a.j2' %}", "t/a.j2": "a"}
        assert body(loaded(files, cache=cache), "web-1/File/motd") == b"a"
        assert body(loaded(files | {"t/a.j2": "b"}, cache=cache), "web-1/File/motd") == b"b"

    @pytest.mark.parametrize(
        ("files", "said"),
        [
            ({"t/site.j2": "a\n {% include 'b.j2' %}"}, "t/site.j2:2:14: there is no t/b.j2 in the source"),
            (
                {"t/site.j2": "{% include '../../b.j2' %}"},
                "t/site.j2:1:13: there is no ../b.j2 in the source",
            ),
            (
                {"t/site.j2": "{% include '/etc/passwd' %}"},
                "t/site.j2:1:13: there is no /etc/passwd in the source",
            ),
            (
                {"t/site.j2": "{% include vars.name %}"},
                "t/site.j2:1:1: a template names the files that it has in it",
            ),
            (
                {"t/site.j2": "{% include 'a.j2' %}", "t/a.j2": "\n{{ vars.nme }}"},
                "t/a.j2:2:9: vars.nme is not defined, on web-1, web-2",
            ),
            (
                {"t/site.j2": "{% include 'a.j2' %}", "t/a.j2": "{% if %}"},
                "t/a.j2:1:1: expected an expression",
            ),
            (
                {"t/site.j2": "{% include 'a.j2' %}", "t/a.j2": "{{ nothing }}"},
                "t/a.j2:1:1: 'nothing' is undefined",
            ),
            ({"t/site.j2": "{% include 'site.j2' %}"}, "t/site.j2:1:1: it calls itself too deeply"),
            ({"t/site.j2": "{% include 'a.j2' %}", "t/a.j2": b"\xff"}, "t/site.j2:1:13: there is no t/a.j2"),
        ],
    )
    def test_what_is_wrong_in_one_of_them_has_its_place_there(self, files: dict[str, str], said: str) -> None:
        found = problems(self.FILES | files)
        assert len(found) == 1
        assert f"{found[0].location}: {found[0].message}".startswith(said)


def test_a_changed_template_or_value_changes_what_reads_it_only() -> None:
    cache = ParseCache()
    files = {
        "targets.yaml": TARGETS,
        "v.json": variables("v", {"port": 80}),
        "a.j2": "{{ vars.port }}",
        "f.json": file(source="a.j2", template=True),
        "g.json": file("other", content="{{ target.name }}", template=True),
    }
    before = loaded(files, cache=cache).instances
    same = loaded(files, cache=cache).instances
    assert all(before[address] is same[address] for address in before)
    for changed in ({"a.j2": "port {{ vars.port }}"}, {"v.json": variables("v", {"port": 81})}):
        after = loaded(files | changed, cache=cache).instances
        assert {a for a in after if after[a].digest != before[a].digest} == {
            "web-1/File/motd",
            "web-2/File/motd",
        }


def test_a_target_whose_facts_are_not_known_waits() -> None:
    files = {"targets.yaml": TARGETS, "f.json": file(content="{{ facts.os.family }}", template=True)}
    facts = {TargetName("web-1"): Facts({Section("os"): {"family": "debian"}})}
    desired = load(snapshot(files), CATALOG, facts=facts)
    assert (set(desired.instances), desired.waiting, desired.facts_read) == (
        {"web-1/File/motd"},
        {"web-2"},
        {"os"},
    )
    assert body(desired, "web-1/File/motd") == b"debian"


def test_no_value_is_missed_where_what_gives_values_is_broken() -> None:
    files = {
        "targets.yaml": TARGETS,
        "v.json": variables("v", {"my-port": 80}),
        "f.json": file(content="{{ vars.port }}", template=True),
    }
    assert [problem.message for problem in problems(files)] == ["no value can be called 'my-port'"]


def test_a_file_that_is_no_text_is_no_template() -> None:
    files = {"targets.yaml": TARGETS, "f.json": file(source="a.j2", template=True), "a.j2": b"\xff"}
    assert "a.j2 is no text in UTF-8" in problems(files)[0].message


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"content": "a {{ x\n}} {% y %}"}, "spec.content holds a template, {{ x }}, and is not rendered"),
        ({"source": "a.j2"}, "spec.source: a.j2 is called a template, and is not rendered"),
        ({"content": "{{ x }}", "template": False}, ""),
        ({"content": "{ x } $x"}, ""),
        ({"content": "{{ target.name }}", "template": True}, ""),
    ],
)
def test_what_looks_like_a_template_and_is_none_is_warned_of(spec: dict[str, object], said: str) -> None:
    warnings = loaded({"targets.yaml": TARGETS, "f.json": file(**spec), "a.j2": "a"}).warnings
    assert [said in warning for warning in warnings] == [True] * bool(said)


def test_without_a_template_jinja_is_not_imported() -> None:
    program = """
import sys
from tests.unit.config.world import loaded, TARGET, MOTD
loaded({"targets.yaml": TARGET, "f.yaml": MOTD})
assert "jinja2" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
