"""The package linux.mount: what it takes two tables for, and what it does about them."""

import base64
import json
import sys

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, World, error, resource
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.plugins.packages import catalog, load_packages, needs
from tests.contract.linux_file.test_package import nodes_of
from tests.contract.linux_mount.conftest import PACKAGE

SCHEMA = json.loads((PACKAGE / "schemas" / "mount.json").read_text())
ACTUAL = json.loads((PACKAGE / "schemas" / "mount.actual.json").read_text())
ROOT = "20 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro\n"
TMPFS = "40 20 0:40 / /srv/x rw,nosuid,relatime shared:9 - tmpfs tmpfs rw,size=8192k,mode=755\n"
LVM = "42 20 8:17 / /srv/x rw,noatime - ext4 /dev/dm-1 rw\n"
NAS = "9 2 0:9 / /srv/x rw,relatime - nfs4 nas:/a rw,vers=4.2\n"
AGAIN = ["umount -- /srv/x", "mount -- /srv/x"]
BIND = "41 20 8:1 /usr/share /srv/x ro,relatime shared:9 - ext4 /dev/sda1 rw,errors=remount-ro\n"
DATA = "42 20 8:17 / /srv/x rw,noatime - ext4 /dev/sdb1 rw\n"
DONE = {"exit": 0, "signal": None, "stdout": "", "stderr": "", "truncated": False}


def world(*, fstab="", now="", look=None, place="directory", systemd=False, link=None, **more):
    answers = {
        "file.stat /etc/fstab": {"exists": True, "type": "file", "text": fstab},
        "file.stat /proc/self/mountinfo": {"exists": True, "type": "file", "text": ROOT + now},
        "file.stat /run/systemd/system": {"exists": systemd},
        "file.stat /srv": {"exists": True, "type": "directory"},
        "file.stat /srv/x": {"exists": place != "absent", "type": place},
        "file.stat": {"exists": True, "type": "symlink", "to": link} if link else {"exists": False},
        "text.look": {"exists": True, "there": False, **({"edit": "sha256:e"} if look is None else look)},
        "text.edit": {"changed": True},
        "dir.ensure": {"changed": True},
        "exec.run": DONE,
    }
    return World(answers | more)


def mount(**spec):
    return resource("Mount", "x", path="/srv/x", **({"source": "tmpfs", "fstype": "tmpfs"} | spec))


def planned(plugin, one, here):
    harness = Harness(plugin, here)
    [actual] = harness.read([one])
    assert "fault" not in actual, actual
    jsonschema_rs.validate(ACTUAL, actual["state"])
    [operation] = harness.plan([one], [actual])
    return operation


def done(plugin, one, here):
    """The programs that were run, and the words of the edit, in order."""
    operation = planned(plugin, one, here)
    if operation["action"] == "none":
        return []
    [result] = Harness(plugin, here).apply([operation])
    assert result.get("changed"), result
    steps = []
    for call in here.calls:
        if call["call"] == "exec.run":
            steps.append(" ".join(call["args"]["argv"]))
        elif call["call"] == "text.edit":
            steps.append("fstab: " + call["args"].get("text", "-"))
        elif call["call"] == "dir.ensure":
            steps.append("directory")
    return steps


def test_the_package_loads_and_its_schemas_can_be_those_of_custom_resources():
    [package] = load_packages([PACKAGE])
    [kind] = catalog([package]).kinds.values()
    assert (kind.kind, kind.lock, kind_problems(kind)) == ("Mount", "mount", [])
    for schema in (SCHEMA, ACTUAL):
        assert structural_problems(schema) == []
        assert [
            where for where, node in nodes_of(schema) if not node.get("description", "").endswith(".")
        ] == []
    assert needs([package]).packages == {"linux.mount": package.capabilities}


