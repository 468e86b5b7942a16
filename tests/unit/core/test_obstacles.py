"""Which changes of a plan would fail."""

from dataclasses import replace

from reconciler.core.graph import build_graph
from reconciler.core.obstacles import standing
from reconciler.errors import ProviderError
from reconciler.model.names import Address
from reconciler.model.plan import Obstacle
from reconciler.model.resource import Patience
from reconciler.model.subjects import parse
from tests.unit.core.instances import make_instance


def obstacle(*subjects):
    return Obstacle(ProviderError(f"without {subjects}"), tuple(parse(one) for one in subjects))


def failing(*changes, broken=()):
    """The changes that would fail, with the subjects of what is in their way, or with what they wait for.

    Args:
        *changes: instances, each with what is in its way.
        broken: instances that could not be planned.
    """
    instances = {one.address: one for one in (*(one for one, _ in changes), *broken)}
    found = standing(
        {one.address: in_the_way for one, in_the_way in changes},
        instances,
        build_graph(list(instances.values())),
        broken={one.address for one in broken},
    )
    return {
        one.removeprefix("t/"): [str(s) for s in why.subjects] if isinstance(why, Obstacle) else why
        for one, why in found.items()
    }


MISSING = obstacle("path:/srv/app")
FILE = make_instance("File/f", "/srv/app/f")


def test_what_nothing_is_in_the_way_of_does_not_fail():
    assert failing((FILE, ())) == {}
    assert failing() == {}


def test_what_nobody_takes_away_makes_it_fail():
    assert failing((FILE, [MISSING])) == {"File/f": ["path:/srv/app"]}
    assert failing((FILE, [MISSING]), (make_instance("Directory/o", "/srv/other"), ())) == {
        "File/f": ["path:/srv/app"]
    }


def test_what_changes_as_well_may_take_it_away():
    assert failing((FILE, [MISSING]), (make_instance("Directory/d", "/srv/app"), ())) == {}


def test_each_of_what_is_in_the_way_has_to_go():
    app = (make_instance("Directory/d", "/srv/app"), ())
    assert failing((FILE, [MISSING, obstacle("user:ops")]), app) == {"File/f": ["user:ops"]}
    assert failing((FILE, [obstacle()]), app) == {"File/f": []}


def test_of_several_ways_one_is_enough():
    check = (make_instance("File/check", "/usr/bin/check"), ())
    assert failing((FILE, [obstacle("path:/usr/local/bin/check", "path:/usr/bin/check")]), check) == {}


def test_what_is_to_be_absent_brings_nothing_else():
    gone = replace(
        make_instance("File/g", "/srv/g", state="absent"), provides=(parse("path:/x"), parse("path:/srv/app"))
    )
    assert failing((FILE, [MISSING]), (gone, ())) == {"File/f": ["path:/srv/app"]}


def test_what_comes_after_a_failure_fails():
    app = make_instance("Directory/d", "/srv/app")
    assert failing((FILE, [MISSING]), (app, [obstacle("user:ops")])) == {
        "Directory/d": ["user:ops"],
        "File/f": "t/Directory/d",
    }
    assert failing((FILE, ()), broken=[app]) == {"File/f": "t/Directory/d"}


def test_a_refresh_waits_for_no_failure():
    app = make_instance("Directory/d", "/srv/other", notify=(FILE.ref,))
    assert failing((FILE, ()), (app, [obstacle()])) == {"Directory/d": []}


def test_where_a_link_leads_is_not_known():
    link = make_instance("Symlink/l", "/srv/app")
    deep = obstacle("path:/srv/app/deep")
    assert failing((FILE, [deep]), (link, ())) == {}
    assert failing((FILE, [deep]), (make_instance("Directory/d", "/srv/app"), ())) == {
        "File/f": ["path:/srv/app/deep"]
    }


def test_what_another_package_does_is_not_known_where_it_comes_first():
    run = replace(make_instance("Exec/run"), package="linux.exec")
    assert failing((FILE, [MISSING]), (run, ())) == {"File/f": ["path:/srv/app"]}
    between = make_instance("File/between", "/srv/x", require=(run.ref,))
    also = make_instance("File/also", "/srv/y", require=(run.ref, between.ref))
    after = make_instance("File/f", "/srv/app/f", require=(between.ref, also.ref))
    assert failing((after, [MISSING]), (run, ()), (between, ()), (also, ())) == {}
    assert failing((after, [MISSING]), (between, ()), (also, ()), (run, [obstacle()])) == {
        "Exec/run": [],
        "File/between": "t/Exec/run",
        "File/also": "t/Exec/run",
        "File/f": "t/File/between",
    }


def test_what_is_about_paths_brings_these_and_nothing_else_whatever_its_package():
    run = replace(make_instance("Exec/run", require=(FILE.ref,)), package="linux.exec")
    missing = obstacle("path:/bin/tool")
    assert failing((FILE, ()), (run, [missing])) == {"Exec/run": ["path:/bin/tool"]}
    tool = replace(make_instance("File/tool", "/bin/tool"), package="linux.file")
    assert failing((FILE, ()), (tool, ()), (run, [missing])) == {}
    package = replace(FILE, provides=(parse("package:tools"),))
    assert failing((package, ()), (run, [missing])) == {}


def test_what_is_in_a_tree_is_not_known():
    tree = replace(make_instance("Directory/d", "/opt/tool"), spec={"tree": {}})
    assert failing((FILE, [obstacle("path:/opt/tool/bin/run")]), (tree, ())) == {}
    after = make_instance("File/f", "/srv/f", require=(tree.ref,))
    assert failing((after, [obstacle("path:/bin/tool")]), (tree, ())) == {}


def test_what_is_brought_later_in_the_order_counts():
    """Two things may each be what the other needs nothing of, and be declared the other way round."""
    late = make_instance("Symlink/z", "/srv/app")
    first = make_instance("File/a", "/data/a")
    assert failing((first, [MISSING]), (FILE, [obstacle("path:/data/a")]), (late, ())) == {}
    assert Address("t/File/a") == first.address


def test_what_comes_first_on_two_ways_and_is_about_paths_brings_nothing_else():
    first = make_instance("File/first", "/srv/x")
    between = make_instance("File/between", "/srv/y", require=(first.ref,))
    after = make_instance("File/f", "/srv/app/f", require=(first.ref, between.ref))
    assert failing((after, [MISSING]), (first, ()), (between, ())) == {"File/f": ["path:/srv/app"]}


def test_what_is_probed_may_be_well_after_any_change_before_it():
    """A page that is to be served once its file is there was said to fail."""
    site = replace(make_instance("HttpProbe/site", require=("File/f",)), probe=Patience())
    assert failing((FILE, ()), (site, [obstacle()])) == {}
    assert failing((site, [obstacle()]), broken=[FILE]) == {"HttpProbe/site": "t/File/f"}
