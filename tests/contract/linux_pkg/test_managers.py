"""What is run for the same declarations with each package manager.

What the real ones print is tested with the runner's parsers of it.
"""

import base64
from pathlib import Path

import pytest

from froyo_provider.testing import Harness, resource
from reconciler.model.calls import Call
from reconciler.plugins.calls import Phase
from reconciler.plugins.capabilities import Gate
from reconciler.plugins.packages import load_packages, needs
from tests.contract.linux_pkg.conftest import kind
from tests.contract.linux_pkg.memory import PACKAGE

RECORDINGS = Path(__file__).parent / "recordings"
OTHERS = ("dnf", "zypper", "pacman", "apk")


class Host:
    """A target with a package manager of some name. What is run there makes everything as `after` says.

    Attributes:
        now: what `pkg.query` says of packages, by their names.
        after: what it says once something was run.
        says: what is printed by what is run.
        exit: with what that ends.
        changes: what a simulation says.
        ran: the programs.
    """

    def __init__(self, name, now=None, after=None, *, changes=(), interrupted=False, stale=False, says=""):
        self.name, self.now, self.after = name, now or {}, after or {}
        self.changes, self.interrupted, self.stale, self.says, self.exit = (
            list(changes),
            interrupted,
            stale,
            says,
            0,
        )
        self.ran, self.asked = [], []

    def reply(self, call):
        name, args = call["call"], call["args"]
        self.asked.append(name)
        if name == "pkg.query":
            nothing = {"exists": False, "fits": False, "state": "not-installed", "hold": False}
            return {"ok": {"manager": self.name} | self.now.get(args["name"], nothing)}
        if name == "pkg.simulate":
            return {"ok": {"changes": self.changes, "held": []}}
        if name == "pkg.manager":
            return {"ok": {"manager": self.name, "stale": self.stale, "interrupted": self.interrupted}}
        assert name == "exec.run"
        self.ran.append(args["argv"])
        self.now = self.now | self.after
        said = base64.b64encode(self.says.encode()).decode()
        return {"ok": {"exit": self.exit, "signal": None, "stdout": said, "stderr": "", "truncated": False}}


def there(version="1.0-1", **fields):
    return {
        "exists": True,
        "fits": True,
        "state": "installed",
        "hold": False,
        "version": version,
        "automatic": False,
    } | fields


def missing(choice="", **fields):
    return {
        "exists": False,
        "fits": False,
        "state": "not-installed",
        "hold": False,
        "choice": choice,
        "versions": [],
    } | fields


def package(name, **spec):
    return resource("Package", name, package=name, **spec)


def harness(host):
    return Harness([kind("Package", "packages"), kind("Repository", "repositories")], host)


def done(host, *resources):
    here = harness(host)
    planned = here.plan(resources, here.read(resources))
    assert [one.get("obstacles", []) for one in planned] == [[] for _ in planned]
    return here.apply(planned)


def may(argv):
    [package] = load_packages([PACKAGE])
    gate = Gate(package.capabilities, needs([package]).packages["linux.pkg"], Phase.APPLY)
    return not gate.refusal(Call("exec.run", {"argv": list(argv), "id": "0" * 32}))


def words(argv):
    """What is run, without what is always said."""
    return " ".join(argv).replace(
        "--setopt=clean_requirements_on_remove=False --disableplugin=versionlock ", ""
    )


