"""What a manifest makes of values ends, in time and memory, whatever it says."""

import json

import pytest

from reconciler.config.cel import ExpressionError, compile_expression, context
from reconciler.config.cel_loops import counted
from reconciler.config.template_trees import TemplateError
from reconciler.config.templates import compile_template
from reconciler.config.weights import weight
from tests.unit.config.test_values import TARGETS, one, tune, variables
from tests.unit.config.world import problems


def doubling(first: object, how: str, length: int = 60) -> dict[str, object]:
    """Each is twice the one before."""
    return {"v0": first} | {f"v{n}": "${" + how.format(f"vars.v{n - 1}") + "}" for n in range(1, length)}


def messages(files: dict[str, str]) -> str:
    """All that is wrong with a source."""
    return "\n".join(problem.message for problem in problems(files))


@pytest.mark.parametrize(("first", "how"), [("x", "{0} + {0}"), ([1], "{0} + {0}"), ([1], "[{0}, {0}]")])
def test_values_that_double_are_refused_where_they_become_too_large(first, how):
    found = messages({"targets.yaml": TARGETS, "a.yaml": variables("v", doubling(first, how))})
    assert "its value is too large" in found
    assert "4,194,304 characters" in found


def test_values_of_a_target_do_not_grow_without_end_side_by_side():
    wide = {"big": "x" * 4_000_000} | {f"v{n}": "${vars.big}" for n in range(8)}
    found = messages({"targets.yaml": TARGETS, "a.yaml": variables("v", wide)})
    assert "the values that are made of others would have more than 16,777,216 characters" in found


def test_values_are_made_one_of_the_other_by_so_many_steps():
    deep = {f"v{n}": f"${{vars.v{n + 1}}}" for n in range(150)} | {"v150": 1}
    found = messages({"targets.yaml": TARGETS, "a.yaml": variables("v", deep)})
    assert "spec.values.v100 is made of others by more than 100 steps" in found
    again = {f"v{n}": f"${{vars.v{n - 1}}}" for n in range(1, 150)} | {"v0": "a"}
    assert one({"a.yaml": variables("v", again), "b.yaml": tune(key="${vars.v149}")}).spec["key"] == "a"


NUMBERS = {"l": list(range(2000)), "s": "y" * 100_000, "names": ["a" * 100] * 2000}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("vars.l.map(x, vars.l.map(y, vars.l))", "it makes too much on the way to its value"),
        ("vars.l.exists(x, vars.l.exists(y, x * y > 99999999))", "its loops take too many turns"),
        ("vars.l.map(x, vars.l.filter(y, x * y > 3))", "its loops take too many turns"),
        ("vars.l.all(x, vars.l.exists_one(y, x * y > 3) || true)", "its loops take too many turns"),
        (
            "vars.l.//\nmap(x, vars.l.map // y\n (y, vars.l.all(z, z > 1)))",
            "an expression with 3 loops; at most 2 are taken",
        ),
        ("vars.l.existsOne(x, vars.l.existsOne(y, x * y > 99999999))", "its loops take too many turns"),
        (
            "vars.l.map(x, vars.l.filter(y, r'\\' == '' || x * y > 3)) == ['a']",
            "its loops take too many turns",
        ),
        (
            "bR'\\' == b'' || vars.l.map(x, vars.l.filter(y, x * y > 3)) == ['a']",
            "its loops take too many turns",
        ),
        (
            'r"\\" == "" || vars.l.map(x, vars.l.filter(y, x * y > 3)) == ["a"]',
            "its loops take too many turns",
        ),
        (
            """'''\\'''' == '' || vars.l.map(x, vars.l.filter(y, x * y > 3)) == ['a']""",
            "its loops take too many turns",
        ),
        ("vars.l . // all(\n//\nmap(x, vars.l.filter//\n( y, x * y > 3))", "its loops take too many turns"),
        ("vars.names.map(x, vars.names.join(vars.s))", "join: more than 1048576 characters"),
        (
            "vars.s.split('').filter(x, size(vars.s.split('')) > 0)",
            "it makes too much on the way to its value",
        ),
        ("size(vars.s.split(''))", "it makes too much on the way to its value"),
        (
            "size(vars.s.replace('y', 'yyyyyyyyy')) > 9"
            + " && size(vars.s.replace('y', 'yyyyyyyyy')) > 9" * 5,
            "it makes too much on the way to its value",
        ),
        (
            "size(" + "+".join(["vars.big"] * 100) + ")",
            "it puts together too much: 99 times `+`, and what it reads is large",
        ),
        ("(" * 200 + "vars.l" + ")" * 200, "an expression with too many brackets in each other"),
    ],
)
def test_an_expression_ends(source, message):
    with pytest.raises(ExpressionError) as refused:
        compile_expression(source).evaluate(context({"vars": NUMBERS | {"big": "z" * (1 << 20)}}))
    assert refused.value.message == message


def test_what_is_small_may_be_put_together_as_often_as_one_likes():
    assert compile_expression("+".join(["vars.a"] * 100)).evaluate(context({"vars": {"a": "b"}})) == "b" * 100


