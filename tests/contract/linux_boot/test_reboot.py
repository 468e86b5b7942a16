"""The kind Reboot: what asks for another boot, that it is asked for once, and that it waits for its window."""

import json
import sys
from pathlib import Path

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, World, error, resource
from reconciler.config import load
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.core.graph import build_graph
from reconciler.plugins.packages import catalog, load_packages, needs
from tests.unit.config.world import snapshot

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "providers" / "linux.boot"
SCHEMA = json.loads((PACKAGE / "schemas" / "reboot.json").read_text())
ACTUAL = json.loads((PACKAGE / "schemas" / "reboot.actual.json").read_text())
ASKED = {"required": {"mtime_us": 7, "packages": ["libc6"]}}
NEWER = {"newer": "6.1.0-21-amd64"}
BUSY = {
    "class": "transient",
    "code": "busy",
    "message": "backup does not want it",
    "subjects": ["path:/run/systemd/inhibit/1"],
}


@pytest.fixture(scope="module")
def plugin():
    """The package's module, as the sandbox loads it."""
    sys.path.insert(0, str(PACKAGE))
    kept = sys.modules.pop("plugin", None)
    import plugin

    yield plugin
    sys.path.remove(str(PACKAGE))
    sys.modules.pop("plugin", None)
    if kept is not None:
        sys.modules["plugin"] = kept


def host(boot="first", **more):
    told = {"boot_id": boot, "kernel": "6.1.0-18-amd64", "obstacles": [], **more}
    return World({"boot.stat": told, "boot.again": {"boot_id": "second", "changed": False}})


def reboot(**spec):
    return resource("Reboot", "anew", **({"when": "required", "timeout": 300} | spec))


def planned(plugin, here, one=None):
    one = one or reboot()
    harness = Harness(plugin, here)
    [actual] = harness.read([one])
    jsonschema_rs.validate(ACTUAL, actual["state"])
    [operation] = harness.plan([one], [actual])
    return operation


def refreshed(plugin, here, **spec):
    payload = {"spec": reboot(**spec)["spec"], "id": "ab" * 16, "causes": ["host/File/x"]}
    [result] = Harness(plugin, here).apply(
        [{"address": "host/Reboot/anew", "action": "refresh", "payload": payload}]
    )
    return result


def test_the_package_is_what_it_says_and_is_granted_that():
    [package] = load_packages([PACKAGE])
    assert [problem for kind in package.kinds for problem in kind_problems(kind)] == []
    assert structural_problems(SCHEMA) == []
    [kind] = package.kinds
    assert (kind.disruptive, kind.refresh, kind.lock) == (True, True, "dpkg")
    assert {one.call for one in needs([package]).packages["linux.boot"]} == {
        *("boot.stat", "boot.again", "file.stat", "file.remove")
    }
    assert (kind.removal_disrupts, kind.made_here) == (False, True)


@pytest.mark.parametrize(
    ("asks", "said"),
    [
        (ASKED, "asked for by libc6"),
        ({"required": {"mtime_us": 7, "packages": []}}, "asked for by /run/reboot-required"),
        ({"required": {"mtime_us": 7, "packages": list("abcdefg")}}, "asked for by a, b, c, d, e and 2 more"),
        (NEWER, "kernel 6.1.0-21-amd64 is installed, and 6.1.0-18-amd64 runs"),
        (ASKED | NEWER, "asked for by libc6; kernel 6.1.0-21-amd64 is installed, and 6.1.0-18-amd64 runs"),
    ],
)
def test_what_asks_for_another_boot_is_told_and_has_a_name(plugin, asks, said):
    operation = planned(plugin, host(**asks))
    assert operation["diffs"] == [{"field": "boot", "before": said, "after": "another one"}]
    [one] = operation["calls"]
    args = one["args"]
    assert args == {
        "id": args["id"],
        "causes": args["causes"],
        "boot_id": "first",
        "timeout_ms": 300_000,
    }
    assert len(args["causes"]) == len(asks)
    assert (operation["slow"], operation["refreshes"]) == (True, True)
    # The same cause has the same name in another boot, and another cause another one.
    again = planned(plugin, host("second", **asks))
    assert again["calls"][0]["args"]["id"] == one["args"]["id"]
    other = planned(plugin, host(required={"mtime_us": 8, "packages": ["libc6"]}))
    assert other["calls"][0]["args"]["id"] != one["args"]["id"]


@pytest.mark.parametrize("when", ["required", "notified"])
def test_a_host_that_is_about_to_go_down_is_not_itself_again_whoever_looks(plugin, when):
    failed = planned(plugin, host(going_ms=1500, **ASKED), reboot(when=when))
    assert failed["fault"]["class"] == "transient"
    assert "about to go down" in failed["fault"]["message"]


