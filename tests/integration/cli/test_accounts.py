"""Users and groups of a real Debian host, under the real commands."""

import base64
import json
import secrets
import shutil
import sqlite3
from pathlib import Path

import pytest

pytestmark = pytest.mark.lab

EXAMPLE = Path(__file__).parents[3] / "examples" / "accounts"
TARGET = """\
apiVersion: froyo.dev/v1alpha1
kind: Target
metadata: {{name: h1}}
spec: {{ssh: {{host: "{host}", user: root, identityFile: "{key}", knownHosts: "{known}"}}}}
"""

HOLDER = """\
import fcntl, os, time
lock = open("/etc/.pwd.lock", "a")
fcntl.lockf(lock, fcntl.LOCK_EX)
print(os.getpid(), file=open("/run/held", "w"), flush=True)
time.sleep(600)
"""


@pytest.fixture
def host(lab):
    host = lab.host("h1")
    yield host
    host.exec(
        "for one in ann bob www shop; do userdel -rf $one; done; groupdel deploy; rm -f /etc/ann.conf /etc/shop.conf",
        check=False,
    )


@pytest.fixture
def site(person, lab, host):
    """Writes what is declared, as JSON: each a kind with its spec."""
    (person.site / "files.yaml").unlink()
    key, known = lab.identity_file, lab.known_hosts
    person.write("target.yaml", TARGET.format(host=host.address, key=key, known=known))

    def declare(*resources):
        documents = [
            {
                "apiVersion": "linux.froyo.dev/v1alpha1",
                "kind": kind,
                "metadata": {"name": name},
                "spec": {"target": "h1", **spec},
            }
            for kind, name, spec in resources
        ]
        person.write("accounts.yaml", "\n---\n".join(map(json.dumps, documents)) + "\n")

    return declare


def entry(host, database, name):
    return host.exec(f"getent {database} {name}", check=False).split(":")


def test_users_and_groups_are_made_kept_and_removed(person, site, host):
    canary, other = ("$6$rounds=5000$salt$" + secrets.token_hex(43) for _ in range(2))
    (person.site / "ann.hash").write_text(canary + "\n")
    (person.site / "ann.hash").chmod(0o600)
    deploy = ("Group", "deploy", {"name": "deploy", "gid": 4400})
    ann = {
        "name": "ann",
        "uid": 4401,
        "groups": ["deploy"],
        "shell": "/bin/bash",
        "comment": "Ann Example",
        "home": "/srv/ann",
        "passwordHashSource": "ann.hash",
        "locked": False,
        "expires": "2031-02-03",
    }
    config = ("File", "conf", {"path": "/etc/ann.conf", "owner": "ann", "group": "deploy", "content": "x\n"})
    www = ("User", "www", {"name": "www", "system": True, "shell": "/usr/sbin/nologin", "group": "deploy"})
    declared = [deploy, ("User", "ann", ann), www, config]
    site(*declared)
    said = [person.froyo("plan", person.site, status=2).stdout]
    assert not host.exec("getent passwd ann", check=False)
    assert "4 to create" in said[0]
    said.append(person.froyo("apply", person.site, "-v").stdout)
    assert entry(host, "passwd", "ann") == [
        "ann",
        "x",
        "4401",
        "4401",
        "Ann Example",
        "/srv/ann",
        "/bin/bash",
    ]
    assert host.exec("id -nG ann").split() == ["ann", "deploy"]
    assert host.exec("stat -c %U /srv/ann/.bashrc /etc/ann.conf").split() == ["ann", "ann"]
    assert entry(host, "shadow", "ann")[1] == canary
    assert int(entry(host, "passwd", "www")[2]) < 1000
    assert "nothing to do: 4 instances" in person.froyo("apply", person.site).stdout

    with person.up():
        person.froyo("wait", "--timeout", "60s")
        person.froyo("reconcile", "--wait")
        spoiled = {
            "usermod -s /bin/sh ann": lambda: entry(host, "passwd", "ann")[6] == "/bin/bash",
            "usermod -u 4999 ann": lambda: entry(host, "passwd", "ann")[2] == "4401",
            "usermod -c Nobody ann": lambda: entry(host, "passwd", "ann")[4] == "Ann Example",
            "usermod -d /tmp ann": lambda: entry(host, "passwd", "ann")[5] == "/srv/ann",
            "gpasswd -d ann deploy": lambda: "deploy" in host.exec("id -nG ann"),
            "usermod -L ann": lambda: entry(host, "shadow", "ann")[1] == canary,
            "": lambda: entry(host, "shadow", "ann")[1] == canary,
            "usermod -e '' ann": lambda: entry(host, "shadow", "ann")[7] == "22313",
            "rm -r /srv/ann": lambda: host.exec("stat -c %U:%G /srv/ann/.bashrc", check=False) == "ann:ann",
            "groupmod -g 4499 deploy": lambda: entry(host, "group", "deploy")[2] == "4400",
            "userdel www": lambda: host.exec("getent passwd www", check=False),
        }
        for command, mended in spoiled.items():
            if command:
                host.exec(command)
            else:
                host.ssh("chpasswd -e", stdin=f"ann:{other}\n")
            person.until(mended)
        person.until(lambda: len(person.json("events", "--cause", "drift")["items"]) >= len(spoiled))
        said += [person.froyo("events", "-v").stdout, person.froyo("events", "-o", "json").stdout]
        assert "removed by `userdel" in said[-2]  # it may be over before anybody can ask what it was told
    said.append(person.log)

    said.append(person.froyo("get", "-o", "json", status=None).stdout)
    said.append(person.froyo("describe", "User/ann", "-o", "json").stdout)
    copy = sqlite3.connect(person.state / "froyo.db")
    said += [line for line in copy.iterdump() if not line.startswith('INSERT INTO "blobs"')]
    copy.close()
    for hash_ in (canary, other):
        assert hash_ not in "\n".join(said)

    gone = [
        (kind, name, {**spec, "state": "absent", "removeHome": kind == "User"})
        for kind, name, spec in declared
    ]
    gone = [
        (kind, name, {k: v for k, v in spec.items() if k != "removeHome" or v}) for kind, name, spec in gone
    ]
    site(*gone)
    person.froyo("apply", person.site)
    assert not host.exec("getent passwd ann www; getent group deploy", check=False)
    assert not host.path.joinpath("srv/ann").exists()


