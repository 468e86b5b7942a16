"""Facts are named as in an expression."""

import pytest

from reconciler.model.fact_paths import fact_path_text, look_up, parse_fact_path
from reconciler.model.facts import Facts
from reconciler.model.selector import FactRequirement, Operator

SECTIONS = {
    "os": {"family": "debian", "major": 12, "like": ["a", "b"]},
    "mounts": {"/srv": {"size": 5}},
    "network": {"interfaces": {"eth0.100": {"up": True}}, "ipv4": ["10.0.0.1"]},
}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("os", ("os",), SECTIONS["os"]),
        ("os.major", ("os", "major"), 12),
        ("os.like[1]", ("os", "like", 1), "b"),
        ('mounts["/srv"].size', ("mounts", "/srv", "size"), 5),
        ('network.interfaces["eth0.100"].up', ("network", "interfaces", "eth0.100", "up"), True),
    ],
)
def test_a_path_leads_to_a_value_and_is_written_as_it_was(text, path, value):
    assert parse_fact_path(text) == path
    assert fact_path_text(path) == text
    assert look_up(SECTIONS, path) == value


def test_either_quotes_will_do():
    assert parse_fact_path("mounts['/srv']") == ("mounts", "/srv")


@pytest.mark.parametrize(
    "text",
    ["", ".", "os.", ".os", "os..major", "os major", "os[", "os[x]", '["os"]x', "mounts./srv", "os[-1]"],
)
def test_what_is_no_path_says_how_one_is_written(text):
    with pytest.raises(ValueError, match="names no fact"):
        parse_fact_path(text)


def test_a_section_that_there_is_not_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match="no facts called 'weather'; there are boot, cpu"):
        parse_fact_path("weather.today")


@pytest.mark.parametrize(
    ("path", "far"),
    [
        (("cpu", "count"), ()),
        (("os", "version", "x"), ("os",)),
        (("os", "like", 2), ("os", "like")),
        (("os", "like", "a"), ("os", "like")),
        (("os", "major", "x"), ("os", "major")),
    ],
)
def test_what_is_not_there_says_how_far_there_is_something(path, far):
    with pytest.raises(KeyError) as caught:
        look_up(SECTIONS, path)
    assert caught.value.args[0] == far


@pytest.mark.parametrize(
    ("path", "operator", "values", "holds"),
    [
        ("os.major", "In", ["12"], True),
        ("os.major", "In", ["11"], False),
        ("os.major", "NotIn", ["11"], True),
        ("os.major", "Gt", ["11"], True),
        ("os.major", "Gt", ["12"], False),
        ("os.major", "Lt", ["13"], True),
        ("os.family", "Lt", ["13"], False),
        ("os.like", "In", ["x", "b"], True),
        ("os.like", "NotIn", ["x", "b"], False),
        ("os.version", "In", ["12"], False),
        ("os.version", "NotIn", ["12"], True),
        ("os.version", "Exists", [], False),
        ("os.version", "DoesNotExist", [], True),
        ("os.major", "Exists", [], True),
        ("os.major", "DoesNotExist", [], False),
        ("os.version", "Gt", ["1"], False),
        ('network.interfaces["eth0.100"].up', "In", ["true"], True),
        ('network.interfaces["eth0.100"].up', "Gt", ["0"], False),
    ],
)
def test_a_requirement_compares_as_it_is_written(path, operator, values, holds):
    wanted = FactRequirement(parse_fact_path(path), Operator(operator), tuple(values))
    assert wanted.holds(Facts(SECTIONS)) is holds
