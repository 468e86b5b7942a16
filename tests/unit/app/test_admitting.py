"""What is refused before it is taken, and what is only said: by the function that `froyo validate` asks."""

import asyncio
import threading
from functools import partial
from pathlib import Path

import pytest

from reconciler.app.operator import admitting
from reconciler.app.operator.admitting import Judge
from reconciler.config import ParseCache, load
from reconciler.plugins.packages import catalog, load_packages
from watchers.kubernetes.admission import Reviewed, answer
from watchers.kubernetes.listing import Unlisted
from watchers.kubernetes.objects import Definition

ROOT = Path(__file__).parents[3]
FILE = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
TARGET = Definition("froyo.dev", "v1alpha1", "targets", "Target")
HERE = (TARGET, {"metadata": {"name": "here", "namespace": "default"}, "spec": {"local": {}}})


def file(name="motd", path="/etc/motd", **spec):
    return FILE, {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"target": "here", "path": path, "content": "x", **spec},
    }


def asked(one, before=None, **metadata):
    definition, found = one
    return Reviewed.of(
        {
            "request": {
                "uid": "7",
                "namespace": "default",
                "name": found["metadata"]["name"],
                "kind": {"group": definition.group, "version": definition.version, "kind": definition.kind},
                "operation": "UPDATE" if before else "CREATE",
                "object": {**found, "metadata": {**found["metadata"], **metadata}},
                "oldObject": before,
            }
        }
    )


@pytest.fixture(scope="module")
def judge():
    kinds, cache = catalog(load_packages([ROOT / "providers"]), artifacts=ROOT), ParseCache()
    return Judge(lambda taken: load(taken, kinds, cache=cache), [FILE, TARGET])


def test_what_is_right_is_taken(judge):
    assert judge.judged(asked(file()), [HERE]) == ([], [])


def test_one_that_says_what_another_says_may_come_before_that_one_goes(judge):
    """Who applies first and prunes afterwards could rename nothing."""
    before = file("old")
    refused, said = judge.judged(asked(file("new")), [HERE, before])
    assert (refused, said) == ([], ["File/old says the same: this takes its place once that one is deleted"])
    refused, _ = judge.judged(asked(file("new", content="another")), [HERE, before])
    assert "both claim" in refused[0]
    refused, _ = judge.judged(asked(file("new")), [HERE, before, file("third", content="z")])
    assert "both claim" in refused[0]


def test_what_is_right_is_evaluated_once():
    kinds, cache, taken = catalog(load_packages([ROOT / "providers"]), artifacts=ROOT), ParseCache(), []

    def counted(snapshot):
        taken.append(sorted(snapshot.files))
        return load(snapshot, kinds, cache=cache)

    judge = Judge(counted, [FILE, TARGET])
    assert judge.judged(asked(file()), [HERE]) == ([], [])
    assert taken == [["default/File.linux.froyo.dev/motd.json", "default/Target.froyo.dev/here.json"]]


def test_two_that_own_one_thing_are_not(judge):
    [why], _ = judge.judged(asked(file("other", content="y")), [HERE, file()])
    assert "/etc/motd" in why
    # The same one again is no second one.
    assert judge.judged(asked(file(content="y")), [HERE, file()]) == ([], [])


def test_those_that_wait_for_each_other_are_not(judge):
    first = file("a", "/a", require=["File/b"])
    [why, *_], _ = judge.judged(asked(file("b", "/b", require=["File/a"])), [HERE, first])
    assert "File/a" in why


def test_what_may_still_come_is_said_and_taken(judge):
    refusals, [warning, *_] = judge.judged(asked(file()), [])
    assert not refusals
    assert "there is no target here" in warning
    refusals, [warning, *_] = judge.judged(asked(file(require=["File/b"])), [HERE])
    assert not refusals
    assert "there is no File/b" in warning


def test_what_was_wrong_before_is_not_held_against_who_writes_something_else(judge):
    wrong = file("wrong", "/wrong", content="${nonsense(")
    assert judge.judged(asked(file()), [HERE, wrong]) == ([], [])
    [why], _ = judge.judged(asked(file(content="${nonsense(")), [HERE])
    assert why


def test_what_will_not_do_what_it_seems_to_is_said(judge):
    refusals, [warning] = judge.judged(asked(file(path="/etc/hosts", deletion="delete")), [HERE])
    assert not refusals
    assert "/etc/hosts is protected" in warning


def test_nothing_is_said_of_what_declares_nothing_else(judge):
    _, found = file(content="${nonsense(")
    assert asked(file(content="${nonsense("), before=found, finalizers=["a/b"]).unchanged
    assert judge.judged(asked(file(content="${nonsense("), before=found), [HERE]) == ([], [])
    assert asked(file(), deletionTimestamp="2026-01-01T00:00:00Z").unchanged
    assert not asked(file(), before=found).unchanged


def test_an_answer_is_about_its_question():
    assert answer("7", [], [])["response"] == {"uid": "7", "allowed": True}
    said = answer("7", ["no", "nor that"], ["x" * 500])["response"]
    assert (said["allowed"], said["status"]["code"]) == (False, 422)
    assert said["status"]["message"] == "no; nor that"
    assert len(said["warnings"][0]) == 240


@pytest.mark.parametrize("name", ["", "..", "../../other", "a?watch=1", "a/b", "A"])
def test_what_could_be_a_path_is_no_name(name):
    definition, found = file()
    with pytest.raises(ValueError, match="a name in it is none"):
        asked((definition, {**found, "metadata": {**found["metadata"], "name": name or "/"}}))
    review = {"uid": "7", "namespace": name, "object": found, "kind": {"group": "g", "kind": "File"}}
    with pytest.raises(ValueError, match="a name in it is none"):
        Reviewed.of({"request": review})


async def test_one_is_judged_at_a_time_whoever_has_given_up(monkeypatch):
    begun, go_on = [], threading.Event()

    class Slow:
        def judged(self, asked, there):
            begun.append(asked.uid)
            go_on.wait()
            return [], ["said"]

    async def nothing(*_):
        return []

    monkeypatch.setattr(admitting, "listed", nothing)
    monkeypatch.setattr(admitting, "ANSWERED", 0.05)
    _, found = file()
    review = {"uid": "7", "namespace": "default", "object": found, "kind": {"group": "g", "kind": "File"}}
    turn = asyncio.Lock()
    ask = partial(admitting._answered, Slow(), [], turn, {"request": review})
    for _ in range(3):
        said = await ask()
        assert said["response"]["warnings"][0].startswith("froyo could not check this in time")
    assert begun == ["7"]
    go_on.set()
    async with turn:
        monkeypatch.setattr(admitting, "ANSWERED", 60.0)
    assert (await ask())["response"]["warnings"] == ["said"]

    async def unlisted(*_):
        raise Unlisted("it is down")

    monkeypatch.setattr(admitting, "listed", unlisted)
    for _ in range(2):
        assert (await ask())["response"]["warnings"] == ["froyo could not check this: it is down"]
