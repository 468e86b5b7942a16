"""The package linux.system: what it decides about jobs of cron, settings of the kernel and the name of a host."""

import importlib
import json
from pathlib import Path

import jsonschema_rs
import pytest

from froyo_provider.testing import Harness, error, resource
from froyo_provider.testing.memory import MemoryHost, Node
from reconciler.config.structural import kind_problems, structural_problems
from reconciler.plugins.packages import load_packages, needs

PACKAGE = Path(__file__).parents[3] / "providers" / "linux.system"
CRON = "/etc/cron.d/tidy"
BOOT = "/etc/sysctl.d/zz-net.core.somaxconn.conf"


class Machine(MemoryHost):
    """A host with files, and settings of its kernel."""

    def __init__(self, nodes=(), **settings):
        directories = {path: Node("directory", 0o755) for path in ("/etc", "/etc/cron.d", "/etc/sysctl.d")}
        super().__init__(directories | dict(nodes))
        self.settings = {"net.core.somaxconn": "128", "kernel.hostname": "h1"} | settings

    def reply(self, call):
        name, args = call["call"], call["args"]
        if name == "pkg.changed":
            below = [path for path in sorted(self.nodes) if path.startswith(f"{args['path']}/")]
            return {"ok": {"files": [{"path": path} for path in below]}}
        if not name.startswith("sysctl."):
            return super().reply(call)
        self.calls.append(call)
        value = self.settings.get(args["name"])
        if name == "sysctl.stat":
            there = {} if value is None else {"value": value}
            path = "/proc/sys/" + args["name"].replace(".", "/")
            return {"ok": {"exists": value is not None, "path": path, **there}}
        self.settings[args["name"]] = args["value"]
        return {"ok": {"changed": value != args["value"]}}


def schema(name):
    return json.loads((PACKAGE / "schemas" / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def plugin():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PACKAGE))
        return [
            importlib.import_module("crons").Cron,
            importlib.import_module("sysctls").Sysctl,
            importlib.import_module("hostnames").Hostname,
        ]


@pytest.fixture
def keep(plugin):
    """Plan, apply and plan again: what differed, and what was done."""

    def keep(kind, host, *, ignore=(), **spec):
        harness = Harness(plugin, host)
        one = resource(kind, "it", ignore=ignore, **spec)
        [actual] = harness.read([one])
        [operation] = harness.plan([one], [actual])
        if "fault" in operation or operation["action"] == "none":
            return operation
        if not operation.get("obstacles"):
            [result] = harness.apply([operation])
            assert result["changed"]
            again = harness.plan([one], harness.read([one]))
            assert [each["action"] for each in again] == ["none"]
        return operation

    return keep


def fields(operation):
    return {one["field"]: (one["before"], one["after"]) for one in operation["diffs"]}


def job(**more):
    return {"name": "tidy", "schedule": "*/15 3 * * mon-fri", "user": "root", "command": "tidy up"} | more


def test_the_schemas_can_be_those_of_a_custom_resource_and_the_package_is_granted_what_it_asks_for():
    [package] = load_packages([PACKAGE])
    assert [problem for kind in package.kinds for problem in kind_problems(kind)] == []
    for kind in ("cron", "sysctl", "hostname"):
        assert structural_problems(schema(kind)) == structural_problems(schema(f"{kind}.actual")) == []
    assert needs([package]).packages == {"linux.system": package.capabilities}


@pytest.mark.parametrize(
    ("kind", "spec", "valid"),
    [
        ("cron", job(), True),
        ("cron", {"name": "x", "state": "absent"}, True),
        ("cron", {"name": "x"}, False),
        ("cron", job(name="a.b"), False),
        ("cron", job(schedule="@daily"), True),
        ("cron", job(schedule="* * * *"), False),
        ("cron", job(command="a\n* * * * * root b"), False),
        ("cron", job(environment={"A": "x\ny"}), False),
        ("sysctl", {"name": "net.core.somaxconn", "value": 1}, True),
        ("sysctl", {"name": "net.core.somaxconn", "value": "1\n2"}, False),
        ("sysctl", {"name": "net.core.somaxconn", "value": ""}, False),
        ("sysctl", {"name": "../x", "value": 1}, False),
        ("sysctl", {"name": "net.x", "state": "absent"}, True),
        ("sysctl", {"name": "net.ipv4.conf.eth0/1.forwarding", "value": 1}, True),
        ("sysctl", {"name": "net/ipv4/ip_forward", "value": 1}, False),
        ("hostname", {"name": "web-1.example.net"}, True),
        ("hostname", {"name": "-web"}, False),
        ("hostname", {"name": "a..b"}, False),
    ],
)
def test_what_would_mean_something_else_is_refused_when_it_is_declared(kind, spec, valid):
    assert jsonschema_rs.is_valid(schema(kind), spec) is valid


