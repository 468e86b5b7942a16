"""One object that is wrong does not hold up the others, and is not dropped."""

import json

import pytest

from reconciler.app.mending import mend, mended
from reconciler.errors import ConfigError, Problem
from reconciler.model.names import SourceName
from reconciler.model.source import SnapshotGone, SourceReport
from watchers.kubernetes.objects import Definition, snapshot

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")


def path(name):
    return f"web/File.linux.froyo.dev/{name}.json"


def taken(**specs):
    objects = [
        (FILES, {"metadata": {"name": name, "namespace": "web"}, "spec": {"says": says}})
        for name, says in specs.items()
    ]
    return snapshot(SourceName("cluster"), objects)


def load(shown):
    """An object that says `bad` is wrong; one that says `needs NAME` is, unless there is that."""
    if any(b"gone" in file.read() for file in shown.files.values()):
        raise SnapshotGone
    problems = []
    for name, file in shown.files.items():
        says = json.loads(file.read())["spec"]["says"]
        needs = says.removeprefix("needs ")
        if says == "bad" or (needs != says and path(needs) not in shown.files):
            problems.append(Problem(name, 0, 0, f"{says} is wrong"))
    if problems:
        raise ConfigError(problems)


def test_what_is_right_is_taken_as_it_is():
    one = taken(a="x", b="y")
    assert mend(one, None, load) == (one, {})


def test_of_one_that_has_become_wrong_the_last_good_version_counts():
    good, now = taken(a="x", b="y"), taken(a="bad", b="z")
    whole, wrong = mend(now, good, load)
    assert wrong == {path("a"): "bad is wrong"}
    assert whole.files == {path("a"): good.files[path("a")], path("b"): now.files[path("b")]}
    assert whole.digest not in {good.digest, now.digest}
    assert not whole.left_out


def test_one_that_never_was_good_is_left_out_with_what_needs_it_and_is_said_to_be():
    whole, wrong = mend(taken(a="bad", b="needs a", c="y"), taken(c="x"), load)
    assert list(whole.files) == [path("c")]
    assert set(wrong) == set(whole.left_out) == {path("a"), path("b")}


@pytest.mark.parametrize("now", [taken(b="needs a"), taken(b="gone")])
def test_where_it_is_not_in_what_has_changed_nothing_is_done(now):
    assert mend(now, taken(a="x", b="needs a"), load)[0] is None


async def test_a_source_goes_on_with_the_last_that_was_good():
    async def items():
        yield taken(a="bad", b="x")
        yield SourceReport(degraded="so")
        yield taken(a="bad", b="bad")
        yield taken(b="needs a")
        yield taken(b="gone")

    async def before():
        return taken(a="x")

    async def offload(_, function):
        return function()

    seen = [one async for one in mended(items(), load=load, before=before, offload=offload)]
    first, report, second, third, last = seen
    assert {name: b'"x"' in file.read() for name, file in first.files.items()} == {
        path("a"): True,
        path("b"): True,
    }
    assert report == SourceReport(degraded="so")
    assert second.files == first.files
    assert third.files == {path("b"): first.files[path("b")]}
    assert last == taken(b="gone")  # the intake says what is wrong with it