def test_a_value_is_not_nested_without_end():
    value: object = 1
    for _ in range(102):
        value = [value]
    with pytest.raises(ExpressionError, match="more than 100 lists and mappings within each other"):
        compile_expression("vars.v").evaluate(context({"vars": {"v": value}}))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("vars.l.map(x, x + 1)", [2, 3, 4]),
        ("vars.l.map(x, x > 1, string(x) + '(,)')", ["2(,)", "3(,)"]),
        ("vars.l.filter(x, vars.l.exists(y, y == x + 1))", [1, 2]),
        ("vars.l.all(x, x > 0) && vars.l.exists_one(x, x == 2)", True),
        ("vars.l . map ( x , {'a': [x, 1]}['a'][0] ).size() // .map(x", 3),
        ("vars.l.existsOne(x, x == 2)", True),
        ("'.map(x, x)' + vars.s", ".map(x, x)s"),
        ("vars.l.// (\nmap // )\n( // ,\n x // :\n, x //\n + 1 // )\n)", [2, 3, 4]),
        ("vars.l.map(x, [x, 2]).map(y, y[0])", [1, 2, 3]),
    ],
)
def test_to_count_the_turns_of_a_loop_changes_no_value(source, value):
    assert compile_expression(source).evaluate(context({"vars": {"l": [1, 2, 3], "s": "s"}})) == value


def test_what_is_counted_stands_in_each_loop():
    assert (
        counted("a.map(x, x>1, b.all(y, y))")
        == "a.map(x, _step() ? ( x>1) : false, _made( b.all(y, _turn() && ( y))))"
    )


@pytest.mark.parametrize(
    "body",
    [
        "{% set n.a = [n.a, n.a] %}",
        "{% set n.a = {'x': n.a, 'y': n.a} %}",
        "{% set n.a = (n.a, n.a) %}",
        "{% set n.a = [n.a] * 9 %}",
    ],
)
def test_a_list_in_lists_again_and_again_is_refused(body):
    source = (
        "{% set n = namespace(a=[1]) %}{% for i in range(60) %}" + body + "{% endfor %}{{ n.a | tojson }}"
    )
    with pytest.raises(TemplateError, match="more than 4194304 characters, written out"):
        compile_template(source).render({})


@pytest.mark.parametrize(
    ("made", "turn"),
    [
        ("'a' * 4000000", "{% set c = b.find('zz') %}"),
        ("'a' * 4000000", "{% if 'zz' in b %}x{% endif %}"),
        ("'a' * 4000000", "{% if i < 0 or b == b + 'a' %}x{% endif %}"),
        ("'A' * 4000000", "{% if b is lower or b is upper %}x{% endif %}"),
        ("'a' * 4000000", "{% set c = b[1:] %}"),
        ("[1] * 200000", "{% set c = b | first %}"),
    ],
)
def test_what_goes_through_much_again_and_again_ends(made, turn):
    source = "{% set b = " + made + " %}{% for i in range(50000) %}" + turn + "{% endfor %}"
    with pytest.raises(TemplateError, match="more than 100000 steps"):
        compile_template(source).render({})


@pytest.mark.parametrize(
    "source",
    [
        "{{ '%(a b)9999999999d' % {'a b': 1} }}",
        "{{ '%(a-b)-9999999999d' | format(**{'a-b': 1}) }}",
        "{{ '%((a))9999999999d' % {'(a)': 1} }}",
        "{{ '%%%(a b).9999999999f' % {'a b': 1.5} }}",
    ],
)
def test_a_width_is_no_wider_for_the_name_of_what_stands_there(source):
    with pytest.raises(TemplateError, match="a width of"):
        compile_template(source).render({})


@pytest.mark.parametrize(
    "source", ["{{ (1).to_bytes(9999999999, 'big') }}", "{{ (1.5).hex() }}", "{{ true.real }}"]
)
def test_a_number_has_no_methods(source):
    with pytest.raises(TemplateError, match="is nothing that a template can use"):
        compile_template(source).render({})


def test_formats_are_what_they_were():
    source = "{{ '%%(1000) %(a b)5d %s'[:-3] % {'a b': 1} }}{{ '%5.2f|%-4s|%+03d%%' % (1.5, 'x', 7) }}"
    assert compile_template(source).render({}) == "%(1000)     1 1.50|x   |+07%"


def test_a_word_without_end_is_not_wrapped():
    with pytest.raises(
        TemplateError, match="a word of more than 1000 characters, 'xxxxxxxxxxxxxxxxxxxx' and so on"
    ):
        compile_template("{{ ('x' * 2000000) | wordwrap(1) }}").render({})
    assert compile_template("{{ ('xy ' * 3) | wordwrap(5) }}").render({}) == "xy xy\nxy"


@pytest.mark.parametrize(
    "source",
    [
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{% if 1 %}" * 300 + "{% endif %}" * 300,
        "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
    ],
)
def test_a_template_with_too_much_within_each_other_is_refused(source):
    with pytest.raises(TemplateError, match="too much within each other"):
        compile_template(source)


def test_what_a_template_puts_together_of_values_is_as_it_was():
    source = "{% for a, b in [(vars.x, 2), (3, vars.x)] %}{{ a }}{{ b }} {% endfor %}{{ {'k': vars.x}['k'] }}"
    assert compile_template(source).render({"vars": {"x": 1}}) == "12 31 1"


def test_a_weight_is_counted_no_further_than_asked():
    value: object = ["x" * 10]
    for _ in range(100):
        value = [value, value]
    assert weight(value, 1000, entry=1) > 1000
    assert weight(json.loads('{"ab": ["xyz", 1]}'), 1000, entry=16) == 16 + 2 + 32 + 3
