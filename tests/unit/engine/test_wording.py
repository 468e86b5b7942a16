"""The engine says things in the same words everywhere."""

from dataclasses import replace

import pytest

from reconciler.engine import wording
from reconciler.engine.attributing import who
from reconciler.model.evidence import Evidence
from reconciler.model.names import Digest, TargetName
from reconciler.model.plan import FieldDiff
from reconciler.model.target import LocalTransport, SshTransport, Target


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        (None, ""),
        (Evidence(), ""),
        (Evidence(command="vi", pid=7), "by `vi` (pid 7)"),
        (Evidence(command="vi"), "by `vi`"),
        (Evidence(command="vi` (pid 1, root)", pid=7), "by `vi' (pid 1, root)` (pid 7)"),
        (Evidence(command="x" * 201, pid=7), f"by `{'x' * 199}…` (pid 7)"),
        (Evidence(pid=7, ended=True), "by pid 7, ended"),
        (Evidence(command="vi", pid=7, user="root", login="alice"), "by `vi` (pid 7, alice as root)"),
        (Evidence(command="vi", login="alice"), "by `vi` (alice)"),
        (
            Evidence(command="vi", user="alice", session="ssh from 10.0.0.9"),
            "by `vi` (alice, ssh from 10.0.0.9)",
        ),
        (Evidence(command="apt", user="root", unit="cron.service"), "by `apt` (root, cron.service)"),
        (
            Evidence(command="/usr/bin/dpkg --unpack x", pid=7, began="apt-get install x"),
            "by `apt-get install x` (dpkg, pid 7)",
        ),
        (Evidence(command="d`pkg", began="a`pt"), "by `a'pt` (d'pkg)"),
    ],
)
def test_who_did_it_is_said_as_far_as_it_is_known(evidence, said):
    assert who(evidence) == said


def test_fields_that_differ_are_said_without_what_is_ignored():
    body = {"digest": "sha256:" + "0" * 64, "size": 3}
    diffs = [
        FieldDiff(field="content", before=body, after=None),
        FieldDiff(field="mode", before="0600", after="0644"),
        FieldDiff(field="owner", before=None, after="root"),
        FieldDiff(field="group", before="a", after="b", ignored=True),
    ]
    assert wording.fields(diffs) == "content, mode (0600 → 0644), owner (absent → root)"
    # As somebody did it who made of 0644 0600.
    assert wording.fields(diffs, spoiled=True) == "content, mode (0644 → 0600), owner (root → absent)"


def test_a_long_value_is_cut():
    assert wording.value("x" * 100) == "x" * 59 + "…"
    assert wording.value({"digest": "sha256:" + "0" * 64, "size": 3}) == "sha256:000000000000… (3 B)"


@pytest.mark.parametrize(
    ("transport", "uid", "told"),
    [
        (SshTransport(host="web-1", user="ops", become="sudo"), 0, "connected as root, by sudo from ops"),
        (SshTransport(host="web-1", become="sudo"), 0, "connected as root, by sudo from ada"),
        (SshTransport(host="web-1", user="root", become="sudo"), 0, "connected as root"),
        (SshTransport(host="web-1", user="ops"), 1000, "connected as ops"),
        (LocalTransport(), 0, "connected as root"),
        (LocalTransport(), 1000, "connected as ada"),
    ],
)
def test_as_whom_a_session_was_had_is_said_as_people_say_it(transport, uid, told):
    target = Target(TargetName("web-1"), {}, transport, Digest("sha256:0"))
    assert wording.connected(target, uid, {"LOGNAME": "ada"}) == told
    assert wording.connected(replace(target, transport=LocalTransport()), 7, {}) == "connected as uid 7"
    full = wording.connected(target, uid, {"LOGNAME": "ada"}, "/dev/shm (no room)")
    assert full == f"{told}; the runner could not be run from /dev/shm (no room)"


def test_a_runner_of_somebody_else_is_called_what_it_is():
    command = f"/proc/77/fd/9 serve --sha256 {'0' * 64} --signature AAAA --ttl 600000ms"
    assert who(Evidence(command=command, pid=78, user="root")) == (
        "by another OpenFroyo controller (pid 78, root)"
    )
    assert who(Evidence(command=command)) == "by another OpenFroyo controller"
