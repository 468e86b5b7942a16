"""Walking a graph: what may be worked on, when, and what is kept back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.frontier import Frontier, Step, StepKind
from reconciler.core.graph import build_graph
from reconciler.model.graph import Graph
from reconciler.model.names import Address
from tests.unit.core.instances import make_instance


def names(addresses) -> list[str]:
    plain = (one.address if isinstance(one, Step) else one for one in addresses)
    return [address.removeprefix("t/File/") for address in plain]


def at(name: str) -> Address:
    return Address(f"t/File/{name}")


@pytest.fixture
def chain() -> Graph:
    """a before b before c; and d on its own, declared first."""
    return build_graph(
        [
            make_instance("File/d"),
            make_instance("File/a"),
            make_instance("File/b", require=("File/a",)),
            make_instance("File/c", require=("File/b",)),
        ]
    )


def test_everything_is_given_out_once_in_order_as_soon_as_what_it_needs_is_done(chain):
    frontier = Frontier(chain)
    assert names(frontier.take()) == ["d", "a"]
    assert frontier.take() == ()
    frontier.done(at("a"))
    assert names(frontier.take()) == ["b"]
    frontier.done(at("d"))
    frontier.done(at("b"))
    assert names(frontier.take()) == ["c"]
    frontier.done(at("c"))
    assert frontier.take() == ()
    assert frontier.blocked == {}


def test_what_depends_on_a_failure_is_blocked_and_says_by_what(chain):
    frontier = Frontier(chain)
    frontier.take()
    assert sorted(names(frontier.fail(at("a")))) == ["b", "c"]
    assert frontier.blocked == {at("b"): at("a"), at("c"): at("a")}
    frontier.done(at("d"))
    assert frontier.take() == ()
    assert frontier.take() == ()


def test_a_refresh_is_owed_to_what_is_notified_by_a_failure():
    graph = build_graph([make_instance("File/a", notify=("File/b",)), make_instance("File/b")])
    frontier = Frontier(graph)
    assert names(frontier.take()) == ["a"]
    assert frontier.fail(at("a")) == ()
    assert names(frontier.take()) == ["b"]


def test_what_is_refreshed_is_given_out_for_that_before_what_depends_on_it(chain):
    frontier = Frontier(chain)
    assert {step.work for step in frontier.take()} == {StepKind.APPLY}
    frontier.refresh(at("a"))
    assert frontier.take() == (Step(at("a"), StepKind.REFRESH),)
    frontier.done(at("a"))
    assert frontier.take() == (Step(at("b"), StepKind.APPLY),)
    with pytest.raises(KeyError):
        frontier.refresh(at("a"))


def test_what_was_not_given_out_cannot_be_settled(chain):
    frontier = Frontier(chain)
    with pytest.raises(KeyError):
        frontier.done(at("a"))
    frontier.take()
    frontier.done(at("a"))
    with pytest.raises(KeyError):
        frontier.fail(at("a"))


def test_what_is_not_part_of_the_walk_still_orders_what_is(chain):
    frontier = Frontier(chain, [at("c"), at("a")])
    assert names(frontier.take()) == ["a"]
    frontier.done(at("a"))
    assert names(frontier.take()) == ["c"]


def test_a_failure_blocks_through_what_is_not_part_of_the_walk(chain):
    frontier = Frontier(chain, [at("c"), at("a")])
    frontier.take()
    assert names(frontier.fail(at("a"))) == ["c"]
    assert frontier.blocked == {at("c"): at("a")}


def test_what_is_known_to_have_failed_blocks_from_the_start(chain):
    frontier = Frontier(chain, [at("c"), at("d")], failed=[at("a"), at("d")])
    assert names(frontier.take()) == ["d"]
    assert frontier.blocked == {at("c"): at("a")}


def test_a_known_failure_in_the_middle_is_not_passed_when_what_it_needs_is_done():
    graph = build_graph(
        [
            make_instance("File/a"),
            make_instance("File/b", require=("File/a",), notify=("File/d",)),
            make_instance("File/c", require=("File/b",)),
            make_instance("File/d"),
        ]
    )
    frontier = Frontier(graph, [at("a"), at("c"), at("d")], failed=[at("b")])
    assert frontier.blocked == {at("c"): at("b")}
    assert names(frontier.take()) == ["a", "d"]
    frontier.done(at("a"))
    frontier.done(at("d"))
    assert frontier.take() == ()


def test_a_known_failure_releases_what_it_notifies_once_and_not_before_the_rest_is_done():
    graph = build_graph(
        [
            make_instance("File/a", notify=("File/c",)),
            make_instance("File/b", before=("File/c",)),
            make_instance("File/c"),
        ]
    )
    frontier = Frontier(graph, [at("b"), at("c")], failed=[at("a")])
    assert names(frontier.take()) == ["b"]
    assert frontier.take() == ()
    frontier.done(at("b"))
    assert names(frontier.take()) == ["c"]


def test_only_the_part_of_the_graph_above_the_members_is_looked_at():
    graph = build_graph(
        [make_instance("Directory/a", "/a"), *(make_instance(f"File/{n}", f"/a/{n}") for n in range(1000))]
    )
    frontier = Frontier(graph, [at("7")])
    assert len(frontier._waits) == 2
    assert names(frontier.take()) == ["7"]


@given(data=st.data())
def test_whatever_fails_each_member_is_either_given_out_after_what_it_needs_or_blocked_by_a_failure(
    data,
):
    numbers = range(8)
    pairs = data.draw(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda p: p[0] < p[1])))
    graph = build_graph(
        [
            make_instance(f"File/{n}", require=tuple(f"File/{a}" for a, b in sorted(pairs) if b == n))
            for n in numbers
        ]
    )
    members = data.draw(st.sets(st.sampled_from(graph.order)))
    failing = data.draw(st.sets(st.sampled_from(graph.order)))
    frontier = Frontier(graph, members, failed=failing - members)
    given_out: list[Address] = []
    done: set[Address] = set()
    working: list[Address] = []
    while working or (working := [step.address for step in frontier.take()]):
        # Not all at once: what becomes ready meanwhile comes with the next ones.
        for address in working[: data.draw(st.integers(1, 3))]:
            working.remove(address)
            needed = set(names(graph.order)) & {str(a) for a, b in pairs if b == int(names([address])[0])}
            assert {at(name) for name in needed} & members <= done
            given_out.append(address)
            if address in failing:
                frontier.fail(address)
            else:
                done.add(address)
                frontier.done(address)
    assert len(given_out) == len(set(given_out))
    assert set(given_out) | set(frontier.blocked) == members
    assert not set(given_out) & set(frontier.blocked)
    assert set(frontier.blocked.values()) <= failing
    broken = failing - set(frontier.blocked)
    for address in graph.order:  # an order of dependencies: what is above an instance was decided before it
        if any(edge.blocks and edge.dependency in broken for edge in graph.dependencies.get(address, ())):
            broken.add(address)
    assert set(frontier.blocked) == {a for a in broken & members if a not in given_out}


def test_what_is_broken_because_of_another_is_not_to_blame(chain):
    """Whether or not it was looked at, too: else what waits says now this, now that, and each is written down."""
    frontier = Frontier(chain, [at("c")], failed=[at("a"), at("b")])
    assert frontier.blocked == {at("c"): at("a")}


def test_what_is_broken_is_not_passed_since_what_only_comes_before_it_is_broken_too():
    graph = build_graph(
        [
            make_instance("File/a", notify=("File/b",)),
            make_instance("File/b"),
            make_instance("File/c", require=("File/b",)),
        ]
    )
    frontier = Frontier(graph, [at("c")], failed=[at("a"), at("b")])
    assert frontier.blocked == {at("c"): at("b")}
    assert frontier.take() == ()