@pytest.mark.parametrize(
    ("schedule", "why"),
    [
        ("* * * * *", ""),
        ("0,30 8-17/3 1-7 JAN,feb 0-7", ""),
        ("@reboot", ""),
        ("@never", "there is no @never"),
        ("60 * * * *", "minute: '60' is not from 0 to 59"),
        ("0 0 0 * *", "day of the month: '0' is not from 1 to 31"),
        ("0 0 * * 8", "day of the week: '8' is not from 0 to 7, nor sun to sat"),
        ("*/0 * * * *", "minute: '*/0' has no step"),
        ("5/10 * * * *", "minute: '5/10' has a step, and no range such as 5-59/10"),
        ("0 9-5 * * *", "hour: '9-5' ends before it begins"),
        ("0 0 * foo *", "month: 'foo' is not from 1 to 12, nor jan to dec"),
        ("0 0 * *", "it has 4 fields, and not 5"),
        ("0, * * * *", "minute: '' is not from 0 to 59"),
    ],
)
def test_a_schedule_is_held_to_what_cron_takes(keep, schedule, why):
    operation = keep("Cron", Machine(), **job(schedule=schedule))
    if why:
        assert operation["fault"]["message"].startswith(f"schedule: {why}")
    else:
        assert operation["action"] == "create"


def test_a_job_is_put_in_place(keep):
    host = Machine()
    variables = {"PATH": "/bin:/sbin", "SAID": 'a "b"', "BOTH": "a'\"", "MAILTO": ""}
    operation = keep("Cron", host, **job(command=r"date +%F \%x ", environment=variables))
    assert operation["action"] == "create"
    node = host.nodes[CRON]
    assert node.content.decode() == (
        "# Kept by OpenFroyo: what is changed here is put back.\n"
        'BOTH=a\'"\nMAILTO=""\nPATH="/bin:/sbin"\nSAID=\'a "b"\'\n*/15 3 * * mon-fri root date +\\%F \\%x\n'
    )
    assert (node.mode, node.uid, node.gid) == (0o644, 0, 0)


@pytest.mark.parametrize(
    ("text", "differs"),
    [
        ("*/15  3 * *\tmon-fri   root tidy up \n", {}),
        ("*/15 3 * * 1-Fri root tidy up\n", {}),
        ("# mine\nMAILTO = ops\n*/15 3 * * mon-fri root tidy up\n", {"environment": ({"MAILTO": "ops"}, {})}),
        ("@daily root tidy up\n", {"schedule": ("@daily", "*/15 3 * * mon-fri")}),
        (
            "*/15 3 * * mon-fri ann tidy down\n",
            {"user": ("ann", "root"), "command": ("tidy down", "tidy up")},
        ),
        ("*/15 3 * * mon-fri root tidy up", {"content": ("something else", "this job")}),
        ("@daily root a\n@daily root b\n", {"content": ("something else", "this job")}),
        ("", {"content": ("something else", "this job")}),
    ],
)
def test_a_job_is_compared_by_what_it_means_to_cron(keep, text, differs):
    host = Machine({CRON: Node(content=text.encode())})
    operation = keep("Cron", host, **job())
    assert fields(operation) == differs
    assert operation["action"] == ("update" if differs else "none")
    if differs:
        assert operation["preimage"]["path"] == CRON
    else:
        assert host.nodes[CRON].content == text.encode()


