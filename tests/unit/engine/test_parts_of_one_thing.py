"""What several own a part of: each of them may, and nobody the whole."""

from dataclasses import replace

import pytest

from reconciler.engine.intake.claims import clashes
from reconciler.engine.round.under_way import _meet
from reconciler.model.names import SourceName
from reconciler.model.subjects import Subject
from tests.sim.manifests import desired, instance, target

THEIRS = SourceName("/srv/theirs")
CONF = (Subject("path", "/srv/conf"),)


def part(name):
    return replace(instance("m0", "File", name, {"path": f"/srv/{name}"}), provides=(), shares=CONF)


def whole(name="conf"):
    return instance("m0", "File", name, {"path": f"/srv/{name}"})


@pytest.mark.parametrize(
    ("mine", "their", "clash"),
    [
        (part("a"), part("b"), False),
        (part("a"), whole(), True),
        (whole(), part("a"), True),
        (whole("motd"), part("a"), False),
    ],
)
def test_two_sources_may_have_parts_of_one_thing_and_none_of_them_all_of_it(mine, their, clash):
    problems = clashes(desired([target("m0")], [mine], [], "1"), THEIRS, [their])
    assert [mine.ref in problem.message for problem in problems] == [True] * clash


def test_parts_of_one_thing_are_not_in_each_others_way():
    assert not _meet(part("a"), part("b"), ())
    assert _meet(whole(), part("b"), ())
    assert _meet(part("a"), whole(), ())