@pytest.mark.parametrize(
    ("spec", "valid"),
    [
        ({}, False),
        ({"state": "absent"}, True),
        ({"source": "tmpfs"}, False),
        ({"source": "tmpfs", "fstype": "tmpfs", "options": ["a,b"]}, False),
        ({"source": "tmpfs", "fstype": "tmpfs", "options": ["size=64m"]}, True),
        ({"source": "a", "fstype": "ext4", "state": "there"}, False),
    ],
)
def test_what_makes_no_sense_is_refused(spec, valid):
    assert jsonschema_rs.is_valid(SCHEMA, {"path": "/srv/x"} | spec) is valid


LINE = "tmpfs /srv/x tmpfs defaults 0 0"


@pytest.mark.parametrize(
    ("spec", "here", "steps"),
    [
        ({}, {}, [f"fstab: {LINE}", "mount -- /srv/x"]),
        ({}, {"systemd": True}, [f"fstab: {LINE}", "systemctl daemon-reload", "mount -- /srv/x"]),
        ({}, {"place": "absent"}, [f"fstab: {LINE}", "directory", "mount -- /srv/x"]),
        ({}, {"fstab": LINE}, ["mount -- /srv/x"]),
        ({"options": ["nosuid"]}, {"now": TMPFS}, ["fstab: tmpfs /srv/x tmpfs nosuid 0 0"]),
        ({"boot": False}, {}, ["mount -t tmpfs -o defaults -- tmpfs /srv/x"]),
        ({"boot": False, "options": ["nosuid"]}, {"now": TMPFS, "fstab": LINE}, ["fstab: -"]),
        ({"state": "defined"}, {}, [f"fstab: {LINE}"]),
        ({"state": "defined"}, {"fstab": LINE, "now": BIND}, []),
        ({"state": "unmounted"}, {"fstab": LINE, "now": TMPFS}, ["umount -- /srv/x"]),
        ({"state": "unmounted"}, {"fstab": LINE}, []),
        ({"state": "absent"}, {"fstab": LINE, "now": TMPFS}, ["fstab: -", "umount -- /srv/x"]),
        ({"state": "absent"}, {}, []),
        # Something else is there.
        (
            {"options": ["nosuid"]},
            {"fstab": "tmpfs /srv/x tmpfs nosuid", "now": BIND},
            ["umount -- /srv/x", "mount -- /srv/x"],
        ),
        (
            {"source": "other", "options": ["nosuid"]},
            {"fstab": "other /srv/x tmpfs nosuid", "now": TMPFS},
            ["umount -- /srv/x", "mount -- /srv/x"],
        ),
        # Options.
        ({}, {"fstab": LINE, "now": TMPFS}, ["mount -o remount,rw,suid,dev,exec -- /srv/x"]),
        (
            {"options": ["nosuid", "size=4m", "nofail"]},
            {"fstab": "tmpfs /srv/x tmpfs nofail,size=4m,nosuid 0 0", "now": TMPFS},
            ["mount -o remount,rw,nosuid,dev,exec,size=4m -- /srv/x"],
        ),
    ],
)
def test_what_is_done(plugin, spec, here, steps):
    assert done(plugin, mount(**spec), world(**here)) == steps


@pytest.mark.parametrize(
    "line",
    [
        "tmpfs\t/srv/x  tmpfs size=8m,nosuid",
        "tmpfs /srv/x/ tmpfs nosuid,size=8m,defaults 0",
        "tmpfs /srv/x tmpfs size=8192K,nosuid 0 0",
        "# tmpfs /srv/x ext4\n\ntmpfs /srv/x tmpfs nosuid,size=8m 0 0",
        "old /srv/x tmpfs nosuid 0 0\ntmpfs /srv/x tmpfs nosuid,size=8m 0 0\nold /srv/x tmpfs",
    ],
)
def test_a_line_of_fstab_that_says_the_same_is_not_written_again(plugin, line):
    here = world(fstab=line, now=TMPFS)
    assert done(plugin, mount(options=["size=8m", "nosuid"]), here) == []


