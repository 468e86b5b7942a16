"""Objects that are listed, and heard of in between."""

import json

import pytest

from reconciler.model.names import SourceName
from reconciler.model.source import DELETED
from watchers.kubernetes.cache import Heard, ObjectCache
from watchers.kubernetes.objects import Definition

FILES = Definition("linux.froyo.dev", "v1alpha1", "files", "File")
PATH = "web/File.linux.froyo.dev/motd.json"


def found(says="x", version=1, *, name="motd", uid="u", status=None, **metadata):
    metadata = {
        "name": name,
        "namespace": "web",
        "uid": uid,
        "resourceVersion": f"{version}",
        "generation": version,
        **metadata,
    }
    return {"metadata": metadata, "spec": {"says": says}, "status": status or {}}


def says(cache):
    files = cache.snapshot(SourceName("c"), {}).files
    return {path: json.loads(file.read())["spec"]["says"] for path, file in files.items()}


@pytest.fixture
def cache():
    one = ObjectCache()
    one.begin()
    assert one.take([(FILES, found(status={"target": "web-1"}))])
    return one


def hear(cache, type_, one):
    return cache.hear(FILES, type_, one)


def test_what_is_changed_and_added_is_there_at_once(cache):
    assert hear(cache, "MODIFIED", found("y", 2)) is Heard.DECLARED
    assert hear(cache, "ADDED", found("z", 3, name="other", uid="o")) is Heard.DECLARED
    assert set(says(cache).values()) == {"y", "z"}
    first, second = cache.snapshot(SourceName("c"), {}).files.values()
    assert cache.generation(PATH, first.digest) == 2
    assert cache.generation(PATH, second.digest) is None
    assert cache.generation("elsewhere", first.digest) is None


def test_what_we_write_ourselves_is_nothing_and_what_is_asked_of_us_is_no_other_declaration(cache):
    assert cache.seen[PATH].status == {"target": "web-1"}
    cache.expect(PATH, {"target": "x"})
    written = found("x", 2, status={"target": "x"}, generation=1)
    assert hear(cache, "MODIFIED", written) is Heard.NOTHING
    cache.wrote(PATH, written)
    asked = {"annotations": {"reconcile.froyo.dev/requestedAt": "now"}, "status": {"target": "x"}}
    assert hear(cache, "MODIFIED", found("x", 3, generation=1, **asked)) is Heard.ASKED
    assert cache.seen[PATH].requested == "now"
    # What was seen when it was first seen may be of another life; that what follows is ours is known to who wrote it.
    assert cache.seen[PATH].status is None


def test_a_status_that_is_another_one_than_we_have_written_is_told_of_by_events_and_lists(cache):
    cache.expect(PATH, {"target": "x"})
    cache.wrote(PATH, found("x", 4, status={"target": "x"}, generation=1))
    assert cache.seen[PATH].status is None
    # From before that, and told of late.
    assert hear(cache, "MODIFIED", found("x", 3, status={"target": "y"}, generation=1)) is Heard.NOTHING
    assert cache.seen[PATH].status is None
    assert hear(cache, "MODIFIED", found("x", 5, status={"target": "z"}, generation=1)) is Heard.ASKED
    assert cache.seen[PATH].status == {"target": "z"}
    assert hear(cache, "MODIFIED", found("x", 6, status={"target": "x"}, generation=1)) is Heard.NOTHING
    cache.begin()
    assert cache.take([(FILES, found("x", 7, generation=1))])
    assert cache.seen[PATH].status == {}


def test_a_status_of_which_the_server_made_something_else_is_what_we_have_written(cache):
    as_it_is = found("x", 4, status={"target": "x", "by": "default"}, generation=1)
    cache.expect(PATH, {"target": "x", "unknown": 1})
    assert hear(cache, "MODIFIED", as_it_is) is Heard.ASKED
    cache.wrote(PATH, as_it_is)
    assert cache.seen[PATH].status is None
    late = {"status": {"target": "x", "by": "default"}, "generation": 1, "labels": {"a": "b"}}
    assert hear(cache, "MODIFIED", found("x", 5, **late)) is Heard.DECLARED
    assert cache.seen[PATH].status is None


