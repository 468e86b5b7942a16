"""The dependency graph: which edges there are, in which order things go, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.edges import because
from reconciler.core.graph import CycleError, build_graph
from reconciler.errors import ConfigError
from reconciler.model.graph import EdgeKind, Graph
from reconciler.model.names import Reference
from reconciler.model.resource import Removal
from reconciler.model.subjects import Subject, subject
from tests.unit.core.instances import make_instance


def edges(graph: Graph) -> set[tuple[str, str, str]]:
    return {
        (edge.dependency.removeprefix("t/"), edge.dependent.removeprefix("t/"), edge.kind.value)
        for found in graph.dependencies.values()
        for edge in found
    }


def order(graph: Graph) -> list[str]:
    return [address.removeprefix("t/") for address in graph.order]


def test_without_edges_the_order_is_that_of_declaration():
    graph = build_graph([make_instance(f"File/{name}") for name in "cab"])
    assert order(graph) == ["File/c", "File/a", "File/b"]


def test_nothing_declared_is_an_empty_graph():
    graph = build_graph([])
    assert graph.order == ()


def test_require_before_and_notify_order():
    graph = build_graph(
        [
            make_instance("Service/nginx", require=("Package/nginx",)),
            make_instance("File/conf", notify=("Service/nginx",)),
            make_instance("Package/nginx", before=("File/conf",)),
        ]
    )
    assert order(graph) == ["Package/nginx", "File/conf", "Service/nginx"]
    assert edges(graph) == {
        ("Package/nginx", "Service/nginx", "require"),
        ("Package/nginx", "File/conf", "before"),
        ("File/conf", "Service/nginx", "notify"),
    }


def test_what_owns_a_part_of_something_comes_after_what_holds_that():
    part = replace(make_instance("Line/a"), shares=(Subject("path", "/etc/app/conf"),))
    other = replace(make_instance("Line/b"), shares=part.shares)
    graph = build_graph([part, other, make_instance("Directory/app", "/etc/app")])
    assert edges(graph) == {
        ("Directory/app", "Line/a", "inferred"),
        ("Directory/app", "Line/b", "inferred"),
    }


@pytest.mark.parametrize("turned", [False, True])
def test_what_lies_in_something_that_is_mounted_comes_after_that(turned: bool):
    at = Subject("path", "/srv/data")
    mount = replace(
        make_instance("Mount/data"), provides=(Subject("mount", at.name),), uses=(at,), contains=(at,)
    )
    under, inside = make_instance("Directory/data", at.name), make_instance("File/x", "/srv/data/x")
    declared = [under, mount, inside]
    graph = build_graph(declared[::-1] if turned else declared)
    assert edges(graph) == {
        ("Directory/data", "Mount/data", "inferred"),
        ("Mount/data", "File/x", "inferred"),
    }


def test_what_uses_something_comes_after_what_provides_it():
    package = replace(make_instance("Package/nginx"), provides=(Subject("package", "nginx"),))
    conf = make_instance("Directory/conf", "/etc/nginx")
    service = replace(
        make_instance("Service/nginx"),
        uses=(
            Subject("package", "nginx"),
            Subject("path", "/etc/nginx/nginx.conf"),
            Subject("package", "nobody declares it"),
            Subject("unit", "nginx"),
        ),
        provides=(Subject("unit", "nginx"),),
    )
    graph = build_graph([service, package, conf])
    assert edges(graph) == {
        ("Package/nginx", "Service/nginx", "inferred"),
        ("Directory/conf", "Service/nginx", "inferred"),
    }
    gone = [replace(one, spec={"state": "absent"}) for one in (package, service)]
    assert edges(build_graph(gone)) == {("Service/nginx", "Package/nginx", "inferred")}
    assert edges(build_graph([gone[0], service])) == set()


def test_of_two_edges_between_the_same_two_the_one_that_blocks_is_kept():
    graph = build_graph(
        [
            make_instance("File/a", notify=("Service/b", "Service/b"), before=("Service/b",)),
            make_instance("Service/b", require=("File/a",)),
            make_instance("File/c", notify=("Service/d",), before=("Service/d",)),
            make_instance("Service/d"),
        ]
    )
    assert edges(graph) == {("File/a", "Service/b", "require"), ("File/c", "Service/d", "before")}


def test_a_path_comes_after_the_nearest_declared_directory_above_it():
    graph = build_graph(
        [
            make_instance("File/deep", "/srv/app/conf/deep/a.conf"),
            make_instance("Directory/conf", "/srv/app/conf/"),
            make_instance("Symlink/current", "/srv/app/current"),
            make_instance("Directory/srv", "/srv"),
            make_instance("File/elsewhere", "/srvx/file"),
            make_instance("File/deeper", "/srv/app/conf/deep/b/c.conf"),
        ]
    )
    assert edges(graph) == {
        ("Directory/conf", "File/deep", "inferred"),
        ("Directory/conf", "File/deeper", "inferred"),
        ("Directory/srv", "Directory/conf", "inferred"),
        ("Directory/srv", "Symlink/current", "inferred"),
    }


def test_the_root_can_be_a_declared_directory_and_does_not_come_after_itself():
    graph = build_graph([make_instance("File/a", "/a"), make_instance("Directory/root", "/")])
    assert edges(graph) == {("Directory/root", "File/a", "inferred")}


def test_only_containers_have_paths_below_them():
    graph = build_graph([make_instance("File/b", "/a/b"), make_instance("Symlink/a", "/a")])
    assert edges(graph) == set()


def test_inference_is_switched_off_for_whoever_says_so():
    graph = build_graph(
        [
            make_instance("Directory/a", "/a"),
            make_instance("File/b", "/a/b", infer_edges=False),
            make_instance("File/c", "/a/c"),
        ]
    )
    assert edges(graph) == {("Directory/a", "File/c", "inferred")}


def test_what_is_to_be_absent_goes_before_the_directory_that_is_to_be_absent():
    graph = build_graph(
        [
            make_instance("Directory/old", "/srv/old", state="absent"),
            make_instance("Directory/srv", "/srv"),
            make_instance("File/old", "/srv/old/a", state="absent"),
            make_instance("File/contradiction", "/srv/old/b"),
        ]
    )
    assert edges(graph) == {
        ("Directory/srv", "Directory/old", "inferred"),
        ("File/old", "Directory/old", "inferred"),
    }


def test_what_is_named_and_not_declared_is_refused_all_at_once_with_place_and_suggestion():
    with pytest.raises(ConfigError) as refused:
        build_graph(
            [
                make_instance("File/motd", line=3, require=("Package/ngnix",)),
                make_instance("Package/nginx", line=9, before=("Group/wheel",)),
            ]
        )
    first, second = refused.value.problems
    assert (first.location, first.hint) == ("site.yaml:3", "did you mean Package/nginx?")
    assert "File/motd: require names Package/ngnix, which is not declared for target t" in first.message
    assert (second.location, second.hint) == ("site.yaml:9", "declare it, or select this target there too")


def test_only_as_many_suggestions_are_looked_for_as_a_person_reads():
    with pytest.raises(ConfigError) as refused:
        build_graph(
            [make_instance("Package/nginx"), make_instance("File/a", require=("Package/ngnix",) * 30)]
        )
    assert sum("did you mean" in problem.hint for problem in refused.value.problems) == 20


def test_a_circle_is_refused_and_says_for_each_edge_where_it_comes_from():
    with pytest.raises(CycleError) as refused:
        build_graph(
            [
                make_instance("File/a", "/x/a", line=1),
                make_instance("Directory/x", "/x", line=5, require=("File/b",)),
                make_instance("File/b", line=9, require=("File/a",)),
                make_instance("File/innocent", "/x/c", line=12),
            ]
        )
    assert [[edge.kind for edge in cycle] for cycle in refused.value.cycles] == [
        [EdgeKind.REQUIRE, EdgeKind.REQUIRE, EdgeKind.INFERRED]
    ]
    (problem,) = refused.value.problems
    assert problem.location == "site.yaml:9"
    assert problem.message == (
        "a cycle of dependencies on target t:\n"
        "    File/a before File/b (require, site.yaml:9)\n"
        "    File/b before Directory/x (require, site.yaml:5)\n"
        "    Directory/x before File/a (its path lies below, site.yaml:1)\n"
        "  so none of these can go first"
    )
    assert "inferEdges: false" in problem.hint


def test_what_requires_itself_is_a_circle():
    with pytest.raises(CycleError) as refused:
        build_graph([make_instance("File/a", require=("File/a",))])
    (problem,) = refused.value.problems
    assert "    File/a before File/a (require)\n" in problem.message
    assert "inferEdges" not in problem.hint


def test_circles_that_have_nothing_to_do_with_each_other_are_all_told_and_missing_names_too():
    with pytest.raises(CycleError) as refused:
        build_graph(
            [
                make_instance("File/tail", require=("File/a",)),
                make_instance("File/a", require=("File/b", "File/none")),
                make_instance("File/b", require=("File/a",)),
                make_instance("File/c", before=("File/d",)),
                make_instance("File/d", notify=("File/c",)),
            ]
        )
    assert len(refused.value.cycles) == 2
    assert len(refused.value.problems) == 3


def test_the_shortest_way_round_is_told():
    with pytest.raises(CycleError) as refused:
        build_graph(
            [
                make_instance("File/a", require=("File/b", "File/c")),
                make_instance("File/b", require=("File/c",)),
                make_instance("File/c", require=("File/a",)),
            ]
        )
    assert [len(cycle) for cycle in refused.value.cycles] == [2]


PAIRS = st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=25)


@given(pairs=PAIRS)
def test_any_edges_give_an_order_that_keeps_them_or_a_circle_that_is_one(pairs):
    instances = [
        make_instance(
            f"File/{number}", require=tuple(Reference(f"File/{a}") for a, b in sorted(pairs) if b == number)
        )
        for number in range(10)
    ]
    try:
        graph = build_graph(instances)
    except CycleError as refused:
        wanted = {(f"t/File/{a}", f"t/File/{b}") for a, b in pairs}
        for cycle in refused.cycles:
            assert {(edge.dependency, edge.dependent) for edge in cycle} <= wanted
            assert [edge.dependent for edge in cycle] == [edge.dependency for edge in (*cycle[1:], cycle[0])]
    else:
        assert sorted(graph.order) == sorted(each.address for each in instances)
        assert all(graph.position[f"t/File/{a}"] < graph.position[f"t/File/{b}"] for a, b in pairs)


@given(pairs=PAIRS)
def test_pairs_that_point_forwards_are_never_a_circle_and_do_not_disturb_the_order(pairs):
    forwards = [(a, b) for a, b in sorted(pairs) if a < b]
    graph = build_graph(
        [
            make_instance(
                f"File/{number}", before=tuple(Reference(f"File/{b}") for a, b in forwards if a == number)
            )
            for number in range(10)
        ]
    )
    assert order(graph) == [f"File/{number}" for number in range(10)]


def test_what_is_to_go_goes_in_the_reverse_order_and_waits_for_nothing_declared():
    def going(one):
        return replace(one, removal=Removal())

    directory = going(make_instance("Directory/d", "/srv/d"))
    file = going(make_instance("File/f", "/srv/d/f", require=("File/first", "File/kept")))
    first = going(make_instance("File/first", "/srv/first"))
    kept = make_instance("File/kept", "/srv/d2")
    graph = build_graph([kept, directory, file, first])
    assert graph.order == ("t/File/kept", "t/File/f", "t/Directory/d", "t/File/first")
    assert not graph.dependents.get("t/File/kept")
    assert [edge.dependency for edge in graph.dependencies["t/Directory/d"]] == ["t/File/f"]


def test_what_is_to_go_goes_before_what_it_notifies():
    """A handler that was owed already ran beside the removal, and counted for it."""
    going = replace(make_instance("File/f", "/srv/f", notify=("File/kept", "File/gone")), removal=Removal())
    graph = build_graph([make_instance("File/kept", "/srv/d2"), going])
    assert graph.order == ("t/File/f", "t/File/kept")
    (edge,) = graph.dependencies["t/File/kept"]
    assert not edge.blocks


CHAIN = [
    make_instance("Directory/top", "/srv"),
    make_instance("Directory/middle", "/srv/a"),
    make_instance("File/low", "/srv/a/b", notify=("File/last",)),
    make_instance("File/last", "/etc/last"),
]


def test_of_some_the_order_is_that_of_all():
    graph = build_graph(CHAIN)
    assert graph.among(graph.order) == graph
    assert edges(graph.among({"t/Directory/top", "t/Directory/middle"})) == {
        ("Directory/top", "Directory/middle", "inferred")
    }
    assert graph.among(()) == build_graph([])


def test_what_came_before_something_through_what_is_left_out_still_does():
    some = build_graph(CHAIN).among({"t/Directory/top", "t/File/low", "t/File/last"})
    assert some.order == ("t/Directory/top", "t/File/low", "t/File/last")
    assert edges(some) == {("Directory/top", "File/low", "inferred"), ("File/low", "File/last", "notify")}
    assert some.position["t/File/low"] == 1


def test_what_is_only_told_through_what_is_left_out_is_not_held_up_by_a_failure():
    some = build_graph(CHAIN).among({"t/Directory/top", "t/File/last"})
    assert edges(some) == {("Directory/top", "File/last", "notify")}
    [edge] = some.dependents["t/Directory/top"]
    assert not edge.blocks


@given(pairs=PAIRS, kept=st.frozensets(st.integers(0, 9)))
def test_nothing_that_is_kept_changes_places(pairs, kept):
    forwards = [(a, b) for a, b in pairs if a < b]
    graph = build_graph(
        [
            make_instance(
                f"File/{number}", before=tuple(Reference(f"File/{b}") for a, b in forwards if a == number)
            )
            for number in range(10)
        ]
    )
    addresses = {f"t/File/{number}" for number in kept}
    some = graph.among(addresses)
    assert some.order == tuple(address for address in graph.order if address in addresses)
    for address, before in some.dependencies.items():
        for edge in before:
            assert edge in some.dependents[edge.dependency]
            assert some.position[edge.dependency] < some.position[address]


def test_an_inferred_edge_is_about_the_subject_that_joins_the_two():
    top, low = make_instance("Directory/top", "/srv"), make_instance("File/low", "/srv/a/b")
    user = replace(make_instance("Exec/run"), uses=(subject("path", "/srv/a/b"),))
    guest = replace(user, uses=(subject("path", "/srv/x"), subject("path", "/srv/a")))
    assert because(top, low) == subject("path", "/srv")
    assert because(low, top) == subject("path", "/srv")  # of what is to be absent
    assert because(low, user) == subject("path", "/srv/a/b")
    assert because(top, guest) == subject("path", "/srv/x")
    assert because(user, make_instance("File/other", "/")) is None
    assert because(user, make_instance("Exec/other")) is None