def test_paths_with_blanks_are_written_as_both_tables_do(plugin):
    one = resource("Mount", "x", path="/srv/my place", source="/usr/share", fstype="none", options=["bind"])
    answers = {"file.stat /srv/my place": {"exists": True, "type": "directory"}}
    here = world(now=BIND.replace("/srv/x ro", "/srv/my\\040place rw"), **answers)
    assert done(plugin, one, here) == ["fstab: /usr/share /srv/my\\040place none bind 0 0"]
    looked = next(call["args"] for call in here.calls if call["call"] == "text.look")
    assert "\\Q/srv/my\\040place\\E" in looked["match"]


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ({"source": "#drive:", "fstype": "fuse.rclone"}, "\\043drive: /srv/x fuse.rclone defaults 0 0"),
        ({"options": ["x-a=\\b", "nosuid"]}, "tmpfs /srv/x tmpfs x-a=\\134b,nosuid 0 0"),
    ],
)
def test_what_would_mean_something_else_in_fstab_is_written_otherwise_and_read_again(plugin, spec, line):
    one = mount(state="defined", **spec)
    assert done(plugin, one, world()) == [f"fstab: {line}"]
    assert done(plugin, one, world(fstab=line + "\n")) == []


@pytest.mark.parametrize(
    ("spec", "now", "link", "other"),
    [
        ({"source": "/usr/share", "fstype": "none", "options": ["bind", "ro"]}, BIND, None, False),
        ({"source": "/usr/lib", "fstype": "none", "options": ["bind", "ro"]}, BIND, None, True),
        ({"source": "UUID=ab", "fstype": "ext4", "options": ["noatime"]}, DATA, "../../sdb1", False),
        ({"source": "LABEL=ab", "fstype": "ext4", "options": ["noatime"]}, DATA, "../../sdc1", True),
        ({"source": "LABEL=ab", "fstype": "ext4", "options": ["noatime"]}, DATA, None, False),
        ({"source": "/dev/vg/lv", "fstype": "auto", "options": ["noatime"]}, LVM, "../dm-2", False),
        ({"source": "/img", "fstype": "ext4", "options": ["noatime", "loop"]}, DATA, None, False),
        ({"source": "nas:/a/", "fstype": "nfs"}, NAS, None, False),
        ({"source": "nas:/b", "fstype": "nfs"}, NAS, None, True),
        ({"source": "x", "fstype": "ext4"}, DATA.replace("ext4", "xfs"), None, True),
    ],
)  # fmt: skip
def test_whether_something_else_is_mounted(plugin, spec, now, link, other):
    operation = planned(plugin, mount(boot=False, **spec), world(now=now, link=link))
    assert any(one["field"] == "source" for one in operation["diffs"]) is other


def test_a_bind_of_what_nobody_knows_is_taken_to_be_right(plugin):
    tables = sys.modules["tables"]
    mounts = sys.modules["mounts"]
    [top] = tables.mounted(BIND)
    entry = tables.Entry("/usr/share", "/srv/x", "none", ("bind",))
    assert mounts.is_another(entry, top, [top], "") is False


@pytest.mark.parametrize(
    ("declared", "seen", "lacks"),
    [
        ("", "rw,relatime", []),
        ("", "ro", ["rw"]),
        ("ro", "rw", ["ro"]),
        ("ro,rw", "rw", []),
        ("user", "rw,nosuid,nodev,noexec", []),
        ("user,exec", "rw,nosuid,nodev", []),
        ("noatime", "rw,relatime", ["noatime"]),
        ("relatime", "rw,noatime", ["relatime"]),
        ("strictatime", "rw", []),
        ("strictatime", "rw,relatime", ["strictatime"]),
        ("sync,lazytime", "rw,sync", ["lazytime"]),
        ("size=8m", "rw,size=8192k", []),
        ("size=9m", "rw,size=8192k", ["size=9m"]),
        ("size=50%", "rw,size=8192k", []),
        ("mode=0755", "rw,mode=755", []),
        ("mode=0750", "rw,mode=755", ["mode=0750"]),
        ("uid=www-data", "rw,uid=33", []),
        ("uid=34", "rw,uid=33", ["uid=34"]),
        ("data=ordered,nobarrier", "rw", []),
        ("vers=4.2", "rw,vers=4.1", ["vers=4.2"]),
    ],
)
def test_options_are_compared_by_what_they_mean(plugin, declared, seen, lacks):
    options = sys.modules["options"]
    assert options.differing([one for one in declared.split(",") if one], set(seen.split(","))) == lacks