@pytest.mark.parametrize(
    ("kind", "path", "spec"),
    [("Cron", CRON, job()), ("Sysctl", BOOT, {"name": "net.core.somaxconn", "value": "1024"})],
)
@pytest.mark.parametrize("there", [b"something of ours\n", None])
def test_what_was_there_before_comes_back(plugin, kind, path, spec, there):
    host = Machine({} if there is None else {path: Node(content=there)})
    gone = {"removed": True, "restores": host.body(b"# theirs\n")}
    harness, one = Harness(plugin, host), resource(kind, "it", **spec) | gone
    [operation] = harness.plan([one], harness.read([one]))
    assert operation["action"] == ("create" if there is None else "update")
    harness.destroy([one])
    assert host.nodes[path].content == b"# theirs\n"
    assert [each["action"] for each in harness.plan([one], harness.read([one]))] == ["none"]


def test_a_file_that_others_could_write_is_none_that_cron_takes(keep):
    text = b"*/15 3 * * mon-fri root tidy up\n"
    operation = keep("Cron", Machine({CRON: Node(content=text, mode=0o666, uid=33)}), **job())
    assert fields(operation) == {"mode": ("0666", "0644"), "owner": ("www-data", "root")}


def test_what_is_something_else_than_a_file_stays(keep):
    operation = keep("Cron", Machine({CRON: Node("directory", 0o755)}), **job())
    assert "is a directory, and not a file" in operation["fault"]["message"]
    host = Machine({CRON: Node("symlink", to="/etc/passwd")})
    assert fields(keep("Cron", host, **job())) == {"content": ("something else", "this job")}
    assert host.nodes[CRON].type == "file"


@pytest.mark.parametrize(
    ("command", "line"),
    [("a%b", r"a\%b"), (r"a\%b", r"a\%b"), (r"a\\%b", r"a\\\%b"), (r"a\\\%b", r"a\\\%b"), ("%%", r"\%\%")],
)
def test_a_percent_sign_never_ends_the_command(keep, command, line):
    host = Machine()
    assert keep("Cron", host, **job(command=command))["action"] == "create"
    assert host.nodes[CRON].content.decode().endswith(f" root {line}\n")
    assert keep("Cron", host, **job(command=command))["action"] == "none"


def test_a_name_that_is_no_variable_is_refused(keep):
    operation = keep("Cron", Machine(), **job(environment={"A B": "x"}))
    assert "'A B' is no name of a variable" in operation["fault"]["message"]


@pytest.mark.parametrize("value", ["'\"", '"a\'b"', " a'\"", "a'\" "])
def test_a_value_that_cron_would_take_for_something_else_is_refused(keep, value):
    host = Machine()
    operation = keep("Cron", host, **job(environment={"A": value}))
    assert "cron cannot be told the value of A" in operation["fault"]["message"]
    assert CRON not in host.nodes


@pytest.mark.parametrize("kind", ["Cron", "Sysctl"])
def test_what_is_absent_goes(keep, plugin, kind):
    path, spec = {
        "Cron": (CRON, job()),
        "Sysctl": (BOOT, {"name": "net.core.somaxconn", "value": 9}),
    }[kind]
    host = Machine({path: Node(content=b"x\n")})
    operation = keep(kind, host, **spec, state="absent")
    assert (operation["action"], fields(operation)) == ("delete", {"state": ("present", "absent")})
    assert path not in host.nodes
    assert keep(kind, host, **spec, state="absent")["action"] == "none"
    host.nodes[path] = Node(content=b"x\n")
    [done] = Harness(plugin, host).destroy([resource(kind, "it", **spec)])
    assert done["changed"]
    assert path not in host.nodes
    assert host.settings["net.core.somaxconn"] == "128"


def test_a_setting_is_set_now_and_at_boot(keep):
    host = Machine()
    operation = keep("Sysctl", host, name="net.core.somaxconn", value=2048)
    assert (operation["action"], fields(operation)) == (
        "create",
        {"value": ("128", "2048"), "boot": (None, "2048")},
    )
    assert host.settings["net.core.somaxconn"] == "2048"
    assert host.nodes[BOOT].content.endswith(b"\nnet.core.somaxconn = 2048\n")


