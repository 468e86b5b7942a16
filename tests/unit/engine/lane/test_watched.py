"""Which subjects concern whom, and what a session was told of that."""

from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.engine.lane.watched import Watched
from reconciler.model.names import Address
from reconciler.targets.watch import WatchStatus

A, B = Address("m0/File/a"), Address("m0/File/b")


def session(mode: str = "inotify") -> Any:
    return SimpleNamespace(watching=WatchStatus(watching=1, mode=mode, degraded=""))


@pytest.fixture
def watched():
    watched = Watched()
    watched.note(A, ["path:/a", "path:/"])
    watched.note(B, ["path:/b", "path:/"])
    return watched


def test_a_change_concerns_whoever_named_its_subject(watched):
    assert watched.concerned("path:/a") == {A}
    assert watched.concerned("path:/") == {A, B}
    assert not watched.concerned("path:/c")
    assert watched.of(A) == ("path:/a", "path:/")


def test_what_is_named_no_longer_concerns_nobody(watched):
    watched.note(A, ["path:/c"])
    assert not watched.concerned("path:/a")
    assert watched.concerned("path:/") == {B}
    watched.forget(B)
    assert watched.tell(session()) == ["path:/c"]


def test_what_was_never_named_can_be_forgotten():
    watched = Watched()
    watched.forget(A)
    assert watched.of(A) == ()


def test_a_session_is_told_again_only_when_something_else_is_named(watched):
    one = session()
    assert not watched.is_told(one)
    assert set(watched.tell(one)) == {"path:/a", "path:/b", "path:/"}
    assert watched.is_told(one)
    watched.note(A, ["path:/a", "path:/"])
    assert watched.is_told(one)
    watched.note(A, ["path:/a"])
    assert not watched.is_told(one)


def test_another_session_knows_nothing(watched):
    watched.tell(session())
    assert not watched.is_told(session())


def test_what_is_named_while_a_session_is_being_told_is_not_taken_for_told(watched):
    one = session()
    watched.tell(one)
    watched.note(A, ["path:/c"])
    watched.answered(one.watching)
    assert not watched.is_told(one)


def test_a_session_that_has_given_up_is_told_again_unless_it_refused_from_the_beginning(watched):
    one = session()
    watched.tell(one)
    watched.answered(one.watching)
    one.watching = WatchStatus(watching=0, mode="none", degraded="no more")
    assert not watched.is_told(one)
    watched.tell(one)
    watched.answered(one.watching)
    assert (watched.refused, watched.works) == (True, False)
    assert watched.is_told(one)


def test_what_cannot_be_watched_is_no_reason_to_ask_again(watched):
    one = session("none")
    watched.tell(one)
    watched.refuse()
    assert (watched.refused, watched.works) == (True, False)
    assert watched.is_told(one)


@pytest.mark.parametrize(("declared", "told"), [({A, B}, True), ({A}, False)])
def test_a_new_declaration_tells_a_session_again_only_if_something_is_watched_for_nothing(
    watched, declared, told
):
    one = session()
    watched.tell(one)
    watched.answered(one.watching)
    kept = watched.kept(declared)
    assert kept.is_told(one) is told
    assert kept.works
    assert kept.concerned("path:/") == declared