def test_what_is_said_to_programs_alone_is_not_said_to_a_mount_that_is_there(plugin):
    options = sys.modules["options"]
    words = ["defaults", "bind", "ro", "noauto", "x-systemd.automount", "nofail", "comment=a", "size=1m"]
    assert options.for_remounting(words) == "remount,bind,ro,suid,dev,exec,size=1m"


def test_what_is_to_be_ignored_is_shown_and_left_alone(plugin):
    one = mount() | {"ignore": ["boot"]}
    assert done(plugin, one, world()) == ["mount -- /srv/x"]
    one = mount() | {"ignore": ["boot", "state"]}
    operation = planned(plugin, one, world())
    assert (operation["action"], len(operation["diffs"])) == ("none", 2)


@pytest.mark.parametrize(
    "option",
    ["password=canary", "password2=canary", "pass=canary", "user=ann%canary", "USERNAME=EX/ann%canary"],
)
def test_a_password_is_refused_and_others_go_on(plugin, option):
    harness = Harness(plugin, world())
    bad, good = mount(options=[option]), mount() | {"address": "host/Mount/y"}
    operations = harness.plan([bad, good], harness.read([bad, good]))
    assert "credentials=FILE" in operations[0]["fault"]["message"]
    assert "canary" not in json.dumps(operations)
    assert operations[1]["action"] == "create"


def test_what_is_in_use_stays_and_is_tried_again(plugin):
    said = base64.b64encode(b"umount: /srv/x: target is busy.\n").decode()
    here = world(now=TMPFS, **{"exec.run": DONE | {"exit": 32, "stderr": said}})
    [result] = Harness(plugin, here).apply([planned(plugin, mount(state="absent"), here)])
    assert result["fault"]["class"] == "transient"
    assert result["fault"]["message"] == (
        "/srv/x is in use, and stays mounted until it is not; fuser -vm /srv/x shows by whom"
    )
    argvs = [call["args"]["argv"] for call in here.calls if call["call"] == "exec.run"]
    assert argvs == [["umount", "--", "/srv/x"]]


@pytest.mark.parametrize(
    ("ended", "how"), [({"exit": 32}, "exit status 32"), ({"exit": None, "signal": "SIGKILL"}, "SIGKILL")]
)
def test_a_program_that_fails_says_why(plugin, ended, how):
    said = base64.b64encode(b"mount: unknown filesystem type\n").decode()
    here = world(fstab=LINE, **{"exec.run": DONE | ended | {"stderr": said}})
    [result] = Harness(plugin, here).apply([planned(plugin, mount(), here)])
    assert result["fault"]["message"] == f"mount failed ({how}): mount: unknown filesystem type"


@pytest.mark.parametrize("call", ["text.look", "file.stat /srv/x", "file.stat /proc/self/mountinfo"])
def test_what_cannot_be_read_is_a_fault(plugin, call):
    [found] = Harness(plugin, world(**{call: error("eacces")})).read([mount()])
    assert found["fault"]["code"] == "eacces"


@pytest.mark.parametrize("path", ["/proc/self/mountinfo", "/etc/fstab"])
def test_nothing_is_mounted_where_it_is_not_known_what_is(plugin, path):
    here = world(fstab="tmpfs /srv/x tmpfs defaults 0 0\n", now=TMPFS)
    here.answers[f"file.stat {path}"] = {"exists": True, "type": "file"}  # it is no text
    [actual] = Harness(plugin, here).read([mount()])
    assert actual["fault"]["class"] == "transient"
    assert path in actual["fault"]["message"]


