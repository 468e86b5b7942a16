"""The main job: four Debian hosts over SSH, each with a hundred files, directories and links, selected by labels."""

import shlex
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.site import instance, until

pytestmark = [pytest.mark.lab, pytest.mark.slow]

BASE = "/srv/e2e"
EACH = 100
WAYS = {"h1": {"user": "root"}, "h2": {"user": "ops", "become": "sudo"}}
"""How the hosts are reached; those left out as the second."""


def target(lab, host):
    return {
        "apiVersion": "froyo.dev/v1alpha1",
        "kind": "Target",
        "metadata": {"name": host.name, "labels": {"role": "web", "host": host.name}},
        "spec": {
            "ssh": {
                "host": host.address,
                "identityFile": str(lab.identity_file),
                "knownHosts": str(lab.known_hosts),
                "connectTimeout": "5s",
                "keepaliveInterval": "2s",
                **WAYS.get(host.name, WAYS["h2"]),
            }
        },
    }


def manifests(lab):
    """A hundred for each host: files, directories and links, of which one file only where there is a label for it."""
    web = {"targets": {"matchLabels": {"role": "web"}}}
    made = [instance("Directory", "base", BASE, mode="0755", **web)]
    for d in range(13):
        made.append(
            instance("Directory", f"d{d}", f"{BASE}/d{d}", mode="0750", owner="ops", group="ops", **web)
        )
        made.append(instance("Symlink", f"l{d}", f"{BASE}/l{d}", to=f"d{d}/f0", **web))
        made += [
            instance(
                "File",
                f"f{d}.{f}",
                f"{BASE}/d{d}/f{f}",
                content=f"file {d}.{f}\n" * (1 + 100 * f),
                mode="0640",
                owner="ops",
                group="root",
                **web,
            )
            for f in range(5)
        ]
    for n in range(7):
        made.append(instance("File", f"top{n}", f"{BASE}/top{n}", content="", mode="4755", **web))
    for host in lab.hosts:
        own = {"targets": {"matchExpressions": [{"key": "host", "operator": "In", "values": [host.name]}]}}
        made.append(instance("File", f"own-{host.name}", f"{BASE}/own", content=f"{host.name}\n", **own))
    return [*(target(lab, host) for host in lab.hosts), *made]


def everywhere(lab, work):
    with ThreadPoolExecutor(len(lab.hosts)) as pool:
        return dict(zip((host.name for host in lab.hosts), pool.map(work, lab.hosts), strict=True))


def listing(host):
    """Everything about every entry, its times and inode too."""
    return host.exec(f"find {BASE} -printf '%p %y %m %u %g %s %C@ %T@ %i %l\\n' | sort")


def meaning(host):
    """What is declared about every entry, and its content."""
    return host.exec(
        f"cd {BASE} && find . -printf '%p %y %m %u %g %l\\n' | sort && find . -type f | sort | xargs sha256sum"
    )


def traces(host):
    """What is ours on a host apart from what we were told to make there: processes and files."""
    return host.exec(
        "ps -eo args | grep -e 'serve --sha256' -e froyo-bootstrap | grep -v grep;"
        f" find / /run /dev/shm /tmp /var/tmp -xdev ! -path '/proc/*' ! -path '{BASE}*' ! -path /run/froyo"
        " -name '*froyo*' 2>/dev/null; find /run/froyo -mindepth 1 ! -path '/run/froyo/fence*' 2>/dev/null",
        check=False,
    )


@pytest.fixture
def hosts(lab, site):
    """The hosts without anything at BASE, before and after."""
    everywhere(lab, lambda host: host.exec(f"rm -rf {BASE}"))
    site.declare(*manifests(lab))
    yield lab
    for host in lab.hosts:
        if host.state != "off":
            host.exec(f"rm -rf {BASE}")


SPOILS = {
    "content": (f"echo spoiled > {BASE}/d1/f1", "f1.1"),
    "mode": (f"chmod 0666 {BASE}/d2/f2", "f2.2"),
    "owner": (f"chown root {BASE}/d3/f3", "f3.3"),
    "removed": (f"rm {BASE}/d4/f4", "f4.4"),
    "link": (f"ln -sfn /nowhere {BASE}/l5", "l5"),
    "directory": (f"rm -r {BASE}/d6", "d6"),
    "directory's mode": (f"chmod 0777 {BASE}/d7", "d7"),
}