@pytest.mark.parametrize(
    ("text", "value", "differs"),
    [
        ("net/core/somaxconn=128\n", 128, {}),
        ("; x\n\nnet.core.somaxconn =   1\t2\n", "1  2", {"value": ("128", "1 2")}),
        ("net.core.somaxconn = 5\n", "128", {"boot": ("5", "128")}),
        ("net.core.other = 128\n", "128", {"boot": (None, "128")}),
        ("net.core.somaxconn = 128\nx.y = 1\n", "128", {"boot": (None, "128")}),
    ],
)
def test_both_are_compared_by_what_they_mean(keep, text, value, differs):
    operation = keep(
        "Sysctl", Machine({BOOT: Node(content=text.encode())}), name="net.core.somaxconn", value=value
    )
    assert fields(operation) == differs


def test_what_is_to_be_left_alone_is_left_alone(keep):
    host = Machine()
    operation = keep("Sysctl", host, ignore=["boot", "value"], name="net.core.somaxconn", value=1)
    assert (operation["action"], host.settings["net.core.somaxconn"]) == ("none", "128")
    operation = keep("Hostname", host, ignore=["boot", "name"], name="web-1")
    assert (operation["action"], host.settings["kernel.hostname"]) == ("none", "h1")
    assert keep("Cron", host, ignore=["state"], **job(state="absent"))["action"] == "none"
    host.nodes[CRON] = Node(content=b"@daily root tidy up\n")
    assert keep("Cron", host, ignore=["schedule"], **job())["action"] == "none"


def test_a_setting_that_the_kernel_does_not_have_is_in_the_way(keep):
    operation = keep("Sysctl", Machine(), name="net.bridge.filter", value=1)
    [obstacle] = operation["obstacles"]
    assert (obstacle["code"], obstacle["subjects"]) == ("enoent", ["sysctl:net.bridge.filter"])
    assert "is a module of the kernel missing?" in obstacle["message"]


@pytest.mark.parametrize(("value", "found"), [(1, ["read_only"]), (128, [])])
def test_a_setting_that_cannot_be_set_is_in_the_way_where_it_differs(plugin, value, found):
    host = Machine()
    plain = host.reply

    def fixed(call):
        reply = plain(call)
        return {"ok": reply["ok"] | {"read_only": True}} if call["call"] == "sysctl.stat" else reply

    host.reply = fixed
    wanted = [resource("Sysctl", "it", name="net.core.somaxconn", value=value)]
    harness = Harness(plugin, host)
    [operation] = harness.plan(wanted, harness.read(wanted))
    assert [one["code"] for one in operation.get("obstacles", ())] == found


def test_a_missing_directory_is_in_the_way_and_watched(plugin):
    host = Machine()
    del host.nodes["/etc/cron.d"]
    harness = Harness(plugin, host)
    one = resource("Cron", "it", **job())
    [actual] = harness.read([one])
    assert actual["watch"] == [f"path:{CRON}", "path:/etc/cron.d"]
    [operation] = harness.plan([one], [actual])
    assert operation["obstacles"][0]["call"] == "file.write"


@pytest.mark.parametrize(
    ("text", "differs"),
    [
        (None, {"name": ("h1", "web-1"), "boot": (None, "web-1")}),
        ("web-1", {"name": ("h1", "web-1")}),
        ("# x\nh1\n", {"name": ("h1", "web-1"), "boot": ("h1", "web-1")}),
    ],
)
def test_a_host_is_called_by_its_name_now_and_at_boot(keep, plugin, text, differs):
    host = Machine({} if text is None else {"/etc/hostname": Node(content=text.encode())})
    operation = keep("Hostname", host, name="web-1")
    assert fields(operation) == differs
    assert operation["action"] == ("create" if text is None else "update")
    assert host.settings["kernel.hostname"] == "web-1"
    assert keep("Hostname", host, name="web-1")["action"] == "none"
    [done] = Harness(plugin, host).destroy([resource("Hostname", "it", name="web-1")])
    assert not done["changed"]


def test_what_cannot_be_read_is_that_instance_s_fault(plugin):
    host = Machine({"/etc/hostname": Node("directory", 0o755)})
    harness = Harness(plugin, host)
    name = resource("Hostname", "it", name="web-1")
    [operation] = harness.plan([name], harness.read([name]))
    assert "is a directory" in operation["fault"]["message"]
    host.nodes[BOOT] = Node("directory", 0o755)
    setting = resource("Sysctl", "it", name="net.core.somaxconn", value=1)
    [operation] = harness.plan([setting], harness.read([setting]))
    assert "is a directory" in operation["fault"]["message"]
    plain = host.reply
    host.reply = lambda call: error("eacces") if call["call"] == "sysctl.stat" else plain(call)
    assert all("fault" in one for one in harness.read([name, setting]))
    host.reply = lambda _: error("eacces")
    assert "fault" in harness.read([resource("Cron", "it", **job())])[0]


