"""The kind Package: what is planned, what is run for it, and what is said of it, against a target in memory."""

import pytest

from froyo_provider.testing import error
from tests.contract.linux_pkg.conftest import kind
from tests.contract.linux_pkg.memory import installed, known

JQ = {"jq": known("1.7", "1.6", needs=("libjq",)), "libjq": known("1.7")}
APP = {"app": known("2.0", "1.0"), "old": known("1:1.0")}


def diffs(operation):
    return {
        one["field"]: (one["before"], one["after"]) for one in operation["diffs"] if not one.get("ignored")
    }


def test_what_is_missing_is_installed_in_one_run_and_the_plan_shows_versions_and_what_comes_along(bench):
    here = bench(**JQ, **APP, tree=known("2.1"))
    wanted = [here.package("jq"), here.package("app", "tree", version="<2.5")]
    jq, rest = here.plan(*wanted)
    assert (jq["action"], jq["slow"]) == ("create", True)
    assert diffs(jq) == {"version": (None, "1.7"), "brings": (None, ["install libjq 1.7"])}
    assert diffs(rest) == {"packages.app.version": (None, "2.0"), "packages.tree.version": (None, "2.1")}
    results = here.harness.apply([jq, rest])
    assert [one["changed"] for one in results] == [True, True]
    assert results[0]["output"] == "Setting up jq ..."
    [ran] = here.debian.ran
    assert ran[-5:] == ["install", "--", "app=2.0", "jq=1.7", "tree=2.1"]
    assert "APT::Get::Remove=false" in ran
    assert here.versions() == {"jq": "1.7", "libjq": "1.7", "app": "2.0", "tree": "2.1"}


def test_what_is_as_declared_costs_one_call_for_all_of_them(bench):
    here = bench(**JQ, **APP)
    wanted = [here.package("jq"), here.package("app", version=">=1,<3"), here.package("gone", state="purged")]
    here.put_right(*wanted)
    here.debian.calls.clear()
    assert [one["action"] for one in here.plan(*wanted)] == ["none"] * 3
    assert here.harness.rounds == 0
    assert {one["call"] for one in here.debian.calls} == {"pkg.query"}


@pytest.mark.parametrize(
    ("spec", "there", "becomes"),
    [
        ({"version": "<2"}, installed("2.0"), ("2.0", "1.0")),
        ({"version": "1.0"}, installed("2.0"), ("2.0", "1.0")),
        ({"version": ">=1.5"}, installed("1.0"), ("1.0", "2.0")),
        ({"state": "latest"}, installed("1.0"), ("1.0", "2.0")),
        ({"state": "present"}, installed("1.0"), None),
        ({"state": "latest"}, installed("2.0"), None),
        ({"state": "absent"}, installed("1.0"), ("1.0", None)),
        ({"state": "purged"}, installed("1.0"), ("1.0", None)),
        ({"state": "absent"}, installed("1.0", "config-files"), None),
    ],
)
def test_a_version_is_kept_within_its_range_in_either_direction(bench, spec, there, becomes):
    here = bench(**APP)
    here.debian.installed["app"] = there
    app = here.package("app", **spec)
    [operation] = here.plan(app)
    assert diffs(operation) == ({"version": becomes} if becomes else {})
    for result in here.put_right(app):
        assert result["changed"]
    assert [one["action"] for one in here.plan(app)] == ["none"]


def test_what_is_left_of_a_removed_package_is_purged(bench):
    here = bench(**APP)
    here.debian.installed["app"] = installed("1.0", "config-files")
    app = here.package("app", state="purged")
    [operation] = here.plan(app)
    assert (operation["action"], diffs(operation)) == ("delete", {"state": ("config-files", "purged")})
    here.put_right(app)
    assert here.debian.installed == {}
    assert here.debian.ran[0][-3:] == ["purge", "--", "app"]


def test_holds_and_marks_are_set_without_a_run_of_apt(bench):
    here = bench(**APP, jq=known("1.7"))
    here.debian.installed |= {"app": installed("1.0"), "jq": installed("1.7", hold=True, automatic=True)}
    app, jq = here.package("app", hold=True), here.package("jq", hold=False)
    one, other = here.plan(app, jq)
    assert diffs(one) == {"hold": (False, True)}
    assert diffs(other) == {"hold": (True, False), "automatic": (True, False)}
    here.put_right(app, jq)
    assert [argv[:2] for argv in here.debian.ran] == [
        ["apt-mark", "manual"],
        ["apt-mark", "unhold"],
        ["apt-mark", "hold"],
    ]
    assert here.debian.asked("pkg.simulate") == 0
    assert [one["action"] for one in here.plan(app, jq)] == ["none", "none"]


