import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.calls import Call
from reconciler.plugins.calls import CALLS, Phase
from reconciler.plugins.capabilities import Capability, Gate, Grants
from reconciler.plugins.packages import load_packages, needs

ALL = {"path": "path:/**", "url": "url:*://*:*/*"}
NAMES = {"path": "/etc/motd", "url": "http://a.b/", "tcp": "a.b:22"}
EVERYTHING = tuple(
    Capability(
        name,
        tuple(ALL.get(one.scheme, f"{one.scheme}:*") for one in rule.names),
        (("**",),) if rule.command else (),
    )
    for name, rule in CALLS.items()
)
READING = [name for name, rule in CALLS.items() if rule.reading]
WRITING = [name for name, rule in CALLS.items() if not rule.reading]


def call(name: str, **args: Any) -> Call:
    for one in CALLS[name].names if name in CALLS else ():
        args.setdefault(one.argument, NAMES.get(one.scheme, "one"))
    if name.startswith("exec"):
        args.setdefault("argv", ["id"])
    return Call(name, args)


@pytest.mark.parametrize(
    ("phase", "allowed"),
    [
        (Phase.INIT, []),
        (Phase.READ, READING),
        (Phase.PLAN, []),
        (Phase.APPLY, READING + WRITING),
        (Phase.DESTROY, READING + WRITING),
    ],
)
def test_each_phase_allows_its_calls_and_no_others(phase: Phase, allowed: list[str]) -> None:
    gate = Gate(EVERYTHING, EVERYTHING, phase)
    assert [name for name in READING + WRITING if not gate.refusal(call(name))] == allowed


@pytest.mark.parametrize("phase", Phase)
def test_a_call_that_there_is_not_is_refused_in_every_phase(phase: Phase) -> None:
    assert Gate(EVERYTHING, EVERYTHING, phase).refusal(call("file.burn")) == "there is no such call"


@pytest.mark.parametrize("name", READING + WRITING)
def test_what_is_only_asked_for_or_only_granted_is_refused(name: str) -> None:
    assert "its manifest does not ask for" in Gate((), EVERYTHING, Phase.APPLY).refusal(call(name))
    assert "the operator does not grant" in Gate(EVERYTHING, (), Phase.APPLY).refusal(call(name))


def apply_gate(*capabilities: Capability) -> Gate:
    return Gate(capabilities, EVERYTHING, Phase.APPLY)


@pytest.mark.parametrize(
    "to", ["/etc", "/srv/pkg/../../etc", "../x", "a/../x", "..", ".", "/", "/srv/pkg//x", "", "a/", None, 7]
)
def test_a_link_cannot_lead_out_of_what_is_granted(to: object) -> None:
    link = call("link.ensure", path="/srv/pkg/l", to=to)
    assert "does not ask for link.ensure" in apply_gate(
        Capability("link.ensure", ("path:/srv/pkg/**",))
    ).refusal(link)
    assert not apply_gate(Capability("link.ensure", ("path:/**",))).refusal(link)


@pytest.mark.parametrize("to", ["x", "a/b", "/srv/pkg/x", "..."])
def test_a_link_can_lead_to_what_is_granted(to: str) -> None:
    gate = apply_gate(Capability("link.ensure", ("path:/srv/pkg/**",)))
    assert not gate.refusal(call("link.ensure", path="/srv/pkg/l", to=to))


def test_each_of_several_capabilities_counts_by_itself() -> None:
    gate = apply_gate(
        Capability("file.write", ("path:/etc/**",), (("visudo", "-cf", "%s"),)),
        Capability("file.write", ("path:/srv/**",)),
    )
    assert not gate.refusal(call("file.write", path="/srv/x"))
    assert not gate.refusal(call("file.write", path="/etc/x", validate=["visudo", "-cf", "%s"]))
    # The path of the one and the command of the other do not add up.
    assert gate.refusal(call("file.write", path="/srv/x", validate=["visudo", "-cf", "%s"]))


def test_a_backup_needs_its_own_path_covered() -> None:
    gate = apply_gate(Capability("file.write", ("path:/etc/motd", "path:/etc/*.bak")))
    assert not gate.refusal(call("file.write", backup=".bak"))
    assert gate.refusal(call("file.write", backup=".orig")).endswith("file.write of path:/etc/motd.orig")
    assert not gate.refusal(call("file.write", backup=""))


@pytest.mark.parametrize("backup", ["/../../shadow", "a\0b", 5, ["x"]])
def test_a_backup_that_leaves_the_directory_is_refused(backup: object) -> None:
    gate = apply_gate(Capability("file.write", ("path:/**",)))
    assert gate.refusal(call("file.write", backup=backup)).endswith("is not a suffix")


def test_a_command_is_needed_to_run_one() -> None:
    gate = apply_gate(Capability("exec", (), (("id", "**"),)))
    assert not gate.refusal(call("exec", argv=["id", "-u"]))
    assert gate.refusal(call("exec", argv=["sh"])) == "its manifest does not ask for exec with 'sh'"
    for argv in (None, "id", [5], [["id"]]):
        assert gate.refusal(call("exec", argv=argv)) == "argv is a list of texts"
    assert gate.refusal(call("exec", argv=[]))


@pytest.mark.parametrize("path", [None, "etc", "/etc/../x", 7])
def test_a_path_that_is_not_normal_is_refused(path: object) -> None:
    assert "is not an absolute one" in apply_gate(*EVERYTHING).refusal(call("file.stat", path=path))