def test_what_is_there_is_found_as_it_would_be_declared(plugin):
    jobs = {
        "tidy": "MAILTO=ops\n30 3 * * * ann date +\\%F\n",
        "several": "@daily root a\n@daily root b\n",
        "with-input": "@daily root mail ops%hello\n",
        "dotted.name": "@daily root a\n",
        "unended": "@daily root a",
    }
    nodes = {f"/etc/cron.d/{name}": Node(content=text.encode()) for name, text in jobs.items()}
    host = Machine(nodes | {"/etc/hostname": Node(content=b"# x\nh1\n")})
    harness = Harness(plugin, host)
    found = harness.find()
    assert [(one["kind"], one["name"], one["spec"]) for one in found] == [
        (
            "Cron",
            "tidy",
            {
                "name": "tidy",
                "schedule": "30 3 * * *",
                "user": "ann",
                "command": "date +%F",
                "environment": {"MAILTO": "ops"},
            },
        ),
        ("Hostname", "hostname", {"name": "h1"}),
    ]
    declared = [resource(one["kind"], one["name"], **one["spec"]) for one in found]
    assert {one["action"] for one in harness.plan(declared, harness.read(declared))} == {"none"}


def test_a_name_that_is_another_at_boot_is_not_found_and_no_cron_is_no_fault(plugin):
    host = Machine({"/etc/hostname": Node(content=b"other\n")})
    del host.nodes["/etc/cron.d"]
    assert Harness(plugin, host).find() == []
    plain = host.reply
    host.reply = lambda call: error("eacces") if call["call"] == "dir.list" else plain(call)
    [found] = Harness(plugin, host).find("Cron")
    assert (found["kind"], found["fault"]["code"]) == ("Cron", "eacces")


LIKE = {
    "/usr": Node("directory", 0o755),
    "/usr/lib": Node("directory", 0o755),
    "/usr/lib/sysctl.d": Node("directory", 0o755),
    "/usr/lib/sysctl.d/50-default.conf": Node(content=b"net.core.somaxconn = 64\nkernel.x=1\n"),
    "/etc/sysctl.d/99-local.conf": Node(
        content=b"# ours\n-net/core/somaxconn = 128\nnet.ipv4.conf.*.rp_filter = 1\n"
    ),
    "/etc/sysctl.d/README": Node(content=b"net.core.somaxconn = 7\n"),
}


def test_what_others_set_at_boot_counts_where_there_is_no_file_of_ours(plugin, keep):
    host = Machine(LIKE)
    assert keep("Sysctl", host, name="net.core.somaxconn", value=128)["action"] == "none"
    assert BOOT not in host.nodes
    [actual] = Harness(plugin, host).read([resource("Sysctl", "it", name="net.core.somaxconn", value=128)])
    assert actual["state"]["setIn"] == "/etc/sysctl.d/99-local.conf"
    assert {"path:/etc/sysctl.d/", "path:/etc/sysctl.d/99-local.conf"} <= set(actual["watch"])
    operation = keep("Sysctl", host, name="net.core.somaxconn", value=256)
    assert fields(operation) == {"value": ("128", "256"), "boot": ("128", "256")}
    assert BOOT in host.nodes


def test_of_two_files_of_one_name_the_one_in_etc_counts_and_sysctl_conf_is_among_them(keep):
    override = {"/etc/sysctl.d/50-default.conf": Node(content=b"")}
    host = Machine(LIKE | override, **{"kernel.x": "1"})
    assert fields(keep("Sysctl", host, name="kernel.x", value=1)) == {"boot": (None, "1")}
    link = {
        "/etc/sysctl.d/99-sysctl.conf": Node("symlink", to="../sysctl.conf"),
        "/etc/sysctl.conf": Node(content=b"kernel.x = 2\n"),
    }
    host = Machine(LIKE | link, **{"kernel.x": "2"})
    assert keep("Sysctl", host, name="kernel.x", value=2)["action"] == "none"