def test_what_was_written_to_one_that_has_gone_is_nothing_to_the_next(cache):
    cache.expect("elsewhere", {})
    cache.wrote("elsewhere", found("x", 4))
    cache.expect(PATH, {"target": "x"})
    cache.wrote(PATH, found("x", 4, uid="another", status={"target": "x"}))
    assert cache.seen[PATH].status == {"target": "web-1"}
    assert (
        hear(cache, "ADDED", found("x", 5, uid="third", status={"target": "x"}, generation=1)) is Heard.ASKED
    )
    assert cache.seen[PATH].status == {"target": "x"}


def test_an_earlier_version_that_comes_later_means_nothing(cache):
    hear(cache, "MODIFIED", found("y", 5))
    assert hear(cache, "MODIFIED", found("late", 4)) is Heard.NOTHING
    assert hear(cache, None, found("late", 5)) is Heard.NOTHING
    assert says(cache) == {PATH: "y"}


def test_what_an_event_takes_away_is_looked_at_first(cache):
    assert hear(cache, "DELETED", found("x", 2)) is Heard.GONE
    assert hear(cache, "MODIFIED", found("x", 3, deletionTimestamp="now")) is Heard.GONE
    assert says(cache) == {PATH: "x"}
    cache.begin()
    assert cache.take([])
    assert says(cache) == {}
    assert not cache.seen


def test_one_that_was_made_anew_is_not_taken_for_the_one_that_went(cache):
    assert hear(cache, "ADDED", found("new", 9, uid="n")) is Heard.DECLARED
    cache.begin()
    assert hear(cache, "ADDED", found("newer", 11, uid="m")) is Heard.DECLARED
    assert hear(cache, "DELETED", found("x", 8)) is Heard.NOTHING
    cache.take([(FILES, found("new", 9, uid="n"))])
    assert says(cache) == {PATH: "newer"}


def test_one_that_is_on_its_way_out_declares_nothing(cache):
    one = found("z", 3, name="other", uid="o", deletionTimestamp="now")
    assert hear(cache, "ADDED", one) is Heard.NOTHING
    assert says(cache) == {PATH: "x"}
    assert len(cache.seen) == 2


def test_what_was_heard_while_a_list_was_made_counts_as_it_was_heard(cache):
    cache.begin()
    hear(cache, "MODIFIED", found("y", 4))
    hear(cache, "ADDED", found("z", 5, name="added", uid="a"))
    hear(cache, "ADDED", found("z", 6, name="gone", uid="g"))
    hear(cache, "DELETED", found("z", 6, name="gone", uid="g"))
    cache.take([(FILES, found("x", 1)), (FILES, found("z", 6, name="gone", uid="g"))])
    assert sorted(says(cache).values()) == ["y", "z"]


def test_a_list_corrects_what_was_missed(cache):
    cache.begin()
    assert not cache.take([(FILES, found("x", 1))])
    assert cache.take([(FILES, found("missed", 7))])
    assert cache.take([(FILES, found("again", 8, uid="n"))])
    assert says(cache) == {PATH: "again"}


def test_what_is_being_deleted_declares_nothing_and_is_said_to_be(cache):
    assert cache.snapshot(SourceName("c"), {}).left_out == {}
    going = found("x", 2, deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["froyo.dev/removal"])
    assert hear(cache, "MODIFIED", going) is Heard.GONE
    assert cache.take([(FILES, going)])
    shown = cache.snapshot(SourceName("c"), {})
    assert (dict(shown.files), shown.left_out) == ({}, {PATH: DELETED})
    cache.begin()
    assert cache.take([])
    assert cache.snapshot(SourceName("c"), {}).left_out == {}
