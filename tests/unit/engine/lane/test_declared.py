"""How one target should be."""

from dataclasses import replace

from reconciler.core.graph import build_graph
from reconciler.engine.intake.removals import removed
from reconciler.engine.intake.wanted import Wanted
from reconciler.engine.lane.declared import Declared
from reconciler.model.names import SourceName
from reconciler.model.resource import Removal
from reconciler.model.subjects import Subject
from tests.sim.manifests import instance, target


def declared(*instances):
    found = {one.address: one for one in instances}
    wanted = Wanted(
        target=target("m0"),
        instances=found,
        sources=dict.fromkeys(found, SourceName("/srv/a")),
        moved={},
        graph=build_graph(instances),
    )
    return Declared.of(wanted, own_paths=("/srv/own",))


def directory(path="/srv"):
    return instance("m0", "Directory", path.rsplit("/", 1)[-1], {"path": path})


def file(name, **common):
    return instance("m0", "File", name, {"path": f"/srv/{name}", "content": name}, **common)


def test_a_change_tells_whom_it_names_and_whom_those_name():
    one = declared(file("a", notify=["File/b"]), file("b", notify=["File/c"]), file("c"), file("d"))
    assert list(one.notified("m0/File/a")) == ["m0/File/b"]
    assert one.notified_by(["m0/File/a"]) == {"m0/File/b", "m0/File/c"}
    assert one.notified_by(["m0/File/d"]) == set()


def test_what_is_to_go_tells_what_stays_and_is_told_nothing():
    first = removed(file("a", notify=["File/b", "File/c"]), Removal())
    one = declared(file("c"), first, removed(file("b"), Removal()))
    assert list(one.notified("m0/File/a")) == ["m0/File/c"]


def test_what_has_gone_is_in_no_order_and_no_container():
    one = declared(directory(), file("a"), file("b"))
    assert one.managed == {"m0/Directory/srv": ("/srv/a", "/srv/b")}
    left = one.without(["m0/File/a"])
    assert left.graph.order == ("m0/Directory/srv", "m0/File/b")
    assert left.managed == {"m0/Directory/srv": ("/srv/b",)}
    assert one.without(["m0/File/a", "m0/File/b"]).managed == {}


def test_what_shares_something_with_what_has_changed_is_known_and_no_container_purges_it():
    shared = (Subject("path", "/srv/conf"),)
    one = declared(directory(), *(replace(file(name), shares=shared) for name in "ab"), file("c"))
    assert one.sharing("m0/File/a") == ["m0/File/b"]
    assert one.sharing("m0/File/c") == one.sharing("m0/File/gone") == []
    assert one.overtaken(["m0/File/a"]) == {"m0/File/b"}
    assert one.overtaken(["m0/File/b", "m0/File/a"]) == {"m0/File/b"}
    assert one.overtaken(["m0/File/b", "m0/File/a", "m0/File/b"]) == {"m0/File/a"}
    assert "/srv/conf" in one.managed["m0/Directory/srv"]


def test_what_is_left_alone_on_this_machine_is_of_no_concern_elsewhere():
    assert declared(directory("/srv")).managed == {}