def test_for_what_it_was_started_anew_before_it_is_not_again(plugin):
    name = planned(plugin, host(**NEWER))["calls"][0]["args"]["id"]
    [actual] = Harness(plugin, host("second", last={"id": name, "boot_id": "first"}, **NEWER)).read(
        [reboot()]
    )
    [failed] = Harness(plugin, host()).plan([reboot()], [actual])
    assert failed["fault"]["class"] == "permanent"
    assert "kernel 6.1.0-21-amd64" in failed["fault"]["message"]
    # While it has not gone down yet, it is asked for as before.
    assert planned(plugin, host(last={"id": name, "boot_id": "first"}, **NEWER))["action"] == "update"
    assert planned(plugin, host(**NEWER))["action"] == "create"
    assert planned(plugin, host("second", last={"id": name, "boot_id": "first"}))["action"] == "none"


def test_for_a_kernel_that_is_never_started_it_is_not_again_for_each_package_that_asked_beside_it(plugin):
    """A boot loader that keeps to its own kernel would have had it started anew twice for each such package."""
    both = planned(plugin, host(**ASKED, **NEWER))["calls"][0]["args"]
    last = {"id": both["id"], "boot_id": "first"}
    for tried, asks, action in (
        (both["causes"], NEWER, "fails"),
        (both["causes"], ASKED | NEWER, "fails"),
        (both["causes"], {"newer": "6.1.0-22-amd64"}, "update"),
        (both["causes"], NEWER | {"required": {"mtime_us": 8, "packages": ["libc6"]}}, "update"),
        ([], NEWER, "update"),
    ):
        here = host("second", last=last, tried=tried, **asks)
        operation = planned(plugin, here)
        assert operation.get("action", "fails") == action, (tried, asks)


@pytest.mark.parametrize("asks", [{}, ASKED])
def test_what_is_in_the_way_is_told_and_watched_whether_it_is_needed_or_not(plugin, asks):
    here = host(**(asks | {"obstacles": [BUSY]}))
    assert planned(plugin, here)["obstacles"] == [{"call": "boot.again", **BUSY}]
    [actual] = Harness(plugin, here).read([reboot()])
    assert "path:/run/systemd/inhibit/1" in actual["watch"]


def test_it_is_notified_where_it_says_so_and_only_there(plugin):
    none = planned(plugin, host(**ASKED), reboot(when="notified"))
    assert (none["action"], none.get("refreshes", False)) == ("none", False)
    assert planned(plugin, host())["refreshes"] is True  # nothing is owed by who notifies it
    here = host()
    assert refreshed(plugin, here, when="notified")["changed"] is True
    assert here.calls[-1]["args"] == {"id": "ab" * 16, "boot_id": "first", "timeout_ms": 300_000}
    here = host(**ASKED)
    assert refreshed(plugin, here)["changed"] is False
    assert [one["call"] for one in here.calls] == ["boot.stat"]


def test_of_what_is_declared_no_longer_the_note_is_taken_away_and_nothing_else_is_done(plugin):
    gone = reboot() | {"removed": True}
    here = host(**ASKED)
    here.answers["file.stat"] = {"exists": True, "state": "sha256:1", "obstacles": [BUSY]}
    operation = planned(plugin, here, gone)
    assert (operation["action"], operation["obstacles"]) == ("delete", [{"call": "file.remove", **BUSY}])
    removal = {"path": "/var/lib/froyo/boot", "expect": "sha256:1"}
    assert operation["calls"] == [{"call": "file.remove", "args": removal}]
    here.answers["file.stat"] = {"exists": False, "state": "sha256:0", "obstacles": []}
    assert planned(plugin, here, gone)["action"] == "none"
    assert {one["call"] for one in here.calls} == {"file.stat"}
    here.answers["file.stat"] = error("eperm")
    [found] = Harness(plugin, here).read([gone])
    assert "fault" in found


def test_a_host_that_does_not_say_is_not_started_anew(plugin):
    [found] = Harness(plugin, World({"boot.stat": error("not_supported")})).read([reboot()])
    assert "fault" in found


def test_the_example_is_valid_and_what_comes_after_comes_after():
    packages = load_packages([PACKAGE, ROOT / "providers" / "linux.file"])
    example = ROOT / "examples" / "reboot"
    files = {path.name: path.read_text() for path in example.glob("*.yaml")}
    desired = load(snapshot(files), catalog(packages))
    order = build_graph([*desired.instances.values()]).order
    assert order == ("web-1/Reboot/when-required", "web-1/File/seen")
    [window] = desired.instances["web-1/Reboot/when-required"].common.windows
    assert (window.days, window.begins, window.ends, window.timezone) == (
        ("sat", "sun"),
        "02:00",
        "04:00",
        "Europe/Berlin",
    )