def test_what_somebody_has_set_is_found_where_the_kernel_has_it(plugin):
    more = {"/etc/sysctl.d/10-x.conf": Node(content=b"kernel.hostname = other\nkernel.none = 1\n")}
    found = Harness(plugin, Machine(LIKE | more)).find("Sysctl")
    assert [(one["spec"], one["remark"]) for one in found] == [
        ({"name": "net.core.somaxconn", "value": "128"}, "set in /etc/sysctl.d/99-local.conf")
    ]


@pytest.mark.parametrize(("code", "fails"), [("not_supported", False), ("enoent", False), ("eacces", True)])
def test_where_nobody_knows_whose_files_they_are_no_setting_is_found(plugin, code, fails):
    host = Machine(LIKE)
    plain = host.reply
    host.reply = lambda call: error(code) if call["call"] == "pkg.changed" else plain(call)
    assert [("fault" in one) for one in Harness(plugin, host).find("Sysctl")] == [True] * fails
    host.reply = lambda call: error("eacces") if call["call"] == "dir.list" else plain(call)
    [actual] = Harness(plugin, host).read([resource("Sysctl", "it", name="net.core.somaxconn", value=1)])
    assert "fault" in actual


@pytest.mark.parametrize(
    ("written", "declared"), [("0 0 * * 0", "@weekly"), ("@midnight", "@daily"), ("0 0 1 1 *", "0 0 1 jan *")]
)
def test_what_has_a_name_runs_when_its_fields_say(keep, written, declared):
    host = Machine({CRON: Node(content=f"{written} root tidy up\n".encode())})
    assert keep("Cron", host, **job(schedule=declared))["action"] == "none"
    assert fields(keep("Cron", host, **job(schedule="@reboot"))) == {"schedule": (written, "@reboot")}


def test_settings_of_others_are_found_with_the_file_that_they_are_all_of(plugin):
    files = {
        "10-mine.conf": "# mine\nvm.swappiness = 10\nkernel.sysrq=1\n",
        "20-part.conf": "vm.overcommit_memory = 1\nnet.ipv4.conf.*.rp_filter = 1\n",
        "30-late.conf": "vm.max_map_count = 5\n",
        "40-over.conf": "vm.max_map_count = 262144\n",
        "50-not.conf": "vm.laptop_mode = 3\nvm.panic_on_oom = 1\n",
    }
    nodes = {f"/etc/sysctl.d/{name}": Node(content=text.encode()) for name, text in files.items()}
    now = {
        "vm.swappiness": "10",
        "kernel.sysrq": "1",
        "vm.overcommit_memory": "1",
        "vm.max_map_count": "262144",
        "vm.laptop_mode": "0",
        "vm.panic_on_oom": "1",
    }
    host = Machine(nodes)
    plain = host.reply

    def reply(call):
        if call["call"] == "pkg.changed":
            return {"ok": {"files": [{"path": path} for path in nodes]}}
        if call["call"] == "sysctl.stat":
            return {"ok": {"exists": True, "value": now[call["args"]["name"]], "path": "/proc/sys/x"}}
        return plain(call)

    host.reply = reply
    found = Harness(plugin, host).find("Sysctl")
    assert {one["name"]: one.get("replaces", []) for one in found} == {
        "vm.swappiness": ["path:/etc/sysctl.d/10-mine.conf"],
        "kernel.sysrq": ["path:/etc/sysctl.d/10-mine.conf"],
        "vm.overcommit_memory": [],
        "vm.max_map_count": ["path:/etc/sysctl.d/40-over.conf"],
        "vm.panic_on_oom": [],
    }


def test_a_dot_within_a_name_is_a_slash_and_the_file_has_one_name_all_the_same(keep):
    """As of a VLAN: sysctl(8) goes by the first of the two, and the other stands for itself."""
    name, path = "net.ipv4.conf.eth0/1.forwarding", "/etc/sysctl.d/zz-net.ipv4.conf.eth0%1.forwarding.conf"
    for said in (name, "net/ipv4/conf/eth0.1/forwarding"):
        host = Machine({path: Node(content=f"{said} = 1\n".encode())})
        host.settings[name] = "1"
        assert keep("Sysctl", host, name=name, value=1)["action"] == "none"