def spoil(host, user):
    """Spoil one of each by hand, as a person who has logged in and is there until it is put right."""
    written = f'while [ "$(cat {BASE}/d1/f1)" = spoiled ]; do sleep 0.1; done'
    script = "; ".join([*(command for command, _ in SPOILS.values()), written])
    host.ssh(f"sudo -n sh -c {shlex.quote(script)}", user=user)


def test_four_hosts_converge_and_stay_as_declared_whoever_spoils_them(hosts, site):
    lab = hosts
    total = EACH * len(lab.hosts)
    done = site.apply()
    assert f"{total} created" in done.stdout, done.stdout
    declared = everywhere(lab, meaning)
    assert all(len(text.splitlines()) == EACH + 65 + 8 for text in declared.values())

    before = everywhere(lab, listing)
    done = site.apply()
    assert done.stdout.startswith("nothing to do"), done.stdout
    assert everywhere(lab, listing) == before
    site.froyo("apply", str(site.manifests), "-o", "json")  # the long way to the same answer
    assert everywhere(lab, listing) == before
    assert set(everywhere(lab, traces).values()) == {""}

    daemon = site.up()
    daemon.until_ready(total)
    until("all hosts are connected", lambda: len(daemon.events(reason="Connected")) == len(lab.hosts))
    assert everywhere(lab, listing) == before

    last = daemon.last_event()
    everywhere(lab, lambda host: spoil(host, "ops"))
    until("all is right", lambda: everywhere(lab, meaning) == declared)
    wanted = {f"{host.name}/{name}" for host in lab.hosts for _, name in SPOILS.values()}

    def told():
        events = daemon.events(after=last, reason="Repaired")
        return {
            event["object"].replace("/File/", "/").replace("/Directory/", "/").replace("/Symlink/", "/")
            for event in events
        } >= wanted and events

    events = until("every repair is on record", told)
    for event in events:
        assert event["cause"] == "drift"
        assert event["message"]
    # A rescan may be quicker than the notice, and a process may have ended. One is there until its work is undone.
    told_of = [event for event in events if event.get("evidence", {}).get("source") == "fanotify"]
    for event in told_of:
        assert event["duration"] > 0
    known = [event["evidence"] for event in told_of if event["evidence"].get("login") == "ops"]
    assert known, [event["evidence"] for event in told_of]
    assert any("ssh from 10.77.0.1" in evidence.get("session", "") for evidence in known)
    assert daemon.terminate() == 0
    until("nothing of ours is left", lambda: set(everywhere(lab, traces).values()) == {""})


def test_what_is_spoiled_while_a_host_is_cut_off_or_dead_is_right_when_it_is_back(hosts, site):
    lab = hosts
    site.apply()
    declared = everywhere(lab, meaning)
    daemon = site.up()
    total = EACH * len(lab.hosts)
    daemon.until_ready(total)
    until("all hosts are connected", lambda: len(daemon.events(reason="Connected")) == len(lab.hosts))
    cut, dead, calm = lab.host("h2"), lab.host("h3"), lab.host("h1")
    script = "; ".join(command for command, _ in SPOILS.values())
    last = daemon.last_event()

    cut.partition()
    cut.exec(script)
    dead.kill()
    (dead.path / "srv/e2e/d1/f1").write_text("spoiled while it was off\n")

    # The others are none the worse for it, while these are still away.
    calm.exec(script)
    until("the others are looked after", lambda: meaning(calm) == declared[calm.name])

    def unreachable():
        return {e["object"] for e in daemon.events(after=last, reason="Unreachable")}

    until("both are said to be unreachable", lambda: unreachable() >= {"Target/h2", "Target/h3"})
    status = daemon.ask("status")
    assert {t["name"]: t["conditions"][0]["status"] for t in status["targets"]}["h1"] == "True"

    cut.heal()
    dead.start()
    until("all is right", lambda: everywhere(lab, meaning) == declared)
    daemon.until_ready(total)

    # Cut off from the hosts for good, the runners there end by themselves.
    daemon.kill()
    until("nothing of ours is left", lambda: set(everywhere(lab, traces).values()) == {""})