def test_capabilities_are_read_as_they_are_written() -> None:
    assert Capability.parse({"call": "facts"}) == Capability("facts")
    assert Capability.parse({"call": "exec", "argv": [["id", "**"]]}) == Capability(
        "exec", (), (("id", "**"),)
    )
    assert Capability.parse({"call": "file.stat", "subjects": ["path:/etc/**"]}) == Capability(
        "file.stat", ("path:/etc/**",)
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("file.stat", "a capability is a mapping"),
        ({"subjects": ["path:/"]}, "a capability is a mapping"),
        ({"call": "file.burn"}, "there is no call 'file.burn'; there are: file.stat"),
        ({"call": "file.stat", "path": "/"}, "unknown field 'path'"),
        ({"call": "file.stat", "paths": ["/"]}, 'write subjects: ["path:/etc/**"] for paths: ["/etc/**"]'),
        ({"call": "file.stat", "subjects": "path:/"}, "subjects is a list of texts"),
        ({"call": "file.stat", "subjects": [5]}, "subjects is a list of texts"),
        ({"call": "file.stat", "subjects": ["path:etc"]}, "is no absolute path pattern"),
        ({"call": "file.stat", "subjects": ["etc"]}, "'etc' is no pattern of subjects such as path:/etc/**"),
        ({"call": "file.stat", "subjects": ["/etc"]}, "a path is written path:/etc"),
        ({"call": "file.stat", "subjects": ["unit:nginx"]}, "file.stat is about subjects of path"),
        ({"call": "dir.list", "argv": [["id"]]}, "runs no command"),
        ({"call": "facts", "subjects": ["path:/"]}, "has no argument"),
        ({"call": "exec", "argv": "id"}, "argv is a list of command lines"),
        ({"call": "exec", "argv": ["id"]}, "argv is a list of texts"),
        ({"call": "exec", "argv": [["**", "x"]]}, "can only come last"),
    ],
)
def test_a_capability_that_is_none_says_why(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        Capability.parse(value)


def test_nothing_is_granted_by_default_and_the_operator_can_take_away() -> None:
    assert Grants().packages == {}
    needed = needs(load_packages([Path(__file__).parents[3] / "providers"]))
    assert needed.packages["linux.file"]
    extended = needed.extended(Grants({"linux.file": (), "test.thing": (Capability("facts"),)}))
    assert extended.packages == needed.packages | {"linux.file": (), "test.thing": (Capability("facts"),)}


@pytest.mark.parametrize(
    ("pattern", "url", "allowed"),
    [
        ("url:https://*.example.com/*", "https://www.example.com/", True),
        ("url:https://*.example.com/*", "https://www.example.com/a/b?c=d", True),
        ("url:https://*.example.com/*", "https://example.com/", False),
        ("url:https://*.example.com/*", "https://evil.org/x.example.com/", False),
        ("url:https://*.example.com/*", "https://www.example.com.evil.org/", False),
        ("url:https://*.example.com/*", "https://www.example.com:8443/", False),
        ("url:https://*.example.com:*/*", "https://www.example.com:8443/", True),
        ("url:https://*.example.com:*/*", "https://www.example.com/", True),
        ("url:https://*.example.com/*", "http://www.example.com/", False),
        ("url:*://[::1]/health", "http://[::1]/health", True),
        ("url:*://[::1]/health", "http://[::1]/healthy", False),
        ("url:http://a/*", "http://a@b/", False),
        ("url:http://a:*/*", "http://a:1@b/", False),
        ("url:http://a/*", "http://A/", False),
        ("url:http://a/*", "http://a", False),
        ("url:http://a/*", "http://a/#b", False),
        ("url:http://a:*/*", "http://a:80/", False),
        ("url:http://a/*", "http://a/ b", False),
        ("url:http://a/*", "ftp://a/", False),
        ("url:http://a/*", "http://a\n/", False),
        ("url:http://a/*", None, False),
    ],
)
def test_a_url_is_covered_part_by_part(pattern: str, url: str | None, allowed: bool) -> None:
    """With one pattern over all of it, *.example.com had covered https://evil.org/x.example.com/."""
    capability = Capability.parse({"call": "http.get", "subjects": [pattern]})
    gate = Gate([capability], [capability], Phase.READ)
    assert (gate.refusal(Call("http.get", {"url": url})) == "") is allowed


@pytest.mark.parametrize(
    ("pattern", "address", "allowed"),
    [
        ("tcp:*.example.com:5432", "db.example.com:5432", True),
        ("tcp:*.example.com:5432", "db.example.com:22", False),
        ("tcp:127.0.0.1:*", "127.0.0.1:22", True),
        ("tcp:[[]::1]:*", "[::1]:22", False),
        ("tcp:*", "[::1]:22", True),
        ("tcp:*", "a", False),
        ("tcp:*", "a:b", False),
        ("tcp:*", "A:22", False),
        ("tcp:*", "a b:22", False),
    ],
)
def test_an_address_is_covered_with_its_port(pattern: str, address: str, allowed: bool) -> None:
    capability = Capability.parse({"call": "tcp.connect", "subjects": [pattern]})
    gate = Gate([capability], [capability], Phase.READ)
    assert (gate.refusal(Call("tcp.connect", {"address": address})) == "") is allowed


@pytest.mark.parametrize("pattern", ["url:*", "url:https://a", "url:a.b/*", "url:http://a:b/*", "url:/x"])
def test_what_is_no_pattern_of_urls_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="is no pattern of URLs such as url:https://"):
        Capability.parse({"call": "http.get", "subjects": [pattern]})