def test_what_is_to_be_left_alone_is_said_and_left(bench):
    here = bench(**APP)
    here.debian.installed["app"] = installed("1.0", hold=True)
    app = here.package("app", state="latest", hold=False, ignore=["version"])
    [operation] = here.plan(app)
    assert [(one["field"], one.get("ignored", False)) for one in operation["diffs"]] == [
        ("version", True),
        ("hold", False),
    ]
    here.put_right(app)
    assert here.versions() == {"app": "1.0"}
    gone = here.package("app", state="absent", ignore=["version"])
    assert here.plan(gone)[0]["action"] == "none"


def obstacles(operation):
    return [(one["code"], one["message"]) for one in operation.get("obstacles", ())]


def test_a_removal_that_nobody_declared_is_held_and_says_how_to_allow_it(bench):
    here = bench(**JQ, **APP)
    here.put_right(here.package("jq"))
    lib, app = here.package("libjq", state="absent"), here.package("app")
    held, other = here.plan(lib, app)
    [(code, message)] = obstacles(held)
    assert code == "held"
    assert message == (
        "it would remove jq 1.7, which nobody declared absent: allow that with `removes: [jq]`, or declare it so"
    )
    assert obstacles(other) == []
    here.put_right(lib, app)
    assert here.versions() == {"jq": "1.7", "libjq": "1.7", "app": "2.0"}
    for allowed in (
        [here.package("libjq", state="absent", removes=["j*"])],
        [lib, here.package("jq", state="absent")],
    ):
        assert [obstacles(one) for one in here.plan(*allowed)] == [[] for _ in allowed]
    here.put_right(here.package("libjq", state="absent", removes=["j*"]))
    assert here.versions() == {"app": "2.0"}


def test_what_takes_the_place_of_another_comes_in_the_run_in_which_that_goes(bench):
    here = bench(old=known("1.0"), new=known("2.0", clashes=("old",)))
    here.put_right(here.package("old"))
    here.debian.ran.clear()
    here.put_right(here.package("new"), here.package("old", state="absent"))
    [ran] = here.debian.ran
    assert ran[-4:] == ["install", "--", "new=2.0", "old-"]
    assert here.versions() == {"new": "2.0"}


def test_two_that_cannot_be_together_keep_nobody_else(bench):
    here = bench(one=known("1.0", clashes=("two",)), two=known("1.0", clashes=("one",)), **APP)
    here.put_right(here.package("two"))
    plans = here.plan(here.package("one"), here.package("two"), here.package("app"))
    assert [len(obstacles(plan)) for plan in plans] == [1, 0, 0]


def test_what_would_not_do_together_is_held_together(bench):
    here = bench(one=known("1.0", clashes=("two",)), two=known("1.0"))
    plans = here.plan(here.package("two"), here.package("one"))
    assert [len(obstacles(plan)) for plan in plans] == [
        0,
        0,
    ]  # they are installed in the order of their names
    here.debian.available["two"]["clashes"] = ("one",)
    plans = here.plan(here.package("two"), here.package("one"))
    assert [len(obstacles(plan)) for plan in plans] == [1, 1]


def test_one_of_ten_that_would_remove_something_keeps_no_other(bench):
    here = bench(one=known("1.0", clashes=("old",)), two=known("1.0"), old=known("1.0"))
    here.put_right(here.package("old"))
    many = [here.package(name) for name in ("one", "two")] + [here.package(f"x{i}") for i in range(8)]
    here.debian.available |= {f"x{i}": known("1") for i in range(8)}
    plans = here.plan(*many)
    assert [len(obstacles(plan)) for plan in plans] == [1] + [0] * 9


def test_among_many_the_one_that_cannot_be_is_found_in_few_runs(bench):
    here = bench(
        bad=known("1.0", clashes=("old",)), old=known("1.0"), **{f"x{i}": known("1") for i in range(60)}
    )
    here.put_right(here.package("old"))
    here.debian.calls.clear()
    plans = here.plan(*(here.package(f"x{i}") for i in range(60)), here.package("bad"))
    assert [bool(obstacles(plan)) for plan in plans] == [False] * 60 + [True]
    assert here.debian.asked("pkg.simulate") < 40


def test_with_many_what_comes_along_is_told_with_the_first(bench):
    here = bench(**JQ, **{f"x{i}": known("1") for i in range(9)})
    plans = here.plan(*(here.package(f"x{i}") for i in range(9)), here.package("jq"))
    assert diffs(plans[0])["brings"] == (None, ["install libjq 1.7"])
    assert here.debian.asked("pkg.simulate") == 1