@pytest.mark.parametrize("letter", ["\x0c", "\x0b", "\x1c", "\x85", "\u2028", "\r", "\xa0"])
def test_a_user_who_mounts_something_at_an_odd_name_is_in_nobodys_way(plugin, letter):
    users = f"50 20 0:50 / /home/u/a{letter}b rw,nosuid,nodev - fuse.sshfs u@h:{letter} rw,user_id=1000\n"
    assert done(plugin, mount(boot=False, options=["nosuid"]), world(now=users + TMPFS)) == []


def test_an_odd_name_is_one_word_in_fstab(plugin):
    here = world(
        fstab="nas:/a\xa0\x0cb /srv/x nfs4 defaults 0 0\n", now=NAS.replace("nas:/a", "nas:/a\xa0\x0cb")
    )
    assert done(plugin, mount(source="nas:/a\xa0\x0cb", fstype="nfs4"), here) == []


@pytest.mark.parametrize(
    ("spec", "now", "link"),
    [
        ({}, "", "/srv"),
        ({}, "", "/srv/x"),
        ({"state": "unmounted"}, "", "/srv"),
        ({"source": "/usr/share", "fstype": "none", "options": ["bind", "ro"]}, "", "/usr"),
        ({"source": "/data/s/", "fstype": "none", "options": ["bind", "ro"]}, BIND, "/data/s"),
        ({}, TMPFS, ""),
        ({"state": "defined"}, "", ""),
        ({"state": "absent"}, "", ""),
    ],
)
def test_what_leads_over_a_link_is_not_mounted_again_and_again(plugin, spec, now, link):
    here = world(now=now)
    here.answers[f"file.stat {link or '/srv'}"] = {"exists": True, "type": "symlink", "to": "/elsewhere"}
    [actual] = Harness(plugin, here).read([mount(**spec)])
    said = actual.get("fault", {}).get("message", "")
    assert (f"{link} is a symbolic link to /elsewhere" in said) is bool(link), actual


def test_what_is_in_the_way_of_fstab_is_told(plugin):
    twice = {"class": "permanent", "code": "no_place", "message": "2 lines", "subjects": ["path:/etc/fstab"]}
    operation = planned(plugin, mount(), world(look={"edit": "e", "obstacles": [twice]}))
    assert operation["obstacles"] == [{"call": "text.edit", **twice}]
    operation = planned(plugin, mount(), world(fstab=LINE, look={"edit": "e", "obstacles": [twice]}))
    assert operation.get("obstacles", []) == []


def test_what_is_declared_no_longer_is_unmounted_and_taken_out_of_fstab(plugin):
    here = world(fstab=LINE, now=TMPFS)
    [result] = Harness(plugin, here).destroy([mount(options=["nosuid"])])
    assert result["changed"] is True
    made = [call["args"] for call in here.calls if call["call"] in ("text.edit", "exec.run")]
    assert made[0]["absent"] is True
    assert made[1]["argv"] == ["umount", "--", "/srv/x"]


def test_what_fstab_says_and_is_so_is_found_without_what_cannot_be_declared(plugin):
    lines = (
        "UUID=1 / ext4 errors=remount-ro 0 1\n"
        "UUID=2 none swap sw 0 0\n"
        "tmpfs /srv/x tmpfs nosuid,size=8m,mode=0755 0 0\n"
        "none /mnt/later tmpfs noauto 0 2\n"
        "nas:/a /mnt/nas nfs4 defaults 0 0\n"
        "//nas/b /mnt/b cifs password=canary 0 0\n"
    )
    here = world(fstab=lines, now=TMPFS)
    found = Harness(plugin, here).find()
    assert [(one["name"], one["spec"]) for one in found] == [
        (
            "srv/x",
            {
                "path": "/srv/x",
                "source": "tmpfs",
                "fstype": "tmpfs",
                "options": ["nosuid", "size=8m", "mode=0755"],
            },
        ),
        (
            "mnt/later",
            {
                "path": "/mnt/later",
                "source": "none",
                "fstype": "tmpfs",
                "options": ["noauto"],
                "pass": 2,
                "state": "defined",
            },
        ),
    ]
    assert Harness(plugin, world(fstab="")).find() == []
