"""One object that is wrong does not hold up the others, and is not dropped."""

import asyncio
import json
from dataclasses import replace

import pytest

from reconciler.app.mending import Apart, Mending, mend
from reconciler.errors import ConfigError, Problem
from reconciler.model.names import SourceName
from reconciler.model.source import DELETED, SnapshotGone, SourceReport
from watchers.kubernetes.explaining import explained, mentions, shared
from watchers.kubernetes.objects import Definition, snapshot

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
VARS = Definition("froyo.dev", "v1alpha1", "vars", "Vars")
APART = Apart(shared, mentions, explained)


def path(name, kind="File.linux"):
    return f"web/{kind}.froyo.dev/{name}.json"


def taken(**specs):
    """Files, each with what it says; and Vars, whose names begin with v_."""
    objects = [
        (
            VARS if name.startswith("v_") else FILES,
            {"metadata": {"name": name.removeprefix("v_"), "namespace": "web"}, "spec": {"says": says}},
        )
        for name, says in specs.items()
    ]
    return snapshot(SourceName("cluster"), objects)


def load(shown):
    """One that says `bad` is wrong; one that `needs` or `reads` something is, unless that is there and says so."""
    says = {name: json.loads(file.read())["spec"]["says"] for name, file in shown.files.items()}
    if "gone" in says.values():
        raise SnapshotGone
    problems, taken = [], {}
    for name, text in says.items():
        verb, _, what = text.partition(" ")
        if verb == "bad":
            problems.append(Problem(name, 9, 5, f"{text} is wrong"))
        elif verb == "needs" and path(what) not in says:
            problems.append(Problem(name, 6, 5, f"there is no File/{what}", "declare it"))
        elif verb == "reads" and what not in says.values():
            problems.append(Problem(name, 6, 5, f"there is no value {what}"))
        elif verb == "is" and taken.setdefault(what, name) != name:
            problems.append(
                Problem(name, 0, 0, f"File/b and File/a both claim {what}; declared at {taken[what]}:1")
            )
    if problems:
        raise ConfigError(problems)


def denying(problems):
    """Says of one that says `bad` that a policy denies it, by another decision each time."""

    def load(shown):
        says = {name: json.loads(file.read())["spec"]["says"] for name, file in shown.files.items()}
        for name, text in says.items():
            if text == "bad":
                number = str(next(problems))
                raise ConfigError([Problem(name, 0, 0, "denied", f"decision {number}", passing=number)])

    return load


def mending(now, good=None):
    return mend(now, good, load, APART)


def says(wrong):
    return {name: problem.message for name, problem in wrong.items()}


def test_what_is_right_is_taken_as_it_is():
    one = taken(a="x", b="y")
    assert mending(one) == (one, {})


def test_one_that_was_deleted_and_is_needed_stays_and_says_so_as_well():
    """It stayed for ever, and said that it was as declared."""
    good, now = taken(a="x", b="needs a"), replace(taken(b="needs a"), left_out={path("a"): DELETED})
    whole, wrong = mending(now, good)
    assert whole.files == good.files
    assert says(wrong) == {path("a"): "there is no File/a", path("b"): "there is no File/a"}


def test_of_one_that_has_become_wrong_the_last_good_version_counts():
    good, now = taken(a="x", b="y"), taken(a="bad", b="z")
    whole, wrong = mending(now, good)
    assert says(wrong) == {path("a"): "bad is wrong"}
    assert whole.files == {path("a"): good.files[path("a")], path("b"): now.files[path("b")]}
    # As if it had been so to begin with.
    assert (whole.digest, whole.revision) == (taken(a="x", b="z").digest, taken(a="x", b="z").revision)
    assert not whole.left_out


def test_one_that_never_was_good_is_left_out_with_what_needs_it_and_has_nothing_to_lose():
    whole, wrong = mending(taken(a="bad", b="needs a", c="y"), taken(c="x"))
    assert list(whole.files) == [path("c")]
    assert set(wrong) == {path("a"), path("b")}
    assert not whole.left_out


def test_what_others_need_stays_although_it_was_taken_away_and_they_are_told():
    good = taken(a="x", b="needs a", c="x")
    whole, wrong = mending(taken(b="needs a", c="y"), good)
    assert whole.files[path("a")] == good.files[path("a")]
    assert b'"y"' in whole.files[path("c")].read()
    assert says(wrong) == {path("b"): "there is no File/a"}