def test_whoever_was_made_by_hand_is_adopted_and_nobody_loses_a_number(person, site, host):
    host.exec("groupadd -g 4500 deploy; useradd -m -u 4501 -s /bin/bash -c 'Bob B' -G deploy,adm bob")
    before = [entry(host, "passwd", "bob"), entry(host, "shadow", "bob")]
    bob = {
        "name": "bob",
        "uid": 4501,
        "shell": "/bin/bash",
        "comment": "Bob B",
        "exactGroups": ["adm", "deploy"],
    }
    site(("User", "bob", bob), ("Group", "deploy", {"name": "deploy", "gid": 4500}))
    assert "nothing to do: 2 instances" in person.froyo("apply", person.site).stdout
    assert [entry(host, "passwd", "bob"), entry(host, "shadow", "bob")] == before

    site(
        ("User", "eve", {"name": "eve", "uid": 4501}),
        ("User", "shell", {"name": "joe", "shell": "/bin/nosuchshell"}),
        ("User", "member", {"name": "jim", "groups": ["nosuchgroup"]}),
        ("Group", "other", {"name": "other", "gid": 4500}),
        ("User", "root", {"name": "root", "state": "absent"}),
    )
    plan = person.froyo("plan", person.site, status=1).stdout
    for why in (
        "the number 4501 is that of the user bob",
        "/bin/nosuchshell does not exist",
        'no group "nosuchgroup"',
        "the number 4500 is that of the group deploy",
        "root has the number 0: it is not removed",
    ):
        assert why in plan
    person.froyo("apply", person.site, status=1)
    assert not host.exec("getent passwd eve joe jim; getent group other", check=False)
    assert entry(host, "passwd", "bob") == before[0]


def test_who_holds_the_lock_of_the_accounts_is_named_and_waited_for(person, site, host):
    site(("User", "ann", {"name": "ann"}))
    host.ssh("cat > /run/holder", stdin=HOLDER)
    host.exec("nohup python3 /run/holder >/dev/null 2>&1 & while [ ! -s /run/held ]; do :; done")
    failed = person.froyo("apply", person.site, status=1)
    assert "/etc/.pwd.lock is held by the process" in failed.stdout + failed.stderr
    assert "(python3)" in failed.stdout + failed.stderr
    host.exec("kill $(cat /run/held); rm /run/held /run/holder")
    person.froyo("apply", person.site)
    assert host.exec("getent passwd ann")


def test_the_example_does_what_it_says(person, lab, host):
    shutil.rmtree(person.site)
    shutil.copytree(EXAMPLE, person.site)
    key, known = lab.identity_file, lab.known_hosts
    target = TARGET.format(host=host.address, key=key, known=known).replace("h1", "web-1")
    person.write("target.yaml", target)
    person.froyo("apply", person.site)
    assert host.exec("id -nG ann").split() == ["ann", "adm", "deploy"]
    assert host.exec("stat -c %U:%G /etc/shop.conf /srv/shop/.ssh").split() == ["shop:deploy"] * 2
    hash_ = (EXAMPLE / "secrets" / "ann.hash").read_text().strip()
    assert entry(host, "shadow", "ann")[1] == hash_
    assert "nothing to do: 7 instances" in person.froyo("apply", person.site).stdout


