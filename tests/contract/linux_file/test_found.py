"""What `froyo import` writes of the files of a host."""

import pytest

from froyo_provider.testing import Harness, resource
from tests.contract.linux_file.memory import MemoryHost, Node


class Host(MemoryHost):
    """Where dpkg knows what it has brought."""

    answers = (*MemoryHost.answers, "pkg.changed")

    def __init__(self, files, nodes):
        super().__init__({"/etc": Node("directory", 0o755)} | nodes)
        self.files = files

    def _pkg_changed(self, path):
        assert path == "/etc"
        return {"files": self.files, "unread": [], "cut": False}


def found(plugin, nodes, **packages):
    nodes = {f"/etc/{name}": node for name, node in nodes.items()}
    by = {f"/etc/{name}": {"package": package} for name, package in packages.items()}
    host = Host([{"path": path, **by.get(path, {})} for path in sorted([*nodes, "/etc/gone"])], nodes)
    return host, Harness(plugin, host).find("File")


def test_a_text_is_written_with_who_may_do_what_with_it_and_there_is_nothing_to_do_then(plugin):
    host, items = found(plugin, {"motd": Node(content=b"Hi {{ x }}\n", mode=0o644)}, motd="base-files")
    [one] = items
    assert one["name"] == "etc/motd"
    assert one["remark"] == "a configuration file of base-files, and not as it brought it"
    assert one["spec"] == {
        "path": "/etc/motd",
        "owner": "root",
        "group": "root",
        "mode": "0644",
        "content": "Hi {{ x }}\n",
        "template": False,
    }
    spec = {key: one["spec"][key] for key in ("path", "owner", "group", "mode")}
    declared = resource("File", "motd", **spec, body=host.body(b"Hi {{ x }}\n"))
    harness = Harness(plugin, host)
    [operation] = harness.plan([declared], harness.read([declared]))
    assert operation["action"] == "none"


def test_of_what_gives_nothing_to_others_only_its_attributes_are_written(plugin):
    nodes = {f"s{mode:o}": Node(content=b"canary\n", mode=mode) for mode in (0o600, 0o640, 0o750)}
    _, items = found(plugin, nodes)
    assert "canary" not in repr(items)
    assert [one["spec"]["mode"] for one in items] == ["0600", "0640", "0750"]
    assert all("gives nothing to others" in one["remark"] for one in items)


def test_what_is_no_text_of_people_or_too_much_of_it_is_left_out(plugin):
    nodes = {
        "binary": Node(content=b"\xff\0"),
        "control": Node(content=b"a\x1b[2J\n"),
        "long": Node(content=b"x" * 65537),
    }
    _, items = found(plugin, nodes)
    assert [one["spec"].get("content") for one in items] == [None] * 3
    assert all("no text of up to 64 KiB" in one["remark"] for one in items)


@pytest.mark.parametrize(
    "content", ["deb https://me:canary@deb/ x\n", "-----BEGIN RSA PRIVATE KEY-----\ncanary\n"]
)
def test_what_looks_like_a_secret_goes_no_further_although_everybody_can_read_it(plugin, content):
    _, [one] = found(plugin, {"x": Node(content=content.encode(), mode=0o644)})
    assert "canary" not in repr(one)
    assert "a secret in it" in one["remark"]


def test_contents_are_asked_for_some_at_a_time_and_have_a_bound_altogether(plugin):
    host, items = found(plugin, {f"{number:03}": Node(content=b"x" * 65536) for number in range(70)})
    assert sum("content" in one["spec"] for one in items) == 64
    assert len(items) == 70
    assert len(host.calls) == 1 + 71


def test_what_programs_make_on_every_host_and_what_is_no_file_is_left_out(plugin):
    nodes = {
        "passwd": Node(content=b"x"),
        "resolv.conf": Node(content=b"x"),
        "ssh": Node("directory", 0o755),
        "ssh/ssh_host_ed25519_key.pub": Node(content=b"x"),
        "vimrc~": Node(content=b"x"),
    }
    assert found(plugin, nodes)[1] == []


def test_where_there_is_no_dpkg_nothing_is_known_to_be_somebodys(plugin):
    host, _ = found(plugin, {})
    plain = host.reply

    def failing(code):
        error = {"class": "permanent", "code": code, "message": "x"}
        host.reply = lambda call: {"error": error} if call["call"] == "pkg.changed" else plain(call)
        return Harness(plugin, host).find("File")

    assert failing("not_supported") == []
    assert failing("eacces")[0]["fault"]["code"] == "eacces"
