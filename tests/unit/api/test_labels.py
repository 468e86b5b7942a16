"""Label selectors on the command line: kubectl's grammar, and what is said of what it does not have."""

import pytest

from reconciler.api.labels import GRAMMAR, parse_labels
from reconciler.errors import UsageError


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("tier=web", {"tier": "web"}, {"tier": "db"}),
        ("tier==web", {"tier": "web"}, {}),
        ("tier!=web", {}, {"tier": "web"}),
        ("tier in (web, db)", {"tier": "db"}, {"tier": "x"}),
        ("tier notin (web)", {"tier": "db"}, {"tier": "web"}),
        ("tier in (web)", {"tier": "web"}, {}),
        ("tier in(web)", {"tier": "web"}, {}),
        ("tier in ()", {"tier": ""}, {"tier": "web"}),
        ("tier=", {"tier": ""}, {}),
        ("tier != web", {}, {"tier": "web"}),
        ("tier", {"tier": ""}, {}),
        ("! tier", {}, {"tier": ""}),
        ("!tier", {}, {"tier": "web"}),
        ("a=1,b in (2,3),!c", {"a": "1", "b": "3"}, {"a": "1", "b": "3", "c": ""}),
        ("example.com/tier=web", {"example.com/tier": "web"}, {"tier": "web"}),
        ("", {"any": "thing"}, None),
    ],
)
def test_label_selectors_are_those_of_kubectl(text, yes, no):
    selector = parse_labels(text)
    assert selector.matches(yes)
    assert no is None or not selector.matches(no)


@pytest.mark.parametrize(
    ("text", "part", "why"),
    [
        ("a==", "a==", "there is no value after =="),
        ("=x", "=x", "there is no key"),
        ("!", "!", "there is no key"),
        ("!=x", "!=x", "there is no key"),
        ("b=1,a==", "at 'a=='", "there is no value after =="),
        ("a,", "a,", "nothing beside a comma"),
        ("a,,b", "a,,b", "nothing beside a comma"),
        ("tier=web=x", "tier=web=x", "'web=x' is no value"),
        ("a b", "a b", "'a b' is no key"),
        ("tier in web", "tier in web", "is no key"),
        ("tier in (a", "tier in (a", "is no key"),
        ("tier in (a,b", "tier in (a,b", "is no key"),
        ("tier in (a b)", "tier in (a b)", "'a b' is no value"),
        ("x>3", "x>3", "'x>3' is no key"),
        ("/tier=web", "/tier=web", "'/tier' is no key"),
        ("-x", "-x", "'-x' is no key"),
    ],
)
def test_a_selector_that_cannot_be_understood_is_named_with_the_reason_and_the_grammar(text, part, why):
    with pytest.raises(UsageError) as refused:
        parse_labels(text)
    said = str(refused.value)
    assert repr(text) in said
    assert part in said
    assert why in said
    assert GRAMMAR in said