def test_what_several_need_stays_for_all_of_them():
    good = taken(a="x", b="needs a", c="needs a")
    whole, wrong = mending(taken(b="needs a", c="needs a"), good)
    assert whole.files == good.files
    assert set(wrong) == {path("b"), path("c")}


def test_what_others_read_stays_as_it_was_and_both_are_told():
    good = taken(v_all="port", b="reads port")
    whole, wrong = mending(taken(v_all="ports", b="reads port", c="x"), good)
    assert whole.files[path("all", "Vars")] == good.files[path("all", "Vars")]
    assert path("c") in whole.files
    assert says(wrong) == dict.fromkeys((path("all", "Vars"), path("b")), "there is no value port")


def test_of_two_that_claim_one_thing_the_one_that_has_it_keeps_it():
    good = taken(b="is x")
    whole, wrong = mending(taken(a="is x", b="is x"), good)
    assert whole.files == good.files
    assert set(wrong) == {path("a")}


def test_one_that_was_good_is_left_out_only_where_no_earlier_version_of_anything_helps():
    good = taken(b="reads port", c="x")  # what it reads was known by then
    whole, wrong = mending(taken(b="reads port", c="y"), good)
    assert list(whole.files) == [path("c")]
    assert whole.left_out == {path("b"): "it is wrong: there is no value port"}
    assert set(wrong) == {path("b")}
    # And stays so while it is wrong, whatever becomes of the rest.
    again, _ = mending(taken(b="bad", c="z"), whole)
    assert set(again.left_out) == {path("b")}


def test_what_moves_on_meanwhile_is_left_to_the_next_look():
    assert mending(taken(a="x", b="gone"), taken(a="x"))[0] is None


def test_what_is_about_no_object_changes_nothing():
    def broken(_):
        raise ConfigError([Problem("", 0, 0, "a defect")])

    assert mend(taken(a="x"), taken(a="x"), broken, APART) == (None, {})


async def noted(items):
    for one in items:
        yield one


def mends(loads=load, before=None):
    async def had():
        return before

    async def offload(_, function):
        return function()

    return Mending(APART, load=loads, before=had, offload=offload)


async def test_what_another_decision_denies_as_before_is_nothing_new():
    one = mends(denying(iter(range(100))))
    items = [taken(a="bad", b="x"), taken(a="bad", b="y"), taken(a="x"), taken(a="bad")]
    told = [one.wrong.get(path("a"), "") async for _ in one.mended(noted(items))]
    assert told[0] == told[1] != ""
    assert told[2] == ""
    assert told[3] not in ("", told[0])


async def test_a_source_goes_on_with_the_last_that_was_good():
    items = [
        taken(a="bad", b="x"),
        SourceReport(degraded="so"),
        taken(a="bad", b="bad"),
        taken(b="needs a"),
        taken(b="gone"),
    ]
    one = mends(before=taken(a="x"))
    first, report, second, third, last = [item async for item in one.mended(noted(items))]
    assert {name: b'"x"' in file.read() for name, file in first.files.items()} == {
        path("a"): True,
        path("b"): True,
    }
    assert report == SourceReport(degraded="so")
    assert second.files == first.files
    assert third.files == {path("b"): first.files[path("b")]}
    assert last == taken(b="gone")  # a newer one is on its way


async def test_it_is_told_for_who_wrote_it_and_once():
    one = mends()
    changed = one.changes()
    stream = one.mended(noted([taken(a="bad"), taken(a="bad", b="x"), taken(a="x", b="x")]))
    await anext(stream)
    assert one.wrong == {path("a"): "spec.says: bad is wrong"}
    assert changed.is_set()
    changed.clear()
    await anext(stream)
    assert not changed.is_set()
    await anext(stream)
    assert changed.is_set()
    assert not one.wrong
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_it_is_seen_again_when_something_else_is_known():
    known = ["no"]

    def loads(shown):
        if known[0] == "no":
            load(shown)

    async def one_and_wait():
        yield taken(a="bad")
        await forever.wait()

    forever = asyncio.Event()
    one = mends(loads)
    stream = one.mended(one_and_wait())
    assert not (await anext(stream)).files
    known[0] = "yes"
    one.again()
    assert list((await anext(stream)).files) == [path("a")]
    assert not one.wrong
    await stream.aclose()


async def test_what_a_source_fails_with_is_passed_on():
    async def failing():
        yield taken(a="x")
        raise RuntimeError("so")

    with pytest.raises(RuntimeError, match="so"):
        [_ async for _ in mends().mended(failing())]