def test_what_is_on_hold_is_not_changed_unless_that_is_declared(bench):
    here = bench(**APP, new=known("1.0", needs=("app",)))
    here.debian.installed["app"] = installed("1.0", hold=True)
    [operation] = here.plan(here.package("app", version="2.0"))
    [(code, message)] = obstacles(operation)
    assert code == "held"
    assert "apt-mark unhold app" in message
    assert obstacles(here.plan(here.package("app", version="2.0", hold=True))[0]) == []
    here.put_right(here.package("app", version="2.0", hold=True))
    assert (here.versions(), here.debian.installed["app"]["hold"]) == ({"app": "2.0"}, True)


def test_something_on_hold_that_would_be_changed_along_is_held(bench):
    here = bench(lib=known("1.0"), jq=known("1.0", needs=("lib",)))
    here.put_right(here.package("jq"))
    here.debian.installed["jq"]["hold"] = True
    [operation] = here.plan(here.package("lib", state="absent", removes=["jq"]))
    [(_, message)] = obstacles(operation)
    assert message == (
        "it would change jq, on hold on the target: declare a Package with `hold` for that,"
        " or lift it with apt-mark unhold jq"
    )


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("nothing", "", "apt knows no package nothing"),
        ("app", ">=9", "apt knows no version >=9 of app, but 2.0, 1.0: name"),
        (
            "old",
            "<2",
            "apt knows no version <2 of old, but 1:1.0 (what stands before the colon is part of it, as",
        ),
    ],
)
def test_what_there_is_not_is_in_the_way_until_the_sources_change(bench, name, version, said):
    here = bench(**APP)
    wanted = here.package(name, **({"version": version} if version else {}))
    [found] = here.harness.read([wanted])
    [operation] = here.harness.plan([wanted], [found])
    [(code, message)] = obstacles(operation)
    assert code == "unsatisfiable"
    assert message.startswith(said)
    assert {"path:/var/lib/apt/lists/", "path:/etc/apt/sources.list.d/"} <= set(found["watch"])
    assert here.debian.asked("pkg.simulate") == 0


def test_all_that_apt_does_not_know_is_named_at_once(bench):
    here = bench(**APP)
    [operation] = here.plan(here.package("app", "one", "other"))
    [(_, message)] = obstacles(operation)
    assert message.startswith("apt knows no package one, other, or only as something")


def test_lists_that_are_older_than_the_sources_are_fetched_first(bench):
    here = bench()
    here.debian.apt["stale"], here.debian.world["offered"] = True, {"app": known("2.0")}
    app = here.package("app", version=">=2")
    [operation] = here.plan(app)
    assert (diffs(operation), obstacles(operation)) == ({"version": (None, ">=2")}, [])
    [result] = here.put_right(app)
    assert result["changed"]
    assert [argv[-1] for argv in here.debian.ran] == ["update", "app=2.0"]


def test_lists_are_left_alone_where_nothing_is_to_be_installed(bench):
    here = bench(**APP)
    here.debian.installed["app"], here.debian.apt["stale"] = installed("1.0"), True
    here.put_right(here.package("app", state="absent"))
    assert len(here.debian.ran) == 1


def test_what_is_not_there_after_the_lists_were_fetched_is_not_given_to_apt_as_a_pattern(bench):
    """`apt-get install lib.z` installs whatever matches, where there is no package of that name."""
    here = bench(**APP)
    here.debian.apt["stale"] = True
    nothing, app = here.put_right(here.package("nothing"), here.package("app"))
    assert nothing["fault"]["message"].startswith("apt knows no package nothing")
    assert not any("nothing" in argv for argv in here.debian.ran)
    assert app["changed"]


def test_a_script_that_fails_is_its_package_s_own_trouble_and_said_with_its_lines(bench):
    here = bench(bad=known("1.0", fails=True), **APP)
    bad, app = here.put_right(here.package("bad"), here.package("app"))
    assert app["changed"]
    assert bad["fault"]["class"] == "permanent"
    assert bad["fault"]["message"] == (
        "apt-get failed (exit status 100), and bad is half-configured:\n"
        "Setting up bad ...\ndpkg: error processing package bad (--configure):"
    )
    [again] = here.plan(here.package("bad"))
    assert diffs(again) == {"state": ("half-configured", "installed")}


def test_who_holds_the_lock_is_named_and_waited_for(bench):
    here = bench(**APP)
    here.debian.apt["holder"] = {
        "lock": "/var/lib/dpkg/lock-frontend",
        "command": "unattended-upgr",
        "pid": 123,
    }
    [result] = here.put_right(here.package("app"))
    assert result["fault"]["class"] == "throttled"
    assert result["fault"]["message"].startswith("unattended-upgr (process 123) is at work with packages")
    assert here.debian.ran == []
    here.debian.apt["holder"] = {"lock": "/var/lib/dpkg/lock"}
    [result] = here.put_right(here.package("app"))
    assert result["fault"]["message"].startswith("a process that is not seen")