@pytest.mark.e2e
def test_a_user_goes_through_what_users_of_other_tools_know(person, site, host):
    first, second = ("$6$rounds=5000$salt$" + secrets.token_hex(43) for _ in range(2))
    old = host.exec("readlink /etc/localtime", check=False)
    host.exec("ln -sf /usr/share/zoneinfo/Etc/GMT+11 /etc/localtime; groupadd ann; groupadd deploy")

    def shadow():
        return entry(host, "shadow", "ann")

    def apply(**spec):
        site(("User", "ann", {"name": "ann", **spec}))
        person.froyo("apply", person.site)
        assert "nothing to do" in person.froyo("apply", person.site).stdout

    # Made into the group of its own name that is there, in a directory that is not, locked from the first moment on.
    apply(
        groups=["deploy", "adm"], home="/srv/deep/ann", passwordHash=first, locked=True, expires="2050-03-03"
    )
    assert shadow()[1] == "!" + first
    assert shadow()[7] == "29281"
    assert host.exec("id -nG ann").split() == ["ann", "adm", "deploy"]
    assert host.exec("stat -c %U /srv/deep /srv/deep/ann").split() == ["root", "ann"]
    # Another hash stays locked, and unlocking keeps it; the groups go one by one, or all.
    apply(passwordHash=second, exactGroups=["adm"], expires="never")
    assert (shadow()[1], shadow()[7]) == ("!" + second, "")
    assert host.exec("id -nG ann").split() == ["ann", "adm"]
    apply(locked=False, exactGroups=[])
    assert shadow()[1] == second
    assert host.exec("id -nG ann") == "ann"
    # A home stays where it is unless it is said to move.
    host.exec("touch /srv/deep/ann/mine")
    apply(home="/srv/other", createHome=False)
    assert host.exec("ls /srv/deep/ann/mine; ls -d /srv/other", check=False) == "/srv/deep/ann/mine"
    apply(home="/srv/deep/ann")
    apply(home="/srv/moved", moveHome=True)
    assert host.exec("ls /srv/moved/mine; ls -d /srv/deep/ann", check=False) == "/srv/moved/mine"
    # Whoever is at work is not taken away.
    host.exec("nohup su ann -s /bin/sh -c 'sleep 600' >/dev/null 2>&1 & while ! pgrep -u ann; do :; done")
    site(("User", "ann", {"name": "ann", "state": "absent"}))
    failed = person.froyo("apply", person.site, status=1)
    assert "user ann is currently used by process" in failed.stdout + failed.stderr
    host.exec("kill $(pgrep -u ann); while pgrep -u ann; do :; done")
    person.froyo("apply", person.site)
    assert host.exec("getent passwd ann; ls /srv/moved/mine", check=False) == "/srv/moved/mine"
    host.exec(f"ln -sf {old} /etc/localtime; rm -r /srv/moved /srv/deep", check=False)


def public(what):
    blob = len(b"ssh-ed25519").to_bytes(4, "big") + b"ssh-ed25519" + what.encode()
    return f"ssh-ed25519 {base64.b64encode(blob).decode()}"


def test_keys_let_users_in_and_no_link_of_a_user_leads_elsewhere(person, site, host, lab):
    real = lab.identity_file.with_suffix(".pub").read_text().strip()
    ann = ("User", "ann", {"name": "ann", "shell": "/bin/sh"})
    own = ("AuthorizedKey", "real", {"user": "ann", "key": real, "options": ["no-pty"]})
    bob = ("User", "bob", {"name": "bob"})
    only = ("AuthorizedKey", "only", {"user": "bob", "keys": [public("one") + " a", public("two")]})
    site(only, own, bob, ann)
    person.froyo("apply", person.site)
    assert host.ssh("id -un", user="ann") == "ann"
    assert "nothing to do: 4 instances" in person.froyo("apply", person.site).stdout
    paths = "/home/ann/.ssh /home/ann/.ssh/authorized_keys"
    assert host.exec(f"stat -c '%U:%G %a' {paths}").splitlines() == ["ann:ann 700", "ann:ann 600"]

    keys = host.path / "home/bob/.ssh/authorized_keys"
    declared = keys.read_text()
    with person.up():
        person.froyo("wait", "--timeout", "60s")
        person.froyo("reconcile", "--wait")
        host.exec(f"su bob -s /bin/sh -c 'echo {public('three')} eve >> ~/.ssh/authorized_keys'")
        person.until(lambda: keys.read_text() == declared)
        host.exec("rm /home/ann/.ssh/authorized_keys")
        person.until(lambda: host.ssh("id -un", user="ann", check=False) == "ann")
        host.exec(f"su ann -s /bin/sh -c 'echo {public('mine')} mine >> ~/.ssh/authorized_keys'")
        host.exec("mv /home/bob/.ssh /home/bob/other; ln -s /root/.ssh /home/bob/.ssh")
        person.until(lambda: "is a symbolic link" in person.froyo("get", status=None).stdout)
        host.exec("rm /home/bob/.ssh")
        person.until(keys.exists)
    assert "mine" in (host.path / "home/ann/.ssh/authorized_keys").read_text()
    assert "eve" in person.froyo("events", "-v").stdout

    site(("AuthorizedKey", "real", {**own[2], "state": "absent"}), ann)
    person.froyo("apply", person.site)
    assert host.exec("cat /home/ann/.ssh/authorized_keys").endswith(" mine")
