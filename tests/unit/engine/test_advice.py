"""A failure says what a person can do about it, and not in our own words."""

import pytest

from reconciler.engine.round.advice import told
from reconciler.errors import ErrorClass, FroyoError, ProviderError
from reconciler.model.target import LocalTransport, SshTransport, Target

HERE = Target("here", {}, LocalTransport(), "sha256:1")
THERE = Target("web-1", {}, SshTransport(host="h"), "sha256:1")


def failed(code, call="file.write", message="/srv/app/x: it failed"):
    return ProviderError(message, call=call, code=code)


@pytest.mark.parametrize("call", ["file.write", "dir.ensure", "link.ensure"])
def test_what_lacks_its_directory_is_told_to_declare_it(call):
    said = told(failed("enoent", call, "/srv/app: no such file or directory"), HERE, uid=1000)
    assert said.startswith("/srv/app: no such file or directory; declare a Directory for it")


def test_what_has_vanished_while_it_was_read_needs_no_directory():
    assert told(failed("enoent", "file.read"), HERE, uid=1000) == "/srv/app/x: it failed"


@pytest.mark.parametrize("code", ["eacces", "eperm"])
def test_who_may_not_is_told_how_to_become_somebody_who_may(code):
    assert "`local: {become: sudo}` for the target here" in told(failed(code), HERE, uid=1000)
    assert "`become: sudo` for the target web-1" in told(failed(code), THERE, uid=1000)
    assert told(failed(code), HERE, uid=0).startswith("/srv/app/x: it failed; not even root may")
    assert "become" not in told(failed(code), HERE, uid=0)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("no_space", "df -h"),
        ("read_only", "read-write"),
        ("unknown_owner", "declare a User"),
        ("command_not_found", "install it"),
        ("not_executable", "chmod +x"),
        ("refused", "grants.json"),
    ],
)
def test_each_kind_of_failure_has_its_advice(code, advice):
    assert advice in told(failed(code), HERE, uid=1000)


def test_a_setting_of_a_container_is_its_host_s():
    fixed = ProviderError("fixed", error_class=ErrorClass.TRANSIENT, code="read_only", call="sysctl.set")
    assert told(fixed, HERE, uid=0) == (
        "fixed; a container has no settings of its own there: declare it for the machine that it runs on"
    )


def test_what_is_not_known_or_mends_itself_gets_none():
    assert told(failed("changing"), HERE, uid=1000) == "/srv/app/x: it failed"
    conflict = ProviderError("moved", error_class=ErrorClass.CONFLICT, code="no_space")
    assert told(conflict, HERE, uid=1000) == "moved"
    assert told(FroyoError("lost"), HERE, uid=1000) == "lost"