INSTALLED = {
    "dnf": ["dnf -y --setopt=install_weak_deps=false install -- froyo-app-1.0-1"],
    "zypper": [
        "zypper --non-interactive --no-refresh install --oldpackage --no-recommends -- froyo-app=1.0-1"
    ],
    "pacman": ["pacman -S --noconfirm --needed -- froyo-app=1.0-1"],
    "apk": ["apk --wait 120 add -- froyo-app=1.0-1", "apk --wait 120 add -- froyo-app"],
}
REMOVED = {
    "dnf": ["dnf -y remove -- froyo-app"],
    "zypper": ["zypper --non-interactive --no-refresh install --oldpackage --force-resolution -- -froyo-app"],
    "pacman": ["pacman -Rc --noconfirm -- froyo-app"],
    "apk": ["apk --wait 120 add -- !froyo-app", "apk --wait 120 del -- froyo-app"],
}
BOTH = {
    "dnf": ["dnf -y --allowerasing install -- froyo-rival-1.0-1", "dnf -y remove -- froyo-tool.i686"],
    "zypper": [REMOVED["zypper"][0].replace("-froyo-app", "froyo-rival=1.0-1 -froyo-tool.i686")],
    "pacman": [
        "pacman -Rcn --noconfirm -- froyo-tool:i686",
        "pacman -S --noconfirm --needed --ask 4 -- froyo-rival=1.0-1",
    ],
    "apk": [
        "apk --wait 120 add -- froyo-rival=1.0-1 !froyo-tool:i686",
        "apk --wait 120 del -- froyo-tool:i686",
        "apk --wait 120 add -- froyo-rival",
    ],
}
HELD = {
    "dnf": ["dnf -y -q versionlock add -- froyo-app"],
    "zypper": ["zypper --non-interactive addlock -- froyo-app"],
    "apk": ["apk --wait 120 add -- froyo-app=1.0-1"],
}
LIFTED = {
    "dnf": ["dnf -y -q versionlock delete -- froyo-app"],
    "zypper": ["zypper --non-interactive removelock -- froyo-app"],
    "apk": ["apk --wait 120 add -- froyo-app"],
}
CHANGED_WHILE_HELD = {
    "dnf": [*LIFTED["dnf"], "dnf -y install -- froyo-app-2.0-1", *HELD["dnf"]],
    "zypper": [
        *LIFTED["zypper"],
        "zypper --non-interactive --no-refresh install --oldpackage -- froyo-app=2.0-1",
        *HELD["zypper"],
    ],
    "apk": ["apk --wait 120 add -- froyo-app=2.0-1"],
}
MARKED = {
    "dnf": ["dnf -y -q mark install -- libfroyo"],
    "pacman": ["pacman -D --asexplicit -- libfroyo"],
    "apk": ["apk --wait 120 add -- libfroyo"],
}
REFRESHED = {
    "dnf": "dnf -y -q --refresh makecache",
    "zypper": "zypper --non-interactive refresh",
    "pacman": "pacman -Syy --noconfirm",
    "apk": "apk --wait 120 update",
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_missing_is_installed_in_the_version_that_was_planned(name):
    host = Host(name, {"froyo-app": missing("1.0-1")}, {"froyo-app": there()})
    [result] = done(host, package("froyo-app", recommends=False))
    assert result["changed"]
    assert [words(argv) for argv in host.ran] == INSTALLED[name]
    assert all(map(may, host.ran))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_wanted_is_removed(name):
    host = Host(name, {"froyo-app": there()}, {"froyo-app": missing()})
    [result] = done(host, package("froyo-app", state="absent"))
    assert result["changed"]
    assert [words(argv) for argv in host.ran] == REMOVED[name]
    assert all(map(may, host.ran))


@pytest.mark.parametrize("name", OTHERS)
def test_what_comes_and_what_goes_is_one_run_where_the_manager_can_do_that(name):
    host = Host(
        name,
        {"froyo-rival": missing("1.0-1"), "froyo-tool:i686": there()},
        {"froyo-rival": there(), "froyo-tool:i686": missing()},
    )
    done(host, package("froyo-rival"), package("froyo-tool:i686", state="purged"))
    assert [words(argv) for argv in host.ran] == BOTH[name]
    assert all(map(may, host.ran))


@pytest.mark.parametrize("name", HELD)
def test_holds_are_set_and_lifted(name):
    host = Host(name, {"froyo-app": there()}, {"froyo-app": there(hold=True)})
    done(host, package("froyo-app", hold=True))
    assert [words(argv) for argv in host.ran] == HELD[name]
    lifted = Host(name, {"froyo-app": there(hold=True)}, {"froyo-app": there()})
    done(lifted, package("froyo-app", hold=False))
    assert [words(argv) for argv in lifted.ran] == LIFTED[name]
    assert all(map(may, [*host.ran, *lifted.ran]))


@pytest.mark.parametrize("name", CHANGED_WHILE_HELD)
def test_what_is_on_hold_as_declared_is_changed_and_on_hold_again(name):
    old = there(hold=True, fits=False, choice="2.0-1")
    host = Host(name, {"froyo-app": old}, {"froyo-app": there("2.0-1", hold=True)})
    done(host, package("froyo-app", version="2.0-1", hold=True))
    assert [words(argv) for argv in host.ran] == CHANGED_WHILE_HELD[name]


@pytest.mark.parametrize("name", MARKED)
def test_what_somebody_wants_counts_no_longer_as_installed_for_another(name):
    host = Host(name, {"libfroyo": there(automatic=True)}, {"libfroyo": there()})
    done(host, package("libfroyo"))
    assert [words(argv) for argv in host.ran] == MARKED[name]
    assert all(map(may, host.ran))


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_known_is_renewed_only_where_it_is_older_than_the_sources(name):
    unknown = missing(stale=True) | {"choice": ""}
    host = Host(name, {"froyo-app": unknown}, {"froyo-app": missing("1.0-1")}, stale=True)
    here = harness(host)
    wanted = [package("froyo-app")]
    here.apply(here.plan(wanted, here.read(wanted)))
    assert words(host.ran[0]) == REFRESHED[name]
    assert words(host.ran[1]) == INSTALLED[name][0].replace(" --setopt=install_weak_deps=false", "").replace(
        " --no-recommends", ""
    )
    assert all(map(may, host.ran))


def test_pacmans_lock_that_was_left_behind_is_taken_away_first():
    host = Host("pacman", {"froyo-app": missing("1.0-1")}, {"froyo-app": there()}, interrupted=True)
    done(host, package("froyo-app"))
    assert [words(argv) for argv in host.ran] == ["rm -f /var/lib/pacman/db.lck"]
    assert all(map(may, host.ran))
    other = Host("dnf", {"froyo-app": missing("1.0-1")}, {"froyo-app": there()}, interrupted=True)
    done(other, package("froyo-app"))
    assert len(other.ran) == 1


def test_what_apk_could_not_set_up_is_set_up_anew():
    broken = there(state="half-configured", broken=True)
    host = Host("apk", {"froyo-fails": broken}, {"froyo-fails": broken})
    host.exit, host.says = 1, (RECORDINGS / "apk2" / "fails.txt").read_text()
    [result] = done(host, package("froyo-fails"))
    assert [words(argv) for argv in host.ran] == [
        "apk --wait 120 add -- froyo-fails=1.0-1",
        "apk --wait 120 fix -- froyo-fails",
        "apk --wait 120 add -- froyo-fails",
    ]
    assert "the script of froyo-fails says no" in result["fault"]["message"]
    assert all(map(may, host.ran))


def test_what_apk_takes_away_because_nobody_needs_it_is_told_and_does_not_hold_anything():
    gone = [
        {"action": "remove", "name": "froyo-app", "from": "1.0-r0"},
        {"action": "remove", "name": "libfroyo", "from": "2.0-r0", "unneeded": True},
    ]
    host = Host("apk", {"froyo-app": there()}, changes=gone)
    here = harness(host)
    wanted = [package("froyo-app", state="absent")]
    [operation] = here.plan(wanted, here.read(wanted))
    assert operation.get("obstacles", []) == []
    assert operation["diffs"][-1]["after"] == ["remove libfroyo 2.0-r0"]
    del gone[1]["unneeded"]
    [operation] = here.plan(wanted, here.read(wanted))
    assert "which nobody declared absent" in operation["obstacles"][0]["message"]


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_manager_cannot_do_is_said(name):
    host = Host(name, {"froyo-app": missing("1.0-1")})
    here = harness(host)
    body = {"digest": "sha256:" + "0" * 64, "size": 1}
    from_a_file = resource("Package", "froyo-app", package="froyo-app", version="1.0-1", body=body)
    [operation] = here.plan([from_a_file], here.read([from_a_file]))
    assert operation["obstacles"][0]["message"] == (
        f"froyo-app is to be installed from a file, and linux.pkg does not do that with {name}:"
        " name a repository that has it"
    )


def test_pacman_has_no_holds_of_its_own():
    host = Host("pacman", {"froyo-app": there(), "froyo-tool": there(hold=True)})
    here = harness(host)
    wanted = [package("froyo-app", hold=True), package("froyo-tool", state="absent")]
    held, gone = here.plan(wanted, here.read(wanted))
    assert held["obstacles"][0]["message"] == (
        "pacman has no command by which froyo-app comes on hold or off it:"
        " declare its configuration, and leave `hold` out here"
    )
    assert "an IgnorePkg in /etc/pacman.conf that does not name froyo-tool" in gone["obstacles"][0]["message"]


@pytest.mark.parametrize(
    ("name", "recording", "package", "said"),
    [
        (
            "dnf",
            "upgrade",
            "froyo-app",
            [
                "  Upgrading        : froyo-app-2.0-1.noarch                                 1/2",
                "warning: /etc/froyo-app.conf created as /etc/froyo-app.conf.rpmnew",
            ],
        ),
        ("zypper", "upgrade", "froyo-app", ["(1/1) Installing: froyo-app-2.0-1.noarch"]),
        (
            "pacman",
            "upgrade",
            "froyo-app",
            [
                "upgrading froyo-app...",
                "warning: /etc/froyo-app.conf installed as /etc/froyo-app.conf.pacnew",
            ],
        ),
        ("apk2", "upgrade", "froyo-app", ["(1/1) Upgrading froyo-app (1.0-r0 -> 2.0-r0)"]),
        ("apk3", "upgrade", "froyo-app", ["(1/1) Upgrading froyo-app (1.0-r0 -> 2.0-r0)"]),
        (
            "dnf",
            "fails",
            "froyo-fails",
            ["the script of froyo-fails says no", "Error in PREIN scriptlet in rpm package froyo-fails"],
        ),
        ("zypper", "fails", "froyo-fails", ["the script of froyo-fails says no"]),
        ("apk3", "fails", "froyo-fails", ["  * the script of froyo-fails says no"]),
    ],
)
def test_of_what_the_real_programs_print_that_is_told_which_says_something(name, recording, package, said):
    manager = kind("MANAGERS", "managers")[name.rstrip("23")]
    run = kind("Programs", "programs")(manager)
    text = (RECORDINGS / name / f"{recording}.txt").read_text().partition("\n")[2]
    run.said = run.lines_of(base64.b64encode(text.encode()).decode())
    told = run.about([package])
    assert [line for line in said if not any(one.startswith(line) for one in told)] == []
    assert len(told) <= 16, told


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("dnf", "/etc/yum.repos.d/example.repo as a File"),
        ("zypper", "/etc/zypp/repos.d/example.repo as a File"),
        ("pacman", "a section of /etc/pacman.conf as a Block"),
        ("apk", "a line of /etc/apk/repositories as a Line"),
    ],
)
def test_a_repository_is_apts_and_elsewhere_it_is_said_what_there_is(name, instead):
    class Elsewhere(Host):
        def reply(self, call):
            if call["call"] == "dir.list":
                return {
                    "error": {"class": "permanent", "code": "enoent", "message": "there is no such directory"}
                }
            if call["call"] == "file.stat":
                return {"ok": {"exists": False, "state": "0"}}
            return super().reply(call)

    wanted = resource("Repository", "example", repository="example", uris=["https://a"], suites=["x"])
    [found] = harness(Elsewhere(name)).read([wanted])
    assert found["fault"]["message"] == f"a Repository is apt's, and here is {name}: declare {instead}"