def test_what_dpkg_was_cut_off_in_is_carried_through_first(bench):
    here = bench(**APP)
    here.debian.apt["interrupted"] = True
    here.put_right(here.package("app"))
    assert [argv[0] for argv in here.debian.ran] == ["dpkg", "apt-get"]


def test_a_world_that_has_moved_since_the_plan_is_looked_at_again(bench):
    here = bench(**APP)
    [operation] = here.plan(here.package("app"))
    here.debian.available["app"] = known("3.0")
    [result] = here.harness.apply([operation])
    assert result["fault"]["class"] == "conflict"
    assert here.debian.ran == []


def test_recommended_packages_are_a_matter_of_each_instance(bench):
    here = bench(**APP, tree=known("1"), jq=known("1"))
    here.put_right(
        here.package("app", recommends=False), here.package("tree", recommends=True), here.package("jq")
    )
    assert [[word for word in argv if "Recommends" in word] + argv[-1:] for argv in here.debian.ran] == [
        ["APT::Install-Recommends=false", "app=2.0"],
        ["jq=1"],
        ["APT::Install-Recommends=true", "tree=1"],
    ]


def test_what_is_declared_no_longer_is_removed_and_its_configuration_stays(bench):
    here = bench(**APP)
    app = here.package("app", hold=True, version="2.0")
    here.put_right(app)
    held = {**here.package("app"), "removed": True}
    assert [code for code, _ in obstacles(here.plan(held)[0])] == [
        "held"
    ]  # by somebody else, as far as that one knows
    assert here.harness.destroy([app]) == [
        {"address": "host/Package/app", "changed": True, "output": "Removing app ..."}
    ]
    assert here.debian.installed["app"]["state"] == "config-files"


def test_a_kept_configuration_file_is_told_of(bench):
    here = bench(**APP)
    here.debian.installed["app"] = installed("2.0", kept=("/etc/app.conf",))
    [found] = here.harness.read([here.package("app")])
    assert found["remark"] == (
        "configuration kept as it was, beside what the package brought: /etc/app.conf (/etc/app.conf.dpkg-dist)"
    )
    assert "kept" not in found["state"]["packages"]["app"]


def test_a_host_without_apt_says_what_is_known_here(bench):
    here = bench()
    here.debian.apt["missing"] = "there is no dpkg here: /var/lib/dpkg/status does not exist"
    [found] = here.harness.read([here.package("app")])
    assert found["fault"]["message"] == (
        "there is no dpkg here: /var/lib/dpkg/status does not exist; linux.pkg knows "
        + ", ".join(kind("MANAGERS", "managers"))
    )


def test_what_somebody_has_installed_can_be_declared_without_a_change(bench):
    here = bench(**JQ, **APP)
    here.put_right(here.package("jq"), here.package("app", hold=True))
    found = here.harness.find()
    assert [(one["name"], one["spec"]) for one in found] == [
        ("app", {"package": "app", "hold": True}),
        ("jq", {"package": "jq"}),
    ]
    declared = [
        here.package(one["name"], **{k: v for k, v in one["spec"].items() if k != "package"}) for one in found
    ]
    assert [one["action"] for one in here.plan(*declared)] == ["none", "none"]


def test_a_file_is_brought_and_taken_away_again_and_has_to_be_what_it_is_said_to_be(bench):
    here = bench(**APP)
    body = here.debian.files.body(b"a package")
    own = here.package("own", version="1.0", body=body)
    [operation] = here.plan(own, here.package("app"))[:1]
    assert (diffs(operation), operation["blobs"]) == ({"version": (None, "1.0")}, [body["digest"]])
    assert [one["changed"] for one in here.put_right(own, here.package("app"))] == [True, True]
    [ran] = here.debian.ran
    assert ran[-2:] == [f"/var/cache/froyo/own_1.0_{body['digest'][7:23]}.deb", "app=2.0"]
    assert here.versions() == {"own": "1.0", "app": "2.0"}
    assert [path for path in here.debian.files.nodes if path.startswith("/var/cache/froyo/")] == []
    assert here.plan(own)[0]["action"] == "none"
    [operation] = here.plan(here.package("other", version="2.0", body=body))
    here.debian.world["debs"] = {"other": {"package": "own"}}
    [result] = here.harness.apply([operation])
    assert result["fault"]["message"] == "what is to be installed is not other 2.0"


def test_a_target_without_dpkg_has_no_packages_to_find(bench):
    here = bench(**JQ)
    here.debian.reply = lambda _call: error("not_supported", "there is no dpkg here")
    assert here.harness.find("Package") == []
